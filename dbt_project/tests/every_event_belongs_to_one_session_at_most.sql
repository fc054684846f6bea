-- The session of an event exists once and holds its moment: no event is in two.
{{ config(meta={'dagster': {'ref': {'name': 'sessions'}}}) }}

select
    events.event_id,
    count(sessions.session_id) as session_count

from {{ ref('events') }} as events

left join {{ ref('sessions') }} as sessions
    on
        events.session_id = sessions.session_id
        and events.occurred_at between sessions.started_at and sessions.ended_at

where events.session_id is not null

group by events.event_id

having count(sessions.session_id) <> 1
