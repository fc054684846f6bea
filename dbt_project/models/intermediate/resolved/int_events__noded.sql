with

events as (

    select * from {{ ref('int_events__classified') }}

),

nodes as (

    select distinct
        source,
        source_record_id

    from {{ source('identity', 'members_history') }}

    where source in ('users', 'devices', 'emails')

),

-- Which node of the identity graph an event hangs on never changes; whose node it is does.
noded as (

    select
        events.event_id,
        events.visitor_id,
        events.type,
        events.event,
        events.activity,
        events.page_path,
        events.content_id,
        events.group_id,
        events.ip,
        events.scroll_share,
        events.attention_s,
        events.occurred_at,
        events.known_at,
        case
            when users.source_record_id is not null then 'users'
            when devices.source_record_id is not null then 'devices'
            else 'emails'
        end as source,
        coalesce(
            users.source_record_id, devices.source_record_id, emails.source_record_id
        ) as source_record_id

    from events

    left join nodes as users
        on users.source = 'users' and events.user_id = users.source_record_id

    left join nodes as devices
        on devices.source = 'devices' and events.anonymous_id = devices.source_record_id

    left join nodes as emails
        on emails.source = 'emails' and events.email = emails.source_record_id

    where not events.is_automated

)

select * from noded

where source_record_id is not null
