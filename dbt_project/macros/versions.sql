{#
    1 for the newest version of a record. A version without a date of its own is the older one;
    where the dates are equal, the later load and then the later file win.
#}
{% macro version_rank(key) -%}
    row_number() over (
        partition by {{ key }}
        order by record_updated_at desc nulls last, loaded_at desc, file desc, record_hash
    )
{%- endmacro %}
