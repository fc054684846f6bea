{%- set fields = [
    'first_name', 'last_name', 'company_name', 'job_title', 'city', 'state', 'postal_code',
    'country', 'lifecycle_stage'
] -%}

with

survived as (

    select * from {{ ref('int_person_fields__survived') }}

),

described as (

    select
        person_id,
        {%- for field in fields %}
        max(case when field = '{{ field }}' then value end) as {{ field }}
        {{- ',' if not loop.last }}
        {%- endfor %}

    from survived

    group by person_id

)

select * from described
