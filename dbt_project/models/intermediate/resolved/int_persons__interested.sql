with

tallied as (

    select * from {{ ref('int_persons__tallied') }}

),

interested as (

    select
        person_id,
        content_view_count,
        top_topic

    from tallied

)

select * from interested
