-- The events of a session agree with it in person, device and number.
{{ config(meta={'dagster': {'ref': {'name': 'sessions'}}}) }}

select
    events.session_id,
    count(*) as event_count

from {{ ref('events') }} as events

left join {{ ref('sessions') }} as sessions
    on events.session_id = sessions.session_id

where events.session_id is not null

group by events.session_id

having
    count(*) <> max(coalesce(sessions.event_count, 0))
    or count(distinct coalesce(events.person_id, '')) > 1
    or count(distinct coalesce(events.anonymous_id, '')) > 1
