with

events as (

    select * from {{ ref('int_events__attributed') }}

),

visitors as (

    select * from {{ ref('int_visitors__judged') }}

),

visits as (

    select
        event_id,
        visitor_id,
        person_id,
        occurred_at,
        lag(occurred_at) over (
            partition by visitor_id, person_id
            order by occurred_at, event_id
        ) as previous_at

    from events

    where visitor_id is not null

),

numbered as (

    select
        visits.*,
        sum(
            case
                when
                    previous_at is null
                    or {{ dbt.dateadd('minute', var('session_gap_minutes'), 'previous_at') }}
                    < occurred_at
                    then 1
                else 0
            end
        ) over (
            partition by visitor_id, person_id
            order by occurred_at, event_id
            rows between unbounded preceding and current row
        ) as session_number

    from visits

),

-- A session is named after its first event, so that a merge of persons renames none.
named as (

    select
        event_id,
        first_value(event_id) over (
            partition by visitor_id, person_id, session_number
            order by occurred_at, event_id
            rows between unbounded preceding and current row
        ) as first_event_id

    from numbered

),

sessionised as (

    select
        events.*,
        {{ dbt.hash("'session ' || named.first_event_id") }} as session_hash,
        named.first_event_id,
        coalesce(visitors.is_bot, events.is_automated) as is_bot

    from events

    left join named
        on events.event_id = named.event_id

    left join visitors
        on events.visitor_id = visitors.visitor_id

)

select * from sessionised
