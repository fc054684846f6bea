{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert' if target.type == 'duckdb' else 'merge',
        unique_key='session_id',
        on_schema_change='append_new_columns',
        pre_hook="{{ delete_changed_groups(session_groups()) }}"
    )
}}

with

{% if is_growing() -%}
changed as (

    {{ changed_groups(session_groups()) }}

),
{%- endif %}

events as (

    select events.*

    from {{ session_groups().rows }} as events
    {%- if is_growing() %}

    inner join changed
        on events.session_id = changed.session_id
    {%- endif %}

),

{%- set moment = 'occurred_at, event_id' %}

summed as (

    select
        session_id,
        max(person_id) as person_id,
        max(anonymous_id) as anonymous_id,
        min(occurred_at) as started_at,
        max(occurred_at) as ended_at,
        count(*) as event_count,
        count(case when activity = 'page_view' then 1 end) as page_view_count,
        count(case when activity = 'other_track' then 1 end) as own_step_count,
        {{ exact_sum('time_on_page_s') }} as engaged_time_s,
        {{ earliest('channel', moment) }} as channel,
        -- Of the same event as its channel: one's own pages refer nobody.
        nullif(
            {{ earliest(
                "case
                    when channel = 'direct' then ''
                    when channel is not null then coalesce(page_referrer, '')
                end",
                moment
            ) }},
            ''
        ) as referrer,
        {{ earliest('page_path', moment) }} as landing_path,
        {{ latest('page_path', moment) }} as exit_path,
        {{ earliest('device_type', moment) }} as device_type,
        {{ earliest('company_domain', moment) }} as company_domain,
        -- Of the same event as its domain, also where that does not say how sure it is.
        nullif(
            {{ earliest(
                'case when company_domain is not null then coalesce(company_confidence, -1) end',
                moment
            ) }},
            -1
        ) as company_confidence,
        max(case when is_bot then 1 else 0 end) = 1 as is_bot,
        {{ set_fingerprint('row_fingerprint') }} as fingerprint

    from events

    group by session_id

),

timed as (

    select
        summed.*,
        -- Whole seconds that passed, not turns of the clock's second hand.
        cast(
            floor({{ dbt.datediff('started_at', 'ended_at', 'millisecond') }} / 1000.0) as bigint
        ) as duration_s

    from summed

),

final as (

    select
        session_id,
        person_id,
        anonymous_id,
        started_at,
        ended_at,
        duration_s,
        event_count,
        page_view_count,
        channel,
        referrer,
        landing_path,
        exit_path,
        device_type,
        company_domain,
        company_confidence,
        is_bot,
        engaged_time_s,
        page_view_count >= 2
        or own_step_count > 0
        or {{ dbt.dateadd('second', var('engaged_session_seconds'), 'started_at') }} < ended_at
            as is_engaged,
        {{ dbt.dateadd('hour', var('session_max_hours'), 'started_at') }} < ended_at as is_overlong,
        fingerprint,
        '{{ session_groups().rules }}' as rules

    from timed

)

select * from final
