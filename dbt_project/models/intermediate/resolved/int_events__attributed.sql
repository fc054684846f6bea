with

events as (

    select * from {{ ref('int_events__classified') }}

),

users as (

    select
        source_record_id as user_id,
        person_id

    from {{ source('identity', 'members') }}

    where source = 'users'

),

-- A shared device never hands its anonymous history to one of its users.
devices as (

    select
        anonymous_id,
        person_id,
        valid_from,
        valid_to

    from {{ source('identity', 'devices') }}

    where not is_shared and person_id is not null

),

emails as (

    select
        source_record_id as email,
        person_id

    from {{ source('identity', 'members') }}

    where source = 'emails'

),

addresses as (

    select * from {{ ref('int_addresses__located') }}

),

attributed as (

    select
        events.*,
        coalesce(users.person_id, devices.person_id, emails.person_id) as person_id,
        addresses.domain as company_domain,
        addresses.confidence as company_confidence

    from events

    left join users
        on events.user_id = users.user_id

    left join devices
        on
            events.anonymous_id = devices.anonymous_id
            and (devices.valid_from is null or events.occurred_at >= devices.valid_from)
            and (devices.valid_to is null or events.occurred_at < devices.valid_to)

    left join emails
        on events.email = emails.email

    left join addresses
        on events.ip = addresses.ip

)

select * from attributed
