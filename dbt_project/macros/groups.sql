{#
    Steps that judge visitors, the last of them `judged`: visitor_id and is_bot, one row per visitor.
    A program that says it is a browser gives itself away by its pace.

    visits: name of a step with visitor_id, occurred_at, activity and is_automated, all events of
        each visitor
#}
{% macro judged_visitors(visits) -%}
minutes as (

    select
        visitor_id,
        {{ dbt.date_trunc('minute', 'occurred_at') }} as minute_at,
        count(case when activity = 'page_view' then 1 end) as page_count,
        max(case when is_automated then 1 else 0 end) as automated

    from {{ visits }}

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

judged as (

    select
        visitor_id,
        max(automated) = 1
        or max(busiest_minute_count) > {{ var('bot_pages_per_minute') }}
        or max(page_count) > {{ var('bot_pages_per_day') }} as is_bot

    from days

    group by visitor_id

)
{%- endmacro %}

{# The events that marts.sessions is built from, and the rules by which. #}
{% macro session_events() -%}
    (select * from {{ ref('events') }} where session_id is not null)
{%- endmacro %}

{% macro session_rules() -%}
    {{ return(rules_of(
        ['sessions'],
        [
            earliest('a', 'b'), latest('a', 'b'), exact_sum('a'), var('engaged_session_seconds'),
            var('session_max_hours')
        ]
    )) }}
{%- endmacro %}

{# The events that marts.content_engagement is built from. #}
{% macro reading_events() -%}
    (
        select * from {{ ref('events') }}
        where
            person_id is not null
            and content_id is not null
            and activity in ('page_view', 'content_view', 'download')
    )
{%- endmacro %}

{# The events that int_persons__active is built from. #}
{% macro persons_events() -%}
    (select * from {{ ref('events') }} where person_id is not null)
{%- endmacro %}

{# The rules by which int_persons__active is built. #}
{% macro persons_rules() -%}
    {{ return(rules_of(['int_persons__active'], [latest('a', 'b'), exact_sum('a')])) }}
{%- endmacro %}
