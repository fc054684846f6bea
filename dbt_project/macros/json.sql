{#
    The text at a dotted path of a JSON text column; null where it is absent.
    The one place where models read JSON: engines differ in nothing more.
#}
{% macro json_text(column, path) -%}
    {{ return(adapter.dispatch('json_text')(column, path)) }}
{%- endmacro %}

{% macro default__json_text(column, path) -%}
    get_json_object({{ column }}, '$.{{ path }}')
{%- endmacro %}

{% macro duckdb__json_text(column, path) -%}
    json_extract_string({{ column }}, '$.{{ path }}')
{%- endmacro %}

{# A text as a JSON string, quotes and all. #}
{% macro json_quoted(column) -%}
    {{ return(adapter.dispatch('json_quoted')(column)) }}
{%- endmacro %}

{# Control characters go by replace: to_json() takes no bare text there. #}
{% macro default__json_quoted(column) -%}
    '"' || replace(replace({{ column }}, '\\', '\\\\'), '"', '\\"') || '"'
{%- endmacro %}

{% macro duckdb__json_quoted(column) -%}
    cast(to_json({{ column }}) as varchar)
{%- endmacro %}
