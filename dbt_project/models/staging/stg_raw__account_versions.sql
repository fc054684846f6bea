with

source as (

    select * from {{ source('raw', 'accounts') }}

),

loads as (

    select load_id, arrived_at, is_first from {{ ref('stg_raw__loads') }}

),

renamed as (

    select
        -- ids
        source.load_id,
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

        {{ version_rank('source, account_id') }} as version_rank,
        {{ learnt_at() }} as learnt_at,
        coalesce(loads.is_first, true) as is_first

    from source

    left join loads
        on source.load_id = loads.load_id

),

versions as (

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
        loaded_at,
        version_rank,
        {{ known_period('source, account_id') }}

    from renamed

)

select * from versions
