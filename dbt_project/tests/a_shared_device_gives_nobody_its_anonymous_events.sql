-- An anonymous event on a shared device belongs to nobody.
{{ config(meta={'dagster': {'ref': {'name': 'int_events__attributed'}}}) }}

select events.event_id

from {{ ref('int_events__attributed') }} as events

inner join {{ source('identity', 'devices') }} as devices
    on
        events.anonymous_id = devices.anonymous_id
        and devices.is_shared
        and (devices.valid_from is null or events.occurred_at >= devices.valid_from)
        and (devices.valid_to is null or events.occurred_at < devices.valid_to)

where events.person_id is not null and events.user_id is null and events.email is null
