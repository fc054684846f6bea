with

versions as (

    select * from {{ ref('stg_raw__account_versions') }}

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

    from versions

    where version_rank = 1

)

select * from latest
