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

-- Read in increments and after them.
-- depends_on: {{ ref('int_events__classified') }}
-- depends_on: {{ ref('stg_raw__events') }}
{% if is_growing -%}
-- Few columns of all events: whose they are and what they are made from, not what they say.
present as (

    select
        event_id,
        coalesce(visitor_id, '') as visitor_key,
        person_id,
        company_domain,
        company_confidence,
        loaded_at,
        {{ event_fingerprint() }} as input_fingerprint

    from {{ ref('int_events__attributed') }}

),

stored as (

    select
        event_id,
        coalesce(visitor_id, '') as visitor_key,
        input_fingerprint

    from {{ this }}

),

present_visitors as (

    select
        visitor_key,
        {{ set_fingerprint('input_fingerprint') }} as fingerprint

    from present

    group by visitor_key

),

stored_visitors as (

    select
        visitor_key,
        {{ set_fingerprint('input_fingerprint') }} as fingerprint

    from stored

    group by visitor_key

),

-- An event of theirs is new, late, told otherwise, of another person by now, or gone.
changed_visitors as (

    select coalesce(present_visitors.visitor_key, stored_visitors.visitor_key) as visitor_key

    from present_visitors

    full outer join stored_visitors
        on present_visitors.visitor_key = stored_visitors.visitor_key

    where
        present_visitors.fingerprint is null
        or stored_visitors.fingerprint is null
        or present_visitors.fingerprint <> stored_visitors.fingerprint

),

-- An event that changed its visitor has changed them both.
former as (

    select
        stored.event_id,
        stored.input_fingerprint

    from stored

    inner join changed_visitors
        on stored.visitor_key = changed_visitors.visitor_key

),

concerned as (

    select
        present.*,
        coalesce(former.input_fingerprint = present.input_fingerprint, false) as is_unchanged

    from present

    inner join changed_visitors
        on present.visitor_key = changed_visitors.visitor_key

    left join former
        on present.event_id = former.event_id

),

-- The time of loading is there for the engine: it need not look at rows of other days.
events as (

    select
        classified.*,
        concerned.person_id,
        concerned.company_domain,
        concerned.company_confidence,
        concerned.input_fingerprint

    from {{ ref('int_events__classified') }} as classified

    inner join concerned
        on
            classified.event_id = concerned.event_id
            and classified.loaded_at = concerned.loaded_at

    where not concerned.is_unchanged

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

-- All events of the visitors concerned: a late one may join two visits.
visits as (

    select
        event_id,
        visitor_id,
        person_id,
        occurred_at,
        activity,
        is_automated,
        cast(null as {{ dbt.type_string() }}) as former_session_id,
        cast(null as boolean) as was_bot

    from described

    where visitor_id is not null
    {%- if is_growing %}

    union all

    select
        unchanged.event_id,
        unchanged.visitor_id,
        unchanged.person_id,
        unchanged.occurred_at,
        unchanged.activity,
        unchanged.is_automated,
        unchanged.session_id as former_session_id,
        unchanged.is_bot as was_bot

    from {{ this }} as unchanged

    inner join concerned
        on unchanged.event_id = concerned.event_id

    where concerned.is_unchanged and concerned.visitor_key <> ''
    {%- endif %}

),

{{ judged_visitors('visits') }},

ordered as (

    select
        visits.event_id,
        visits.visitor_id,
        visits.person_id,
        visits.occurred_at,
        visits.former_session_id,
        visits.was_bot,
        lag(visits.occurred_at) over (
            partition by visits.visitor_id, visits.person_id
            order by visits.occurred_at, visits.event_id
        ) as previous_at

    from visits

),

numbered as (

    select
        ordered.*,
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

    from ordered

),

-- A session is named after its first event, so that a merge of persons renames none.
named as (

    select
        event_id,
        visitor_id,
        former_session_id,
        was_bot,
        first_value(event_id) over (
            partition by visitor_id, person_id, session_number
            order by occurred_at, event_id
            rows between unbounded preceding and current row
        ) as first_event_id

    from numbered

),

placed as (

    select
        named.event_id,
        {{ dbt.hash("'session ' || named.first_event_id") }} as session_id,
        named.former_session_id,
        named.was_bot,
        judged.is_bot

    from named

    inner join judged
        on named.visitor_id = judged.visitor_id

),

{% if is_growing -%}
moved as (

    select * from placed

    where former_session_id <> session_id or was_bot <> is_bot

),
{%- endif %}

written as (

    select
        described.*,
        placed.session_id,
        coalesce(placed.is_bot, described.is_automated) as is_bot

    from described

    left join placed
        on described.event_id = placed.event_id
    {%- if is_growing %}

    union all

    -- What an event of before says stays; that it is in another visit now is all that is new.
    select
        unchanged.event_id,
        unchanged.visitor_id,
        unchanged.person_id,
        {%- for column in said_columns %}
        unchanged.{{ column }},
        {%- endfor %}
        unchanged.input_fingerprint,
        moved.session_id,
        moved.is_bot

    from {{ this }} as unchanged

    inner join moved
        on unchanged.event_id = moved.event_id
    {%- endif %}

),

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
