with

sessionised as (

    select * from {{ ref('int_events__sessionised') }}

),

addresses as (

    select * from {{ ref('int_addresses__located') }}

),

final as (

    select
        sessionised.event_id,
        sessionised.person_id,
        case when sessionised.first_event_id is not null then sessionised.session_hash end as session_id,
        sessionised.source,
        sessionised.type,
        sessionised.event,
        sessionised.activity,
        sessionised.occurred_at,
        sessionised.received_at,
        sessionised.anonymous_id,
        sessionised.page_path,
        {{ without_addresses('sessionised.page_referrer') }} as page_referrer,
        sessionised.campaign_source,
        sessionised.campaign_medium,
        sessionised.campaign_name,
        sessionised.channel,
        sessionised.device_class as device_type,
        sessionised.locale,
        sessionised.timezone,
        sessionised.content_id,
        sessionised.scroll_share as scroll_depth,
        cast(sessionised.attention_s as double) as time_on_page_s,
        {{ without_addresses('sessionised.search_query') }} as search_query,
        {{ without_addresses('sessionised.properties') }} as properties,
        {{ without_addresses('sessionised.download') }} as download,
        {{ without_addresses('sessionised.block') }} as block,
        sessionised.item_position,
        sessionised.is_late,
        addresses.domain as company_domain,
        addresses.confidence as company_confidence,
        sessionised.is_bot

    from sessionised

    left join addresses
        on sessionised.ip = addresses.ip

)

select * from final
