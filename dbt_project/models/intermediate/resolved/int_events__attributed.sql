with

events as (

    select * from {{ ref('int_events__classified') }}

),

addresses as (

    select * from {{ ref('int_addresses__located') }}

),

{{ attributed('events', 'addresses') }}

select * from attributed
