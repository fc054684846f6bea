-- One person on one device is in one session at a time, and half an hour lies between two of them.
{{ config(meta={'dagster': {'ref': {'name': 'sessions'}}}) }}

with

visits as (

    select
        events.session_id,
        events.anonymous_id,
        events.person_id,
        min(events.occurred_at) as started_at,
        max(events.occurred_at) as ended_at

    from {{ ref('events') }} as events

    where events.session_id is not null and events.anonymous_id is not null

    group by events.session_id, events.anonymous_id, events.person_id

),

followed as (

    select
        visits.*,
        lead(started_at) over (
            partition by anonymous_id, person_id
            order by started_at, ended_at
        ) as next_started_at

    from visits

)

select session_id

from followed

where
    next_started_at
    <= {{ dbt.dateadd('minute', var('session_gap_minutes'), 'ended_at') }}
