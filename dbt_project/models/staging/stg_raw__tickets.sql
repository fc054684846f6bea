with

versions as (

    select * from {{ ref('stg_raw__ticket_versions') }}

),

latest as (

    select
        load_id,
        source,
        file,
        ticket_id,
        record_hash,
        person_source,
        person_record_id,
        person_email,
        subject,
        topic,
        priority,
        satisfaction,
        attributes,
        opened_at,
        solved_at,
        record_created_at,
        record_updated_at,
        loaded_at

    from versions

    where version_rank = 1

)

select * from latest
