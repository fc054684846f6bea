{%- set fields = ['search_query', 'locale', 'timezone', 'device_type'] -%}

with

events as (

    select * from {{ ref('events') }}

    where person_id is not null

),

situated as (

    select
        person_id,
        {%- for field in fields %}
        {{ latest(field, 'occurred_at, event_id') }} as last_{{ field }}
        {{- ',' if not loop.last }}
        {%- endfor %}

    from events

    group by person_id

)

select * from situated
