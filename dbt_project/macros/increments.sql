{#
    A number for the contents of a row, a bigint: two rows that differ have different ones, but for
    chance.
#}
{% macro row_fingerprint(columns) -%}
    {{ return(adapter.dispatch('row_fingerprint')(columns)) }}
{%- endmacro %}

{# Spark's function passes over nulls, so whether there is one is told beside it. #}
{% macro default__row_fingerprint(columns) -%}
    xxhash64(
        {%- for column in columns -%}
            {{ column }}, {{ column }} is null{{ ', ' if not loop.last }}
        {%- endfor -%}
    ) & 9223372036854775807
{%- endmacro %}

{#
    DuckDB's function puts the last column in by exclusive or alone. It is hashed once more, so that a
    change of that column does not tell in all rows alike.
#}
{% macro duckdb__row_fingerprint(columns) -%}
    cast(hash(hash({{ columns | join(', ') }})) >> 1 as bigint)
{%- endmacro %}

{#
    A number for a set of rows, a bigint: the sum of their fingerprints, modulo 2^63 - 1. It is the
    same in any order, and the number of the numbers of its parts; a row may be in a set twice. Sets
    that differ have different ones, but for chance.
#}
{% macro set_fingerprint(column) -%}
    {{ return(adapter.dispatch('set_fingerprint')(column)) }}
{%- endmacro %}

{% macro default__set_fingerprint(column) -%}
    cast(sum(cast({{ column }} as decimal(38, 0))) % 9223372036854775807 as bigint)
{%- endmacro %}

{# The sum of bigints is a hugeint. #}
{% macro duckdb__set_fingerprint(column) -%}
    cast(sum({{ column }}) % 9223372036854775807 as bigint)
{%- endmacro %}

{#
    What an event is made from: its row in raw, whose it is, where it came from, and the rules by
    which it is read. A row in raw keeps what it says, but for what retention takes out of it, which
    is personal: a file that is loaded again brings new rows.
#}
{% macro event_fingerprint() -%}
    {{ row_fingerprint([
        'event_id', 'loaded_at', 'anonymous_id', 'user_id', 'email', 'ip', 'user_agent', 'page_url',
        'page_referrer', 'search_query', 'download', 'block', 'properties', 'person_id',
        'company_domain', 'company_confidence',
        "'" ~ event_rules() ~ "'"
    ]) }}
{%- endmacro %}

{# A digest of all that an event is read by: the models, their macros, the configuration. #}
{% macro event_rules() -%}
    {{ return(rules_of(
        ['stg_raw__events', 'int_events__classified', 'events'],
        [
            activity('a', 'b'), channel('a', 'b', 'c', 'd'), device_class('a', 'b'),
            url_host('a'), without_addresses('a'), clean_text('a'), matches('a', 'b'),
            judged_visitors('a'), var('bot_agent_pattern'), var('bot_pages_per_minute'),
            var('bot_pages_per_day'), var('session_gap_minutes')
        ]
    )) }}
{%- endmacro %}

{#
    A digest of models as they are written, of settings, and of what the macros that shape a row come
    to; a row made by another one is made anew.
#}
{% macro rules_of(models, settings=[]) -%}
    {%- set rules = settings | map('string') | list -%}
    {#- A unit test has no graph. -#}
    {%- if execute and graph.get('nodes') -%}
        {%- for name in models -%}
            {%- do rules.append(graph.nodes['model.' ~ project_name ~ '.' ~ name].checksum.checksum) -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(local_md5(rules | join('; '))) }}
{%- endmacro %}

{# Whether a table that was built earlier, perhaps by an older version, has all of these columns. #}
{% macro has_columns(relation, names) -%}
    {%- set known = adapter.get_columns_in_relation(relation) | map(attribute='name') | list -%}
    {{ return(names | reject('in', known) | list | length == 0) }}
{%- endmacro %}

{#
    A table that is built from groups of events is built again for those groups of which anything
    differs. It has the columns of the group, `fingerprint`, the number for the set of the events
    that a row is made from, and `rules`. Before a build the rows of such groups are deleted
    (`delete_changed_groups`, a pre-hook); the build makes those that are missing
    (`changed_groups`, a step), in one transaction.

    events: a relation, or a query in parentheses, with the group's columns and row_fingerprint
    keys: the columns of a group, all text; null is a value like any other
    is_whole: whether each row of a group has the number of the whole group; else its own events'
#}
{% macro changed_groups(events, keys, is_whole=false) -%}
    select
        {%- for key in keys %}
        coalesce(present.{{ key }}, built.{{ key }}) as {{ key }}{{ ',' if not loop.last }}
        {%- endfor %}

    from ({{ group_fingerprints(events, keys, set_fingerprint('row_fingerprint')) }}) as present

    full outer join ({{ group_fingerprints(
        this, keys, 'max(fingerprint)' if is_whole else set_fingerprint('fingerprint')
    ) }}) as built
        on
            {%- for key in keys %}
            {{ 'and ' if not loop.first }}present.{{ key }} = built.{{ key }}
            {%- endfor %}

    where
        present.fingerprint is null
        or built.fingerprint is null
        or present.fingerprint <> built.fingerprint
{%- endmacro %}

{% macro group_fingerprints(relation, keys, fingerprint) -%}
    select
        {%- for key in keys %}
        coalesce({{ key }}, '') as {{ key }},
        {%- endfor %}
        {{ fingerprint }} as fingerprint

    from {{ relation }} as grouped

    group by
        {%- for key in keys %}
        coalesce({{ key }}, ''){{ ',' if not loop.last }}
        {%- endfor %}
{%- endmacro %}

{% macro delete_changed_groups(events, keys, rules, is_whole=false) -%}
    {%- if is_incremental() and execute -%}
        {%- if has_columns(this, ['fingerprint', 'rules'] + keys) -%}
            delete from {{ this }}
            where
                rules <> '{{ rules }}'
                or (
                    {%- for key in keys -%}
                    coalesce({{ key }}, ''){{ ', ' if not loop.last }}
                    {%- endfor -%}
                ) in ({{ changed_groups(events, keys, is_whole) }})
        {%- else -%}
            delete from {{ this }}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{# Whether a table of groups of events is there, so that only what is missing is built. #}
{% macro is_growing() -%}
    {{ return(is_incremental() and has_columns(this, ['fingerprint', 'rules'])) }}
{%- endmacro %}

{# Every event of raw is in the table by now; where there are more, some were erased. #}
{% macro delete_events_that_are_gone() -%}
    {%- if is_incremental() and execute -%}
        {%- set surplus -%}
            select
                (select count(*) from {{ this }})
                - (select count(*) from {{ ref('stg_raw__events') }}) as n
        {%- endset -%}
        {%- if run_query(surplus).columns[0].values()[0] != 0 -%}
            delete from {{ this }}
            where event_id not in (select event_id from {{ ref('stg_raw__events') }})
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}
