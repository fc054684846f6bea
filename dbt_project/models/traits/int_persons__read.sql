with

tallied as (

    select * from {{ ref('int_persons__tallied') }}

),

read as (

    select
        person_id,
        topic_count,
        views_by_topic,
        top_funnel_stage,
        views_by_funnel_stage,
        top_content_type,
        views_by_content_type

    from tallied

)

select * from read
