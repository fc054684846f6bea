with

source as (

    select * from {{ source('raw', 'accounts') }}

),

renamed as (

    select
        -- ids
        load_id,
        source,
        file,
        account_id,
        record_hash,

        -- the company
        {{ clean_text('name') }} as name,
        {{ clean_text('domain') }} as domain,
        {{ clean_text('website') }} as website,
        {{ clean_text('industry') }} as industry,
        employee_count,
        annual_revenue,
        {{ clean_text('country') }} as country,
        {{ clean_text('account_type') }} as account_type,

        -- JSON
        attributes,

        -- timestamps, UTC
        cast(record_created_at as {{ dbt.type_timestamp() }}) as record_created_at,
        cast(record_updated_at as {{ dbt.type_timestamp() }}) as record_updated_at,
        cast(loaded_at as {{ dbt.type_timestamp() }}) as loaded_at,

        {{ version_rank('source, account_id') }} as version_rank

    from source

),

latest as (

    select
        load_id,
        source,
        file,
        account_id,
        record_hash,
        name,
        domain,
        website,
        industry,
        employee_count,
        annual_revenue,
        country,
        account_type,
        attributes,
        record_created_at,
        record_updated_at,
        loaded_at

    from renamed

    where version_rank = 1

)

select * from latest
