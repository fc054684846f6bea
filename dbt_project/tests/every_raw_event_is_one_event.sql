-- No event is lost or doubled on its way from raw to marts.
{{ config(meta={'dagster': {'ref': {'name': 'events'}}}) }}

select
    raw_events.event_count as raw_count,
    mart_events.event_count as mart_count

from (select count(*) as event_count from {{ source('raw', 'events') }}) as raw_events

cross join (select count(*) as event_count from {{ ref('events') }}) as mart_events

where raw_events.event_count <> mart_events.event_count
