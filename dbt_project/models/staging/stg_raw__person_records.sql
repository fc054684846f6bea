with

versions as (

    select * from {{ ref('stg_raw__person_record_versions') }}

),

latest as (

    select
        load_id,
        source,
        file,
        source_record_id,
        record_hash,
        account_id,
        user_id,
        first_name,
        middle_name,
        last_name,
        full_name,
        email,
        phone,
        birth_date,
        street,
        city,
        state,
        postal_code,
        country,
        company_name,
        company_domain,
        job_title,
        lifecycle_stage,
        attributes,
        record_created_at,
        record_updated_at,
        loaded_at

    from versions

    where version_rank = 1

)

select * from latest
