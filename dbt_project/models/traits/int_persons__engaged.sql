with

events as (

    select * from {{ ref('events') }}

    where
        person_id is not null
        and not is_bot
        -- What was sent to a person is not what the person did.
        and coalesce(activity, '') not in ('email_delivered', 'email_refused')

),

clock as (

    select max(as_of) as as_of from {{ source('raw', 'as_of') }}

),

dated as (

    select
        events.*,
        cast(events.occurred_at as date) as active_date,
        {{ days_between('events.occurred_at', 'clock.as_of') }} as age_days,
        {{ full_days_since('events.occurred_at', 'clock.as_of') }} as full_days

    from events

    cross join clock

),

counted as (

    select
        person_id,
        min(full_days) as days_since_last_seen,
        count(distinct case when age_days >= 0 and age_days <= 30 then active_date end)
            as active_day_count_30d,
        count(distinct case when age_days >= 0 and age_days <= 30 then session_id end)
            as session_count_30d,
        count(case when activity = 'page_view' and session_id is not null then 1 end)
        / cast(nullif(count(distinct session_id), 0) as double) as pages_per_session,
        {{ exact_sum('scroll_depth') }} / nullif(count(scroll_depth), 0) as mean_scroll_depth,
        {{ exact_sum('time_on_page_s') }} / nullif(count(time_on_page_s), 0)
            as mean_time_on_page_s

    from dated

    group by person_id

),

hours as (

    select
        person_id,
        extract(hour from occurred_at) as hour_utc,
        count(*) as event_count

    from events

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

engaged as (

    select
        counted.person_id,
        counted.days_since_last_seen,
        counted.active_day_count_30d,
        counted.session_count_30d,
        counted.pages_per_session,
        counted.mean_scroll_depth,
        counted.mean_time_on_page_s,
        ranked.hour_utc as usual_hour_utc

    from counted

    inner join ranked
        on counted.person_id = ranked.person_id and ranked.habit_rank = 1

)

select * from engaged
