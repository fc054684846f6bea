{#- Following merged_into one step, then two, four …: six rounds follow 64 merges in a row
    without recursion, which not every engine knows. -#}
{%- set rounds = 6 -%}

with

persons as (

    select * from {{ source('identity', 'persons') }}

),

step_0 as (

    select
        person_id,
        case when status = 'merged' then merged_into end as merged_into

    from persons

),

{% for round in range(1, rounds + 1) %}
step_{{ round }} as (

    select
        earlier.person_id,
        coalesce(later.merged_into, earlier.merged_into) as merged_into

    from step_{{ round - 1 }} as earlier

    left join step_{{ round - 1 }} as later
        on earlier.merged_into = later.person_id

),
{% endfor %}

succeeded as (

    select
        step_{{ rounds }}.person_id,
        ends.person_id as current_person_id

    from step_{{ rounds }}

    left join persons as ends
        on
            coalesce(step_{{ rounds }}.merged_into, step_{{ rounds }}.person_id)
            = ends.person_id
            and ends.status = 'active'

)

select * from succeeded
