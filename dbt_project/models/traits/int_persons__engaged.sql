with

active as (

    select * from {{ ref('int_persons__active') }}

    where last_acted_at is not null

),

recent as (

    select * from {{ ref('int_persons__recent') }}

),

clock as (

    select max(as_of) as as_of from {{ source('raw', 'as_of') }}

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
