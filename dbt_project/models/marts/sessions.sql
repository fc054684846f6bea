with

events as (

    select * from {{ ref('events') }}

    where session_id is not null

),

{%- set forwards = 'occurred_at, event_id' %}
{%- set backwards = 'occurred_at desc, event_id desc' %}

ends as (

    select
        events.*,
        {{ first_known('page_path', 'session_id', forwards) }} as landing_path,
        {{ first_known('page_path', 'session_id', backwards) }} as exit_path,
        {{ first_known('channel', 'session_id', forwards) }} as first_channel,
        {{ first_known('device_type', 'session_id', forwards) }} as first_device_type,
        {{ first_known('page_referrer', 'session_id', forwards) }} as first_referrer,
        {{ first_known('company_domain', 'session_id', forwards) }} as first_company_domain

    from events

),

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
        max(first_channel) as channel,
        max(first_referrer) as referrer,
        max(landing_path) as landing_path,
        max(exit_path) as exit_path,
        max(first_device_type) as device_type,
        max(first_company_domain) as company_domain,
        max(case when company_domain = first_company_domain then company_confidence end)
            as company_confidence,
        max(case when is_bot then 1 else 0 end) = 1 as is_bot

    from ends

    group by session_id

),

timed as (

    select
        summed.*,
        cast({{ dbt.datediff('started_at', 'ended_at', 'second') }} as bigint) as duration_s

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
        or duration_s > {{ var('engaged_session_seconds') }} as is_engaged,
        duration_s > {{ var('session_max_hours') }} * 3600 as is_overlong

    from timed

)

select * from final
