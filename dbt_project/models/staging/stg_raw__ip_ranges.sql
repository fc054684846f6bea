with

source as (

    select * from {{ source('raw', 'ip_ranges') }}

),

renamed as (

    select
        -- ids
        load_id,
        source,
        file,
        cidr,
        record_hash,

        -- the network
        first_address,
        last_address,
        lower({{ clean_text('domain') }}) as domain,
        confidence,

        -- timestamps, UTC
        cast(record_created_at as {{ dbt.type_timestamp() }}) as record_created_at,
        cast(record_updated_at as {{ dbt.type_timestamp() }}) as record_updated_at,
        cast(loaded_at as {{ dbt.type_timestamp() }}) as loaded_at,

        {{ version_rank('source, cidr') }} as version_rank

    from source

),

latest as (

    select
        load_id,
        source,
        file,
        cidr,
        record_hash,
        first_address,
        last_address,
        domain,
        confidence,
        record_created_at,
        record_updated_at,
        loaded_at

    from renamed

    where version_rank = 1

)

select * from latest
