-- Summed up over sessions, events and page views are those that raw events of visitors hold.
{{ config(meta={'dagster': {'ref': {'name': 'sessions'}}}) }}

select
    visits.event_count as session_event_count,
    observed.event_count as observed_event_count

from (
    select
        coalesce(sum(event_count), 0) as event_count,
        coalesce(sum(page_view_count), 0) as page_view_count

    from {{ ref('sessions') }}
) as visits

cross join (
    select
        count(*) as event_count,
        coalesce(sum(case when type in ('page', 'screen') then 1 else 0 end), 0)
            as page_view_count

    from {{ ref('stg_raw__events') }}

    where anonymous_id is not null or (type in ('page', 'screen') and user_id is not null)
) as observed

where
    visits.event_count <> observed.event_count
    or visits.page_view_count <> observed.page_view_count
