with

events as (

    select * from {{ ref('int_events__classified') }}

    where visitor_id is not null

),

-- A program that says it is a browser gives itself away by its pace.
minutes as (

    select
        visitor_id,
        {{ dbt.date_trunc('minute', 'occurred_at') }} as minute_at,
        count(case when activity = 'page_view' then 1 end) as page_count,
        max(case when is_automated then 1 else 0 end) as automated

    from events

    group by visitor_id, {{ dbt.date_trunc('minute', 'occurred_at') }}

),

days as (

    select
        visitor_id,
        {{ dbt.date_trunc('day', 'minute_at') }} as day_at,
        sum(page_count) as page_count,
        max(page_count) as busiest_minute_count,
        max(automated) as automated

    from minutes

    group by visitor_id, {{ dbt.date_trunc('day', 'minute_at') }}

),

visitors as (

    select
        visitor_id,
        max(page_count) as busiest_day_count,
        max(busiest_minute_count) as busiest_minute_count,
        max(automated) = 1 as is_automated

    from days

    group by visitor_id

),

judged as (

    select
        visitor_id,
        busiest_day_count,
        busiest_minute_count,
        is_automated,
        is_automated
        or busiest_minute_count > {{ var('bot_pages_per_minute') }}
        or busiest_day_count > {{ var('bot_pages_per_day') }} as is_bot

    from visitors

)

select * from judged
