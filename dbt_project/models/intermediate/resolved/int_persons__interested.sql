with

engagement as (

    select * from {{ ref('content_engagement') }}

),

content_items as (

    select * from {{ ref('content_items') }}

),

topics as (

    select
        engagement.person_id,
        content_items.topic,
        sum(engagement.view_count) as view_count,
        max(engagement.last_viewed_at) as last_viewed_at

    from engagement

    inner join content_items
        on engagement.content_id = content_items.content_id

    where content_items.topic is not null and engagement.view_count > 0

    group by engagement.person_id, content_items.topic

),

ranked as (

    select
        person_id,
        topic,
        row_number() over (
            partition by person_id
            order by view_count desc, last_viewed_at desc, topic
        ) as interest_rank

    from topics

),

viewed as (

    select
        person_id,
        cast(sum(view_count) as bigint) as content_view_count

    from engagement

    group by person_id

),

interested as (

    select
        viewed.person_id,
        viewed.content_view_count,
        ranked.topic as top_topic

    from viewed

    left join ranked
        on viewed.person_id = ranked.person_id and ranked.interest_rank = 1

)

select * from interested
