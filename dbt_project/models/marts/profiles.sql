{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert' if target.type == 'duckdb' else 'merge',
        unique_key='person_id',
        on_schema_change='append_new_columns',
        pre_hook="{{ delete_profiles_that_are_gone() }}",
        post_hook="{{ count_days_anew() }}"
    )
}}

{{- refuse_two_dates() }}
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

-- Of whom nothing differs, days aside, the row stays (docs/adr/0029).
select final.*

from final
{%- if is_incremental() %}

left join {{ this }} as stored
    on final.person_id = stored.person_id

where stored.row_fingerprint is null or stored.row_fingerprint <> final.row_fingerprint
{%- endif %}
