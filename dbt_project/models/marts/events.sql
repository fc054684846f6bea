with

sessionised as (

    select * from {{ ref('int_events__sessionised') }}

),

final as (

    select
        event_id,
        person_id,
        case when first_event_id is not null then session_hash end as session_id,
        source,
        type,
        event,
        activity,
        occurred_at,
        received_at,
        anonymous_id,
        page_path,
        {{ without_addresses('page_referrer') }} as page_referrer,
        campaign_source,
        campaign_medium,
        campaign_name,
        channel,
        device_type,
        locale,
        timezone,
        content_id,
        scroll_share as scroll_depth,
        cast(attention_s as double) as time_on_page_s,
        {{ without_addresses('search_query') }} as search_query,
        {{ without_addresses('properties') }} as properties,
        is_bot

    from sessionised

)

select * from final
