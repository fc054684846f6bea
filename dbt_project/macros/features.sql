{#
    How often something happened in the last days before as_of, and ever:
    <name>_7d, <name>_30d, … , <name>_total.
#}
{% macro counts_by_window(name, condition, windows, of='1') -%}
    {%- for days in windows %}
        {%- if days == 'total' %}
    count({{ 'distinct ' if of != '1' }}case when {{ condition }} then {{ of }} end)
        as {{ name }}_total
        {%- else %}
    count(
        {{ 'distinct ' if of != '1' }}case
            when {{ condition }} and age_days <= {{ days }} then {{ of }}
        end
    ) as {{ name }}_{{ days }}d
        {%- endif %}{{ ',' if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{# Days between two moments, as a fraction. #}
{% macro days_between(first, second) -%}
    {{ dbt.datediff(first, second, 'second') }} / 86400.0
{%- endmacro %}

{# A sum of doubles depends on their order in the last digits; a sum of decimals does not. #}
{% macro exact_sum(expression) -%}
    cast(sum({{ dbt.safe_cast(expression, dbt.type_numeric()) }}) as double)
{%- endmacro %}
