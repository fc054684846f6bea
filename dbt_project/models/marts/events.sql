{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert' if target.type == 'duckdb' else 'merge',
        unique_key='event_id',
        on_schema_change='append_new_columns',
        post_hook="
            {% if is_incremental() %}
            delete from {{ this }}
            where event_id not in (select event_id from {{ ref('stg_raw__events') }})
            {% endif %}
        "
    )
}}

{#- What an event is, its session aside. Where nothing of this differs for any event of a visitor,
    the visitor's sessions are what they were. -#}
{%- set described_columns = [
    'visitor_id', 'person_id', 'source', 'type', 'event', 'activity', 'occurred_at',
    'received_at', 'anonymous_id', 'page_path', 'page_referrer', 'campaign_source',
    'campaign_medium', 'campaign_name', 'channel', 'device_type', 'locale',
    'timezone', 'content_id', 'scroll_depth', 'time_on_page_s', 'search_query',
    'properties', 'download', 'block', 'item_position', 'is_late', 'company_domain',
    'company_confidence', 'is_bot', 'session_rule'
] -%}
{%- set is_growing = is_incremental() and has_columns(this, described_columns) -%}

with

described as (

    select
        events.*,
        '{{ var('session_gap_minutes') }} minutes' as session_rule

    from {{ ref('int_events__described') }} as events

),

-- Read after the build. depends_on: {{ ref('stg_raw__events') }}
{% if is_growing -%}
stored as (

    select
        event_id,
        visitor_id,
        {{ row_fingerprint(described_columns) }} as fingerprint

    from {{ this }}

),

present as (

    select
        event_id,
        visitor_id,
        {{ row_fingerprint(described_columns) }} as fingerprint

    from described

),

-- New, late, told otherwise, of another person by now, or gone.
changed as (

    select
        present.event_id,
        present.visitor_id,
        stored.visitor_id as former_visitor_id

    from present

    full outer join stored
        on present.event_id = stored.event_id

    where
        present.event_id is null
        or stored.event_id is null
        or present.fingerprint <> stored.fingerprint

),

changed_visitors as (

    select visitor_id from changed where visitor_id is not null

    union

    select former_visitor_id as visitor_id from changed where former_visitor_id is not null

),

events as (

    select described.*

    from described

    left join changed_visitors
        on described.visitor_id = changed_visitors.visitor_id

    left join changed
        on described.event_id = changed.event_id

    where changed_visitors.visitor_id is not null or changed.event_id is not null

),
{%- else -%}
events as (

    select * from described

),
{%- endif %}

visits as (

    select
        event_id,
        visitor_id,
        person_id,
        occurred_at,
        lag(occurred_at) over (
            partition by visitor_id, person_id
            order by occurred_at, event_id
        ) as previous_at

    from events

    where visitor_id is not null

),

numbered as (

    select
        visits.*,
        sum(
            case
                when
                    previous_at is null
                    or {{ dbt.dateadd('minute', var('session_gap_minutes'), 'previous_at') }}
                    < occurred_at
                    then 1
                else 0
            end
        ) over (
            partition by visitor_id, person_id
            order by occurred_at, event_id
            rows between unbounded preceding and current row
        ) as session_number

    from visits

),

-- A session is named after its first event, so that a merge of persons renames none.
named as (

    select
        event_id,
        first_value(event_id) over (
            partition by visitor_id, person_id, session_number
            order by occurred_at, event_id
            rows between unbounded preceding and current row
        ) as first_event_id

    from numbered

),

final as (

    select
        events.event_id,
        events.person_id,
        case
            when named.first_event_id is not null
                then {{ dbt.hash("'session ' || named.first_event_id") }}
        end as session_id,
        events.visitor_id,
        events.source,
        events.type,
        events.event,
        events.activity,
        events.occurred_at,
        events.received_at,
        events.anonymous_id,
        events.page_path,
        events.page_referrer,
        events.campaign_source,
        events.campaign_medium,
        events.campaign_name,
        events.channel,
        events.device_type,
        events.locale,
        events.timezone,
        events.content_id,
        events.scroll_depth,
        events.time_on_page_s,
        events.search_query,
        events.properties,
        events.download,
        events.block,
        events.item_position,
        events.is_late,
        events.company_domain,
        events.company_confidence,
        events.is_bot,
        events.session_rule

    from events

    left join named
        on events.event_id = named.event_id

)

select * from final
