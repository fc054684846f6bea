{#- Following merged_into one step, then two, four …: six rounds follow 64 merges in a row
    without recursion, which not every engine knows. -#}
{%- set rounds = 6 -%}

with

persons as (

    select * from {{ source('identity', 'persons') }}

),

-- Few were merged: they alone are followed.
step_0 as (

    select
        person_id,
        merged_into

    from persons

    where status = 'merged' and merged_into is not null

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
        persons.person_id,
        ends.person_id as current_person_id

    from persons

    left join step_{{ rounds }}
        on persons.person_id = step_{{ rounds }}.person_id

    left join persons as ends
        on
            coalesce(step_{{ rounds }}.merged_into, persons.person_id) = ends.person_id
            and ends.status = 'active'

)

select * from succeeded
