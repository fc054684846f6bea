with

events as (

    select * from {{ ref('stg_raw__events') }}

),

hosts as (

    select
        events.*,
        {{ url_host('page_url') }} as page_host,
        -- "undefined" and the like, which scripts write for none, are no host.
        case
            when page_referrer like '%.%' or page_referrer like '%://%'
                then {{ url_host('page_referrer') }}
        end as referrer_host,
        lower(campaign_source) as plain_source,
        replace(replace(lower(campaign_medium), '_', '-'), ' ', '-') as plain_medium,
        lower(device_type) as plain_device_type,
        lower(user_agent) as plain_user_agent

    from events

),

classified as (

    select
        hosts.*,

        -- E-mail and server events carry no device: they belong to no session.
        case
            when anonymous_id is not null then anonymous_id
            when type in ('page', 'screen') then user_id
        end as visitor_id,

        {{ activity('type', 'event') }} as activity,
        {{ channel('plain_source', 'plain_medium', 'referrer_host', 'page_host', 'page_url') }}
            as channel,
        {{ device_class('plain_device_type', 'plain_user_agent') }} as device_class,

        -- Some trackers send the depth in percent.
        case
            when scroll_depth < 0 or scroll_depth > 100 then null
            when scroll_depth > 1 then scroll_depth / 100.0
            else scroll_depth
        end as scroll_share,

        -- A page left open over night was not read over night.
        case
            when time_on_page_s >= 0 then least(time_on_page_s, 3600)
        end as attention_s,

        coalesce({{ matches('plain_user_agent', var('bot_agent_pattern')) }}, false)
            as is_automated,
        coalesce(received_at, occurred_at) as known_at

    from hosts

)

select * from classified
