with

nodes as (

    select * from {{ ref('int_spine__noded') }}

),

events as (

    select * from {{ ref('int_events__noded') }}

),

known as (

    select
        nodes.person_id,
        nodes.as_of,
        nodes.source,
        events.event_id,
        events.visitor_id,
        events.type,
        events.event,
        events.activity,
        events.page_path,
        events.content_id,
        events.scroll_share,
        events.attention_s,
        events.occurred_at,
        {{ days_between('events.occurred_at', 'nodes.as_of') }} as age_days

    from nodes

    inner join events
        on
            nodes.source = events.source
            and nodes.source_record_id = events.source_record_id
            and events.occurred_at < nodes.as_of
            and events.known_at <= nodes.as_of

)

select * from known
