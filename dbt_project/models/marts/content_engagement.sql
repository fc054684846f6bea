with

events as (

    select * from {{ ref('events') }}

    where
        person_id is not null
        and content_id is not null
        and activity in ('page_view', 'content_view', 'download')

),

counted as (

    select
        person_id,
        content_id,
        count(case when activity = 'page_view' then 1 end) as page_view_count,
        count(case when activity = 'content_view' then 1 end) as content_view_count,
        count(case when activity = 'download' then 1 end) as download_count,
        max(scroll_depth) as max_scroll_depth,
        cast(
            sum({{ dbt.safe_cast('time_on_page_s', dbt.type_numeric()) }}) as double
        ) as time_on_page_s,
        min(occurred_at) as first_viewed_at,
        max(occurred_at) as last_viewed_at

    from events

    group by person_id, content_id

),

final as (

    select
        person_id,
        content_id,
        -- Many sites report one reading twice, as a page call and as a track call.
        greatest(page_view_count, content_view_count) as view_count,
        download_count,
        max_scroll_depth,
        time_on_page_s,
        first_viewed_at,
        last_viewed_at

    from counted

)

select * from final
