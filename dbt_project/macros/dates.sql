{#
    Counts of the thirty days before a run change by the passing of time (docs/adr/0029). Each row of
    int_persons__recent says for which dates it holds, so that a build counts those anew whose date
    has come, and a profile is never made of counts of another date than its own.
#}

{# Whether a row holds at a date; a date that is not known is none. #}
{% macro holds(row, as_of) -%}
    case
        when {{ row }}.counted_at <= {{ as_of }}
            and ({{ row }}.holds_until is null or {{ row }}.holds_until > {{ as_of }})
            then 1
        else 0
    end
{%- endmacro %}

{% macro recency_rules() -%}
    {{ return(rules_of(['int_persons__recent'], [days_between('a', 'b')])) }}
{%- endmacro %}

{% macro run_date() -%}
    (select max(as_of) as as_of from {{ source('raw', 'as_of') }})
{%- endmacro %}

{% macro delete_what_time_changed() -%}
    {%- if is_incremental() and execute -%}
        {%- if is_growing() -%}
            {{ delete_rows(
                this, 'person_id',
                'select stored.person_id from ' ~ this ~ ' as stored cross join ' ~ run_date()
                ~ ' as clock left join ' ~ ref('int_persons__active')
                ~ ' as active on stored.person_id = active.person_id where active.person_id is null '
                ~ "or active.fingerprint <> stored.fingerprint or stored.rules <> '"
                ~ recency_rules() ~ "' or " ~ holds('stored', 'clock.as_of') ~ ' = 0'
            ) }}
        {%- else -%}
            delete from {{ this }}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{# Refuse to build a model of the counts of one date and of the days to another. #}
{% macro refuse_two_dates() -%}
    {%- if execute and graph.get('nodes') and flags.WHICH in ('run', 'build') -%}
        {%- set node = graph.nodes['model.' ~ project_name ~ '.int_persons__recent'] -%}
        {%- set counts = adapter.get_relation(node.database, node.schema, node.alias) -%}
        {%- if counts is not none -%}
            {%- set found -%}
                select count(*) as n from {{ counts }} as recent cross join {{ run_date() }} as clock
                where clock.as_of is not null and {{ holds('recent', 'clock.as_of') }} = 0
            {%- endset -%}
            {%- if first_row(found).n > 0 -%}
                {{ exceptions.raise_compiler_error(
                    model.name ~ ': int_persons__recent counts the thirty days before another date than '
                    ~ "that of raw.as_of, so that a row would mix two dates: build it with what it is "
                    ~ 'made from, dbt run --select +' ~ model.name
                ) }}
            {%- endif -%}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}
