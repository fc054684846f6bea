{#- A table: profiles read it twice, and accounts too. -#}
{{ config(materialized='table') }}

with

active as (

    select * from {{ ref('int_persons__active') }}

    where last_acted_at is not null

),

clock as (

    select max(as_of) as as_of from {{ source('raw', 'as_of') }}

),

-- The engine need not look at what is older.
events as (

    select
        events.person_id,
        events.session_id,
        events.occurred_at,
        {{ days_between('events.occurred_at', 'clock.as_of') }} as age_days

    from {{ ref('events') }} as events

    inner join clock
        on events.occurred_at >= {{ dbt.dateadd('day', -31, 'clock.as_of') }}

    where
        events.person_id is not null
        and not events.is_bot
        -- What was sent to a person is not what the person did.
        and coalesce(events.activity, '') not in ('email_delivered', 'email_refused')

),

recent as (

    select
        person_id,
        count(distinct cast(occurred_at as date)) as active_day_count,
        count(distinct session_id) as session_count

    from events

    where age_days >= 0 and age_days <= 30

    group by person_id

),

engaged as (

    select
        active.person_id,
        {{ full_days_since('active.last_acted_at', 'clock.as_of') }} as days_since_last_seen,
        coalesce(recent.active_day_count, 0) as active_day_count_30d,
        coalesce(recent.session_count, 0) as session_count_30d,
        active.pages_per_session,
        active.mean_scroll_depth,
        active.mean_time_on_page_s,
        active.usual_hour_utc

    from active

    cross join clock

    left join recent
        on active.person_id = recent.person_id

)

select * from engaged
