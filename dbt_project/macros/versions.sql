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

{#
    When a version of a record was learnt of. What the first files of a source tell happened when
    they say it did; whatever came later was not known before it came.
#}
{% macro learnt_at() -%}
    case
        when coalesce(loads.is_first, true) then coalesce(record_updated_at, record_created_at)
        else greatest(
            coalesce(record_updated_at, coalesce(loads.arrived_at, loaded_at)),
            coalesce(loads.arrived_at, loaded_at)
        )
    end
{%- endmacro %}

{#
    Since when and until when a version was the newest known one: known_from, known_to. The oldest
    version of a source's first files stands in for those before it, which nobody kept.
#}
{% macro known_period(key) -%}
    {%- set never = "cast('9999-12-31' as " ~ dbt.type_timestamp() ~ ")" -%}
    case
        when
            is_first
            and row_number() over (
                partition by {{ key }}
                order by case when is_first then 0 else 1 end, version_rank desc
            ) = 1
            then null
        else coalesce(learnt_at, {{ never }})
    end as known_from,
    min(coalesce(learnt_at, {{ never }})) over (
        partition by {{ key }}
        order by version_rank
        rows between unbounded preceding and 1 preceding
    ) as known_to
{%- endmacro %}

{# Whether a version was the newest known one at a moment. #}
{% macro known_by(version, moment) -%}
    ({{ version }}.known_from is null or {{ version }}.known_from <= {{ moment }})
            and ({{ version }}.known_to is null or {{ version }}.known_to > {{ moment }})
{%- endmacro %}
