{#
    The first known value of a column among the rows of a partition, by an order.
    (`ignore nulls` is not written alike everywhere.)
#}
{% macro first_known(column, partition_by, order_by) -%}
    first_value({{ column }}) over (
        partition by {{ partition_by }}
        order by case when {{ column }} is null then 1 else 0 end, {{ order_by }}
        rows between unbounded preceding and unbounded following
    )
{%- endmacro %}

{# The first and the last known value of a column in a group, by an order that no two rows share. #}
{% macro earliest(column, order_by) -%}
    {{ return(adapter.dispatch('earliest')(column, order_by)) }}
{%- endmacro %}

{% macro default__earliest(column, order_by) -%}
    min_by({{ column }}, struct({{ order_by }})) filter (where {{ column }} is not null)
{%- endmacro %}

{% macro duckdb__earliest(column, order_by) -%}
    arg_min({{ column }}, row({{ order_by }})) filter (where {{ column }} is not null)
{%- endmacro %}

{% macro latest(column, order_by) -%}
    {{ return(adapter.dispatch('latest')(column, order_by)) }}
{%- endmacro %}

{% macro default__latest(column, order_by) -%}
    max_by({{ column }}, struct({{ order_by }})) filter (where {{ column }} is not null)
{%- endmacro %}

{% macro duckdb__latest(column, order_by) -%}
    arg_max({{ column }}, row({{ order_by }})) filter (where {{ column }} is not null)
{%- endmacro %}

{# The place of a source in an order of trust, by default that of the company; 0 is most trusted. #}
{% macro source_rank(column, order=none) -%}
    {%- set trusted = var('source_priority') if order is none else order -%}
    case {{ column }}
        {%- for source in trusted %}
        when '{{ source | replace("'", "''") }}' then {{ loop.index0 }}
        {%- endfor %}
        {#- A case needs one branch, also where no source is named. #}
        when '' then {{ trusted | length }}
        else {{ trusted | length }}
    end
{%- endmacro %}
