{%- set kinds = {'topic': 'topic', 'stage': 'funnel_stage', 'format': 'content_type'} -%}

with

readings as (

    select
        engagement.person_id,
        engagement.view_count,
        engagement.last_viewed_at,
        content_items.topic,
        lower(content_items.funnel_stage) as funnel_stage,
        lower(content_items.content_type) as content_type

    from {{ ref('content_engagement') }} as engagement

    inner join {{ ref('content_items') }} as content_items
        on engagement.content_id = content_items.content_id

    where engagement.view_count > 0

),

tallied as (

    {% for kind, column in kinds.items() %}
    select
        person_id,
        '{{ kind }}' as kind,
        {{ column }} as name,
        sum(view_count) as view_count,
        max(last_viewed_at) as last_viewed_at

    from readings

    where {{ column }} is not null

    group by person_id, {{ column }}

    {{ 'union all' if not loop.last }}
    {% endfor %}

),

ranked as (

    select
        tallied.*,
        row_number() over (
            partition by person_id, kind
            order by view_count desc, last_viewed_at desc, name
        ) as interest_rank,
        {{ json_quoted('name') }} || ': ' || cast(view_count as {{ dbt.type_string() }}) as pair

    from tallied

),

listed as (

    select
        person_id,
        kind,
        count(*) as name_count,
        max(case when interest_rank = 1 then name end) as top_name,
        '{' || {{ dbt.listagg('pair', "', '", 'order by interest_rank') }} || '}' as views

    from ranked

    group by person_id, kind

),

read as (

    select
        person_id,
        max(case when kind = 'topic' then name_count end) as topic_count,
        max(case when kind = 'topic' then views end) as views_by_topic,
        max(case when kind = 'stage' then top_name end) as top_funnel_stage,
        max(case when kind = 'stage' then views end) as views_by_funnel_stage,
        max(case when kind = 'format' then top_name end) as top_content_type,
        max(case when kind = 'format' then views end) as views_by_content_type

    from listed

    group by person_id

)

select * from read
