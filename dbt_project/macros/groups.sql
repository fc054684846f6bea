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

{#
    Steps that put events into visits, the last of them `placed`: event_id, session_id and is_bot, one
    row per event.

    visits: name of a step with event_id, visitor_id, person_id, occurred_at, activity and
        is_automated, all events of each visitor
#}
{% macro placed(visits) -%}
{{ judged_visitors(visits) }},

ordered as (

    select
        {{ visits }}.event_id,
        {{ visits }}.visitor_id,
        {{ visits }}.person_id,
        {{ visits }}.occurred_at,
        lag({{ visits }}.occurred_at) over (
            partition by {{ visits }}.visitor_id, {{ visits }}.person_id
            order by {{ visits }}.occurred_at, {{ visits }}.event_id
        ) as previous_at

    from {{ visits }}

),

numbered as (

    select
        ordered.*,
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

    from ordered

),

-- A session is named after its first event, so that a merge of persons renames none.
named as (

    select
        event_id,
        visitor_id,
        first_value(event_id) over (
            partition by visitor_id, person_id, session_number
            order by occurred_at, event_id
            rows between unbounded preceding and current row
        ) as first_event_id

    from numbered

),

placed as (

    select
        named.event_id,
        {{ dbt.hash("'session ' || named.first_event_id") }} as session_id,
        judged.is_bot

    from named

    inner join judged
        on named.visitor_id = judged.visitor_id

)
{%- endmacro %}

{# Of what marts.sessions, content_engagement and int_persons__active are built; see changed_groups. #}
{% macro session_groups() -%}
    {{ return({
        'rows': '(select * from ' ~ ref('events') ~ ' where session_id is not null)',
        'key': 'session_id',
        'rules': rules_of(
            ['sessions'],
            [
                earliest('a', 'b'), latest('a', 'b'), exact_sum('a'), var('engaged_session_seconds'),
                var('session_max_hours')
            ]
        ),
        'scope': 'session_id is not null',
        'scope_before': 'former_session_id is not null'
    }) }}
{%- endmacro %}

{% macro reading_groups(events) -%}
    {{ return({
        'rows': '(select * from ' ~ events ~ ' where person_id is not null and '
            ~ is_reading() ~ ')',
        'key': 'person_id',
        'rules': rules_of(['content_engagement'], [is_reading()]),
        'scope': 'person_id is not null and is_reading',
        'scope_before': 'former_person_id is not null and was_reading'
    }) }}
{%- endmacro %}

{% macro person_groups() -%}
    {{ return({
        'rows': '(select * from ' ~ ref('events') ~ ' where person_id is not null)',
        'key': 'person_id',
        'rules': rules_of(['int_persons__active'], [latest('a', 'b'), exact_sum('a')]),
        'scope': 'person_id is not null',
        'scope_before': 'former_person_id is not null'
    }) }}
{%- endmacro %}

{# Whether an event is of a piece of content. #}
{% macro is_reading() -%}
    content_id is not null
    and coalesce(activity in ('page_view', 'content_view', 'download'), false)
{%- endmacro %}

{# Of what int_persons__channelled is built: sessions, which have the numbers of their events. #}
{% macro visitor_groups() -%}
    {{ return({
        'rows': '(select * from ' ~ earlier('events', [])
            ~ ' where person_id is not null and session_id is not null)',
        'key': 'person_id',
        'rules': visitor_rules(),
        'scope': 'person_id is not null and session_id is not null',
        'scope_before': 'former_person_id is not null and former_session_id is not null'
    }) }}
{%- endmacro %}

{% macro visitor_rules() -%}
    {{ return(rules_of(
        ['int_persons__channelled', 'sessions'],
        [earliest('a', 'b'), latest('a', 'b'), var('session_max_hours')]
    )) }}
{%- endmacro %}

{# Of what int_persons__tallied is built: readings, which have the numbers of their events. #}
{% macro reader_groups() -%}
    {{ return(dict(reading_groups(earlier('events', [])), rules=reader_rules())) }}
{%- endmacro %}

{# What a piece of content is about is a rule: where that of any changes, all are counted anew. #}
{% macro reader_rules() -%}
    {%- set settings = [is_reading(), json_quoted('a')] -%}
    {%- if execute and graph.get('nodes') -%}
        {%- set contents -%}
            select coalesce({{ set_fingerprint('number') }}, 0) as number
            from (
                select {{ row_fingerprint(['content_id', 'topic', 'funnel_stage', 'content_type']) }}
                    as number
                from {{ ref('content_items') }}
            ) as numbers
        {%- endset -%}
        {%- do settings.append(first_row(contents).number) -%}
    {%- endif -%}
    {{ return(rules_of(['int_persons__tallied', 'content_engagement'], settings)) }}
{%- endmacro %}
