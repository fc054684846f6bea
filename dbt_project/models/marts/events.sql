{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert' if target.type == 'duckdb' else 'merge',
        unique_key='event_id',
        on_schema_change='append_new_columns',
        post_hook="{{ delete_events_that_are_gone() }}"
    )
}}

{#- What an event says, its session and its verdict aside. -#}
{%- set said_columns = [
    'source', 'type', 'event', 'activity', 'occurred_at', 'received_at', 'anonymous_id',
    'page_path', 'page_referrer', 'campaign_source', 'campaign_medium', 'campaign_name',
    'channel', 'device_type', 'locale', 'timezone', 'content_id', 'scroll_depth',
    'time_on_page_s', 'search_query', 'properties', 'download', 'block', 'item_position',
    'is_late', 'company_domain', 'company_confidence', 'is_automated'
] -%}
{%- set is_growing = is_incremental() and has_columns(this, ['input_fingerprint', 'is_automated']) -%}

with

-- Read in increments or else.
-- depends_on: {{ ref('int_events__changed') }}
-- depends_on: {{ ref('int_events__classified') }}
-- depends_on: {{ ref('int_events__attributed') }}
-- depends_on: {{ ref('stg_raw__events') }}
{% if is_growing -%}
changed as (

    select * from {{ ref('int_events__changed') }}

),

-- The time of loading is there for the engine: it need not look at rows of other days.
events as (

    select
        classified.*,
        changed.person_id,
        changed.company_domain,
        changed.company_confidence,
        changed.input_fingerprint

    from {{ ref('int_events__classified') }} as classified

    inner join changed
        on
            classified.event_id = changed.event_id
            and classified.loaded_at = changed.loaded_at

    where changed.change = 'told'

),
{%- else -%}
events as (

    select
        attributed.*,
        {{ event_fingerprint() }} as input_fingerprint

    from {{ ref('int_events__attributed') }} as attributed

),
{%- endif %}

described as (

    select
        event_id,
        visitor_id,
        person_id,
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
        device_class as device_type,
        locale,
        timezone,
        content_id,
        scroll_share as scroll_depth,
        cast(attention_s as double) as time_on_page_s,
        {{ without_addresses('search_query') }} as search_query,
        {{ without_addresses('properties') }} as properties,
        {{ without_addresses('download') }} as download,
        {{ without_addresses('block') }} as block,
        item_position,
        is_late,
        company_domain,
        company_confidence,
        is_automated,
        input_fingerprint

    from events

),

{% if is_growing -%}
-- What an event of before says stays; that it is in another visit now is all that is new.
written as (

    select
        described.*,
        changed.session_id,
        changed.is_bot

    from described

    inner join changed
        on described.event_id = changed.event_id

    union all

    select
        stored.event_id,
        stored.visitor_id,
        stored.person_id,
        {%- for column in said_columns %}
        stored.{{ column }},
        {%- endfor %}
        stored.input_fingerprint,
        changed.session_id,
        changed.is_bot

    from {{ this }} as stored

    inner join changed
        on stored.event_id = changed.event_id

    where changed.change = 'moved'

),
{%- else -%}
visits as (

    select * from described

    where visitor_id is not null

),

{{ placed('visits') }},

written as (

    select
        described.*,
        placed.session_id,
        coalesce(placed.is_bot, described.is_automated) as is_bot

    from described

    left join placed
        on described.event_id = placed.event_id

),
{%- endif %}

final as (

    select
        event_id,
        person_id,
        session_id,
        visitor_id,
        {%- for column in said_columns %}
        {{ column }},
        {%- endfor %}
        is_bot,
        '{{ var('session_gap_minutes') }} minutes' as session_rule,
        input_fingerprint,
        {{ row_fingerprint(['input_fingerprint', 'session_id', 'is_bot']) }} as row_fingerprint

    from written

)

select * from final
