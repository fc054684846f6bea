-- What profiles count, summed up, is what events hold.
{{ config(meta={'dagster': {'ref': {'name': 'profiles'}}}) }}

select
    counted.event_count as profile_count,
    attributed.event_count as attributed_count

from (
    select coalesce(sum(event_count), 0) as event_count

    from {{ ref('profiles') }}
) as counted

cross join (
    select count(*) as event_count

    from {{ ref('events') }} as events

    inner join {{ ref('profiles') }} as profiles
        on events.person_id = profiles.person_id
) as attributed

where counted.event_count <> attributed.event_count
