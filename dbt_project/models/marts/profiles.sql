{#- Each trait is read by name, here and below: a model in models/traits/ joins by itself. -#}
{%- set traits = trait_models() -%}

with

profiled as (

    select * from {{ ref('int_persons__profiled') }}

),

{% for trait in traits %}
{{ trait }} as (

    select * from {{ ref(trait) }}

),
{% endfor %}

-- The contract lists the columns of the first line.
final as (

    select
        profiled.*,
        {{ profile_fingerprint() }} as row_fingerprint
        {%- for column in trait_columns() %},
        {{ trait_value(column) }} as {{ column.name }}
        {%- endfor %}

    from profiled
    {% for trait in traits %}
    left join {{ trait }}
        on profiled.person_id = {{ trait }}.person_id
    {% endfor %}

)

select * from final
