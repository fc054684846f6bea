with

tickets as (

    select * from {{ ref('stg_raw__tickets') }}

),

members as (

    select * from {{ source('identity', 'members') }}

),

attributed as (

    select
        tickets.*,
        coalesce(records.person_id, emails.person_id) as person_id

    from tickets

    left join members as records
        on
            tickets.person_source = records.source
            and tickets.person_record_id = records.source_record_id

    left join members as emails
        on
            emails.source = 'emails'
            and tickets.person_email = emails.source_record_id

)

select * from attributed
