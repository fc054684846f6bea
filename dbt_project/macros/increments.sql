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
    which it is read. A file that is loaded again keeps its time and may say something else.
#}
{% macro event_fingerprint() -%}
    {{ row_fingerprint(
        ['event_id', 'loaded_at'] + emptied_columns() + said_columns()
        + ['person_id', 'company_domain', 'company_confidence', "'" ~ event_rules() ~ "'"]
    ) }}
{%- endmacro %}

{# A digest of all that an event is read by: the models, their macros, the configuration. #}
{% macro event_rules() -%}
    {{ return(rules_of(
        ['stg_raw__events', 'int_events__classified', 'events'],
        [
            activity('a', 'b'), channel('a', 'b', 'c', 'd', 'e'), device_class('a', 'b'),
            url_host('a'), url_path('a'), url_parameter('a', 'b'), without_addresses('a'), clean_text('a'),
            matches('a', 'b'),
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
    A table that is built from groups of rows is built again for those groups of which anything
    differs. It has the column of the group, `fingerprint`, the number for the set of the rows that a
    row is made from, and `rules`. Before a build the rows of such groups are deleted
    (`delete_changed_groups`, a pre-hook); the build makes those that are missing (`changed_groups`, a
    step), in one transaction.

    groups, a dictionary:
      rows      a relation, or a query in parentheses, with the group's column and row_fingerprint
      key       the column of a group, text, never null
      rules     a digest of the rules by which the table is built
      is_whole  whether each row of a group has the number of the whole group; else its own rows'
      scope     of rows of int_events__changed: whether the event is among `rows` by now
      scope_before  and whether it was; with both, that list is followed where it is all there is
#}
{% macro changed_groups(groups) -%}
    {%- set key = groups.key -%}
    {%- set changed = earlier('int_events__changed', ['former_row_fingerprint']) if groups.scope else none -%}
    {%- if changed is not none and follows(changed, groups) -%}
    select {{ key }} from {{ changed }} where {{ groups.scope }}
    union
    select former_{{ key }} from {{ changed }} where {{ groups.scope_before }}
    {%- else -%}
    select coalesce(present.{{ key }}, built.{{ key }}) as {{ key }}

    from ({{ group_fingerprints(groups.rows, key, set_fingerprint('row_fingerprint')) }}) as present

    full outer join ({{ group_fingerprints(
        this, key, 'max(fingerprint)' if groups.is_whole else set_fingerprint('fingerprint')
    ) }}) as built
        on present.{{ key }} = built.{{ key }}

    where
        present.fingerprint is null
        or built.fingerprint is null
        or present.fingerprint <> built.fingerprint
    {%- endif -%}
{%- endmacro %}

{% macro group_fingerprints(relation, key, fingerprint) -%}
    select
        {{ key }},
        {{ fingerprint }} as fingerprint

    from {{ relation }} as grouped

    group by {{ key }}
{%- endmacro %}

{#
    Whether a table is what events were before the changes of this build: then it differs from what
    they are in these changes alone.
#}
{% macro follows(changed, groups) -%}
    {%- set found -%}
        select
            case
                when
                    (select count(*) from {{ this }} where rules <> '{{ groups.rules }}') = 0
                    and (
                        select coalesce({{ set_fingerprint('number') }}, 0)
                        from (
                            select fingerprint as number from {{ this }}
                            union all
                            select row_fingerprint as number from {{ changed }}
                            where {{ groups.scope }}
                        ) as ours
                    ) = (
                        select coalesce({{ set_fingerprint('number') }}, 0)
                        from (
                            select row_fingerprint as number from {{ groups.rows }} as present
                            union all
                            select former_row_fingerprint as number from {{ changed }}
                            where {{ groups.scope_before }}
                        ) as theirs
                    )
                    then 1
                else 0
            end as follows
    {%- endset -%}
    {{ return(first_row(found).follows == 1) }}
{%- endmacro %}

{% macro delete_changed_groups(groups) -%}
    {%- if is_incremental() and execute -%}
        {%- if is_growing() -%}
            {{ delete_rows(
                this, groups.key,
                'select ' ~ groups.key ~ ' from ' ~ this ~ " where rules <> '" ~ groups.rules
                ~ "' union select " ~ groups.key ~ ' from (' ~ changed_groups(groups) ~ ') as changed'
            ) }}
        {%- else -%}
            delete from {{ this }}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{# Whether a table of groups is there, so that only what is missing is built. #}
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
        {%- if first_row(surplus).n != 0 -%}
            {{ delete_rows(
                this, 'event_id',
                'select stored.event_id from ' ~ this ~ ' as stored left join '
                ~ ref('stg_raw__events') ~ ' as events on stored.event_id = events.event_id '
                ~ 'where events.event_id is null'
            ) }}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{#
    Rows of a table by a key, deleted. Open Delta takes no subquery in `delete`
    (github.com/delta-io/delta/issues/826); `merge` does the same everywhere else.

    query: gives one column, named like the key
#}
{% macro delete_rows(relation, key, query) -%}
    {{ return(adapter.dispatch('delete_rows')(relation, key, query)) }}
{%- endmacro %}

{% macro default__delete_rows(relation, key, query) -%}
    merge into {{ relation }} as doomed
    using (select distinct {{ key }} from ({{ query }}) as named) as listed
    on doomed.{{ key }} = listed.{{ key }}
    when matched then delete
{%- endmacro %}

{% macro duckdb__delete_rows(relation, key, query) -%}
    delete from {{ relation }}
    where {{ key }} in ({{ query }})
{%- endmacro %}
