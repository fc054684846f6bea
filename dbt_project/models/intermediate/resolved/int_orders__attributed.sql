with

orders as (

    select * from {{ ref('stg_raw__orders') }}

),

members as (

    select * from {{ source('identity', 'members') }}

),

attributed as (

    select
        orders.*,
        coalesce(records.person_id, emails.person_id) as person_id

    from orders

    left join members as records
        on
            orders.person_source = records.source
            and orders.person_record_id = records.source_record_id

    left join members as emails
        on
            emails.source = 'emails'
            and orders.person_email = emails.source_record_id

)

select * from attributed
