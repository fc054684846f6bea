with

events as (

    select * from {{ ref('int_events__attributed') }}

),

visitors as (

    select * from {{ ref('int_visitors__judged') }}

),

addresses as (

    select * from {{ ref('int_addresses__located') }}

),

described as (

    select
        events.event_id,
        events.visitor_id,
        events.person_id,
        events.source,
        events.type,
        events.event,
        events.activity,
        events.occurred_at,
        events.received_at,
        events.anonymous_id,
        events.page_path,
        {{ without_addresses('events.page_referrer') }} as page_referrer,
        events.campaign_source,
        events.campaign_medium,
        events.campaign_name,
        events.channel,
        events.device_class as device_type,
        events.locale,
        events.timezone,
        events.content_id,
        events.scroll_share as scroll_depth,
        cast(events.attention_s as double) as time_on_page_s,
        {{ without_addresses('events.search_query') }} as search_query,
        {{ without_addresses('events.properties') }} as properties,
        {{ without_addresses('events.download') }} as download,
        {{ without_addresses('events.block') }} as block,
        events.item_position,
        events.is_late,
        addresses.domain as company_domain,
        addresses.confidence as company_confidence,
        coalesce(visitors.is_bot, events.is_automated) as is_bot

    from events

    left join visitors
        on events.visitor_id = visitors.visitor_id

    left join addresses
        on events.ip = addresses.ip

)

select * from described
