{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert' if target.type == 'duckdb' else 'merge',
        unique_key='person_id',
        on_schema_change='append_new_columns',
        pre_hook="{{ delete_changed_groups(person_groups()) }}"
    )
}}

{%- set moment = 'occurred_at, event_id' -%}
{#- What was sent to a person is not what the person did. -#}
{%- set seen = "coalesce(activity, '') not in ('email_delivered', 'email_refused')" -%}
{%- set acted = 'not is_bot and ' ~ seen %}

with

{% if is_growing() -%}
changed as (

    {{ changed_groups(person_groups()) }}

),
{%- endif %}

events as (

    select events.*

    from {{ person_groups().rows }} as events
    {%- if is_growing() %}

    inner join changed
        on events.person_id = changed.person_id
    {%- endif %}

),

counted as (

    select
        person_id,
        min(case when {{ seen }} then occurred_at end) as first_seen_at,
        max(case when {{ seen }} then occurred_at end) as last_seen_at,
        count(*) as event_count,
        count(distinct session_id) as session_count,
        count(case when activity = 'page_view' then 1 end) as page_view_count,
        count(case when activity = 'download' then 1 end) as download_count,
        count(case when activity = 'search' then 1 end) as search_count,
        count(case when activity = 'email_delivered' then 1 end) as email_delivered_count,
        count(case when activity = 'email_opened' then 1 end) as email_opened_count,
        count(case when activity = 'email_clicked' then 1 end) as email_clicked_count,
        count(case when is_bot then 1 end) as bot_event_count,
        {%- for field in ['search_query', 'locale', 'timezone', 'device_type'] %}
        {{ latest(field, moment) }} as last_{{ field }},
        {%- endfor %}
        max(case when {{ acted }} then occurred_at end) as last_acted_at,
        count(
            case when {{ acted }} and activity = 'page_view' and session_id is not null then 1 end
        ) as acted_page_count,
        count(distinct case when {{ acted }} then session_id end) as acted_session_count,
        {%- for measure in ['scroll_depth', 'time_on_page_s'] %}
        {{ exact_sum('case when ' ~ acted ~ ' then ' ~ measure ~ ' end') }}
        / nullif(count(case when {{ acted }} then {{ measure }} end), 0) as mean_{{ measure }},
        {%- endfor %}
        {{ set_fingerprint('row_fingerprint') }} as fingerprint

    from events

    group by person_id

),

hours as (

    select
        person_id,
        extract(hour from occurred_at) as hour_utc,
        count(*) as event_count

    from events

    where {{ acted }}

    group by person_id, extract(hour from occurred_at)

),

ranked as (

    select
        hours.*,
        row_number() over (
            partition by person_id
            order by event_count desc, hour_utc
        ) as habit_rank

    from hours

),

active as (

    select
        counted.person_id,
        counted.first_seen_at,
        counted.last_seen_at,
        counted.event_count,
        counted.session_count,
        counted.page_view_count,
        counted.download_count,
        counted.search_count,
        counted.email_delivered_count,
        counted.email_opened_count,
        counted.email_clicked_count,
        counted.bot_event_count,
        counted.last_search_query,
        counted.last_locale,
        counted.last_timezone,
        counted.last_device_type,
        counted.last_acted_at,
        counted.acted_page_count / cast(nullif(counted.acted_session_count, 0) as double)
            as pages_per_session,
        counted.mean_scroll_depth,
        counted.mean_time_on_page_s,
        ranked.hour_utc as usual_hour_utc,
        counted.fingerprint,
        '{{ person_groups().rules }}' as rules

    from counted

    left join ranked
        on counted.person_id = ranked.person_id and ranked.habit_rank = 1

)

select * from active
