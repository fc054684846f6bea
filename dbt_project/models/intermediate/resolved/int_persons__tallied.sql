{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert' if target.type == 'duckdb' else 'merge',
        unique_key='person_id',
        on_schema_change='append_new_columns',
        pre_hook="{{ delete_changed_groups(reader_groups()) }}"
    )
}}

{%- set kinds = {'topic': 'topic', 'stage': 'funnel_stage', 'format': 'content_type'} -%}

with

{% if is_growing() -%}
changed as (

    {{ changed_groups(reader_groups()) }}

),
{%- endif %}

engagement as (

    select engagement.*

    from {{ ref('content_engagement') }} as engagement
    {%- if is_growing() %}

    inner join changed
        on engagement.person_id = changed.person_id
    {%- endif %}

),

readings as (

    select
        engagement.person_id,
        engagement.view_count,
        engagement.last_viewed_at,
        content_items.topic,
        lower(content_items.funnel_stage) as funnel_stage,
        lower(content_items.content_type) as content_type

    from engagement

    inner join {{ ref('content_items') }} as content_items
        on engagement.content_id = content_items.content_id

    where engagement.view_count > 0

),

kinds as (

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
        kinds.*,
        row_number() over (
            partition by person_id, kind
            order by view_count desc, last_viewed_at desc, name
        ) as interest_rank,
        {{ json_quoted('name') }} || ': ' || cast(view_count as {{ dbt.type_string() }}) as pair

    from kinds

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

topped as (

    select
        person_id,
        max(case when kind = 'topic' then top_name end) as top_topic,
        max(case when kind = 'topic' then name_count end) as topic_count,
        max(case when kind = 'topic' then views end) as views_by_topic,
        max(case when kind = 'stage' then top_name end) as top_funnel_stage,
        max(case when kind = 'stage' then views end) as views_by_funnel_stage,
        max(case when kind = 'format' then top_name end) as top_content_type,
        max(case when kind = 'format' then views end) as views_by_content_type

    from listed

    group by person_id

),

viewed as (

    select
        person_id,
        cast(sum(view_count) as bigint) as content_view_count,
        {{ set_fingerprint('fingerprint') }} as fingerprint

    from engagement

    group by person_id

),

tallied as (

    select
        viewed.person_id,
        viewed.content_view_count,
        topped.top_topic,
        coalesce(topped.topic_count, 0) as topic_count,
        topped.views_by_topic,
        topped.top_funnel_stage,
        topped.views_by_funnel_stage,
        topped.top_content_type,
        topped.views_by_content_type,
        viewed.fingerprint,
        '{{ reader_rules() }}' as rules

    from viewed

    left join topped
        on viewed.person_id = topped.person_id

)

select * from tallied
