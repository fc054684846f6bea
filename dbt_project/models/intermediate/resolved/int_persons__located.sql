with

events as (

    select distinct
        person_id,
        ip

    from {{ ref('int_events__attributed') }}

    where person_id is not null and ip is not null

),

addresses as (

    select * from {{ ref('int_addresses__located') }}

),

located as (

    select
        events.person_id,
        addresses.domain,
        count(*) as address_count

    from events

    inner join addresses
        on events.ip = addresses.ip

    group by events.person_id, addresses.domain

)

select * from located
