{#
    marts.profiles is written where a profile says something else than before (docs/adr/0029): a build
    works all of them out, and keeps the rows whose row_fingerprint is what it was. What counts days
    is not in that number, as it changes for nearly everybody: these columns alone are written for all.
#}

{#
    dbt asks this before it adds to a table. A table of profiles that has other columns than the
    contract, as traits come and go, or columns of other types, is built from nothing.
#}
{% macro should_full_refresh() -%}
    {%- set asked = config.get('full_refresh') -%}
    {%- if asked is none -%} {%- set asked = flags.FULL_REFRESH -%} {%- endif -%}
    {{ return(asked or (model.name == 'profiles' and has_other_columns())) }}
{%- endmacro %}

{% macro has_other_columns() -%}
    {%- if execute and graph.get('nodes') -%}
        {%- set relation = adapter.get_relation(this.database, this.schema, this.identifier) -%}
        {%- if relation is not none -%}
            {%- set stored = {} -%}
            {%- for column in adapter.get_columns_in_relation(relation) -%}
                {%- do stored.update({column.name: plain_type(column.dtype)}) -%}
            {%- endfor -%}
            {{ return(stored != declared_types(model_columns('profiles').values() | list + trait_columns())) }}
        {%- endif -%}
    {%- endif -%}
    {{ return(false) }}
{%- endmacro %}

{# The types that columns are declared with, by name, as the engine calls them: it knows each by several names. #}
{% macro declared_types(columns) -%}
    {{ return(adapter.dispatch('declared_types')(columns)) }}
{%- endmacro %}

{% macro default__declared_types(columns) -%}
    {%- set types = {} -%}
    {%- for column in columns -%}
        {%- do types.update({column.name: plain_type(column.data_type)}) -%}
    {%- endfor -%}
    {{ return(types) }}
{%- endmacro %}

{#
    The engine is asked, whatever it is called in yml, and by its own words: the adapter would tell a
    struct as one column for each of its fields.
#}
{% macro duckdb__declared_types(columns) -%}
    {%- set casts = [] -%}
    {%- for column in columns -%}
        {%- do casts.append(
            'cast(null as ' ~ api.Column.translate_type(column.data_type) ~ ') as ' ~ column.name
        ) -%}
    {%- endfor -%}
    {%- set types = {} -%}
    {%- for row in run_query('describe (select ' ~ casts | join(', ') ~ ')') -%}
        {%- do types.update({row['column_name']: plain_type(row['column_type'])}) -%}
    {%- endfor -%}
    {{ return(types) }}
{%- endmacro %}

{# A type by one of its names; Spark and DuckDB call text by several. #}
{% macro plain_type(data_type) -%}
    {%- set plain = data_type | lower -%}
    {%- set others = {
        'varchar': 'string', 'text': 'string', 'int': 'integer', 'long': 'bigint', 'bool': 'boolean',
        'real': 'float', 'numeric': 'decimal'
    } -%}
    {{ return(others.get(plain, plain)) }}
{%- endmacro %}

{% macro delete_profiles_that_are_gone() -%}
    {%- if is_incremental() and execute -%}
        {{ delete_rows(
            this, 'person_id',
            'select stored.person_id from ' ~ this ~ ' as stored left join '
            ~ source('identity', 'persons') ~ " as persons on stored.person_id = persons.person_id "
            ~ "and persons.status = 'active' where persons.person_id is null"
        ) }}
    {%- endif -%}
{%- endmacro %}

{# Write the columns that count days to the run, in profiles that stayed as they were. #}
{% macro count_days_anew() -%}
    {%- if is_incremental() and execute -%}
        {%- set columns = trait_columns() | selectattr('meta.counts_days', 'defined')
            | selectattr('meta.counts_days') | list -%}
        {%- if columns -%}
            {{ update_rows(this, 'person_id', columns | map(attribute='name') | list, days(columns)) }}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{% macro days(columns) -%}
    select
        stored.person_id
        {%- for column in columns %},
        {{ trait_value(column) }} as {{ column.name }}
        {%- endfor %}

    from {{ this }} as stored
    {%- for trait in columns | map(attribute='trait') | unique %}

    left join {{ ref(trait) }} as {{ trait }}
        on stored.person_id = {{ trait }}.person_id
    {%- endfor %}
{%- endmacro %}

{#
    Columns of rows, by a key, set to what a query gives.

    query: gives the key, once for each row to be written, and these columns
#}
{% macro update_rows(relation, key, columns, query) -%}
    {{ return(adapter.dispatch('update_rows')(relation, key, columns, query)) }}
{%- endmacro %}

{% macro default__update_rows(relation, key, columns, query) -%}
    merge into {{ relation }} as written
    using ({{ query }}) as told
    on written.{{ key }} = told.{{ key }}
    when matched then update set
        {%- for column in columns %}
        written.{{ column }} = told.{{ column }}{{ ',' if not loop.last }}
        {%- endfor %}
{%- endmacro %}

{# Columns are written in place. #}
{% macro duckdb__update_rows(relation, key, columns, query) -%}
    update {{ relation }} as written
    set
        {%- for column in columns %}
        {{ column }} = told.{{ column }}{{ ',' if not loop.last }}
        {%- endfor %}
    from ({{ query }}) as told
    where written.{{ key }} = told.{{ key }}
{%- endmacro %}
