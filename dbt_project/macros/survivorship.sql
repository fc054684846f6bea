{#
    What decides first between the values of a field (config/survivorship.yml):
      source_priority  the most trusted source
      most_recent      the record changed last
      most_frequent    the value that most records give
      most_complete    the record that fills the most fields
      verified_first   a record that somebody has checked
#}
{% macro field_strategy(field) -%}
    case {{ field }}
        {%- for name, rule in var('survivorship')['fields'].items() if rule.get('strategy') %}
        when '{{ name }}' then '{{ rule.strategy }}'
        {%- endfor %}
        {#- A case needs one branch, also where no field is named. #}
        when '' then '{{ var('survivorship')['default'] }}'
        else '{{ var('survivorship')['default'] }}'
    end
{%- endmacro %}

{# The place of a source in the order of trust of a field. #}
{% macro field_source_rank(field, source) -%}
    case {{ field }}
        {%- for name, rule in var('survivorship')['fields'].items() if rule.get('source_priority') %}
        when '{{ name }}' then {{ source_rank(source, rule.source_priority) }}
        {%- endfor %}
        when '' then 0
        else {{ source_rank(source) }}
    end
{%- endmacro %}

{# Whether the order of trust of a field names a source. #}
{% macro field_trusts(field, source) -%}
    case {{ field }}
        {%- for name, rule in var('survivorship')['fields'].items() if rule.get('source_priority') %}
        when '{{ name }}' then {{ source_rank(source, rule.source_priority) }} < {{ rule.source_priority | length }}
        {%- endfor %}
        when '' then false
        else {{ source_rank(source) }} < {{ var('source_priority') | length }}
    end
{%- endmacro %}

{# Whether a record was checked: by its source, or by what its own column says. #}
{% macro is_verified(source, attributes) -%}
    {%- set survivorship = var('survivorship') -%}
    {%- set names = survivorship.get('verified_sources') or [] -%}
    {%- set path = survivorship.get('verified_attribute') -%}
    {{ source ~ ' in (' ~ quoted_list(names) ~ ')' if names else 'false' }}
    {%- if path %}
    or coalesce(lower({{ json_text(attributes, path) }}) in ('true', 'yes', '1', 'verified'), false)
    {%- endif %}
{%- endmacro %}

{% macro survival_rules() -%}
    {{ return(rules_of(
        ['int_person_fields__survived', 'int_person_values__observed', 'stg_raw__person_record_versions'],
        [
            var('survivorship'), var('source_priority'), clean_text('a'), is_verified('a', 'b'),
            json_text('a', 'b'), source_rank('a'), field_source_rank('a', 'b'), field_trusts('a', 'b'),
            field_strategy('a')
        ]
    )) }}
{%- endmacro %}

{% macro value_groups() -%}
    {{ return({
        'rows': ref('int_person_values__numbered'), 'key': 'person_id', 'rules': survival_rules(), 'is_whole': true
    }) }}
{%- endmacro %}
