{%- set fields = ['search_query', 'locale', 'timezone', 'device_type'] -%}

with

events as (

    select * from {{ ref('events') }}

    where person_id is not null

),

known as (

    {% for field in fields %}
    select
        person_id,
        '{{ field }}' as field,
        {{ field }} as value,
        occurred_at,
        event_id

    from events

    where {{ field }} is not null

    {{ 'union all' if not loop.last }}
    {% endfor %}

),

ranked as (

    select
        known.*,
        row_number() over (
            partition by person_id, field
            order by occurred_at desc, event_id desc
        ) as recency

    from known

),

situated as (

    select
        person_id,
        {%- for field in fields %}
        max(case when field = '{{ field }}' then value end) as last_{{ field }}
        {{- ',' if not loop.last }}
        {%- endfor %}

    from ranked

    where recency = 1

    group by person_id

)

select * from situated
