{# A number for the contents of a row: two rows that differ have different ones, but for chance. #}
{% macro row_fingerprint(columns) -%}
    {{ return(adapter.dispatch('row_fingerprint')(columns)) }}
{%- endmacro %}

{# Spark's function passes over nulls, so whether there is one is told beside it. #}
{% macro default__row_fingerprint(columns) -%}
    xxhash64(
        {%- for column in columns -%}
            {{ column }}, {{ column }} is null{{ ', ' if not loop.last }}
        {%- endfor -%}
    )
{%- endmacro %}

{% macro duckdb__row_fingerprint(columns) -%}
    hash({{ columns | join(', ') }})
{%- endmacro %}

{# Whether a table that was built earlier, perhaps by an older version, has all of these columns. #}
{% macro has_columns(relation, names) -%}
    {%- set known = adapter.get_columns_in_relation(relation) | map(attribute='name') | list -%}
    {{ return(names | reject('in', known) | list | length == 0) }}
{%- endmacro %}
