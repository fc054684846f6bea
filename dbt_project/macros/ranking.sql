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

{# The place of a source in the order of trust; 0 is most trusted. #}
{% macro source_rank(column) -%}
    case {{ column }}
        {%- for source in var('source_priority') %}
        when '{{ source | replace("'", "''") }}' then {{ loop.index0 }}
        {%- endfor %}
        {#- A case needs one branch, also where no source is named. #}
        when '' then {{ var('source_priority') | length }}
        else {{ var('source_priority') | length }}
    end
{%- endmacro %}
