with

events as (

    select distinct
        person_id,
        ip

    from {{ ref('int_events__attributed') }}

    where person_id is not null and ip is not null

),

addresses as (

    select
        person_id,
        {{ address_key('ip') }} as address

    from events

),

ranges as (

    select * from {{ ref('stg_raw__ip_ranges') }}

    where confidence is null or confidence >= {{ var('network_confidence') }}

),

located as (

    select
        addresses.person_id,
        ranges.domain,
        count(*) as address_count

    from addresses

    inner join ranges
        on addresses.address between ranges.first_address and ranges.last_address

    group by addresses.person_id, ranges.domain

)

select * from located
