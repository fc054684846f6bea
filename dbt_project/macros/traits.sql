{#
    Traits join marts.profiles by themselves (docs/adr/0015). A trait is a model in models/traits/,
    hence tagged `trait`: one row per person, `person_id` among its columns, all of them declared in
    its yml with data_type, description and meta.pii. meta may also say:
      default  what holds for persons of whom the model has no row; left out: null
      counts_days  whether it counts days to the run, and so changes without anything happening
      history  whether marts.traits_history keeps its changes; left out: text and yes-or-no only
#}

{#
    Names of the trait models, sorted. While dbt parses, `graph` is empty, and it is then that dbt
    learns what a model reads: so the folder is read instead, from the files that dbt has found.
#}
{% macro trait_models() -%}
    {%- set names = [] -%}
    {%- if execute -%}
        {%- for node in graph.nodes.values() if node.resource_type == 'model' and 'trait' in node.tags -%}
            {%- if not node.original_file_path.startswith('models/traits/') -%}
                {{ trait_error(node.name, 'a model tagged trait joins the profile from models/traits/ alone: move its file to models/traits/') }}
            {%- endif -%}
            {%- do names.append(node.name) -%}
        {%- endfor -%}
    {%- else -%}
        {%- for file_id, file in builtins.ref.manifest.files.items() -%}
            {%- set found = modules.re.match(project_name ~ '://models/traits/(?:.*/)?([^/]+)[.]sql$', file_id) -%}
            {%- if found -%} {%- do names.append(found.group(1)) -%} {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(names | sort) }}
{%- endmacro %}

{# The columns that traits add to a profile, each as its yml declares it, with `trait` and `meta`. #}
{% macro trait_columns() -%}
    {%- set columns = [] -%}
    {%- if execute -%}
        {%- set taken = {} -%}
        {%- for name in model_columns('profiles') -%}
            {%- do taken.update({name: 'profiles'}) -%}
        {%- endfor -%}
        {%- for trait in trait_models() -%}
            {%- set declared = model_columns(trait) -%}
            {%- if 'person_id' not in declared -%}
                {{ trait_error(trait, 'its yml declares no person_id, by which it joins the profile') }}
            {%- endif -%}
            {%- for name, column in declared.items() if name != 'person_id' -%}
                {{ check_trait_column(trait, column, taken) }}
                {%- do taken.update({name: trait}) -%}
                {%- do columns.append(dict(column, trait=trait, meta=column.config.meta)) -%}
            {%- endfor -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(columns) }}
{%- endmacro %}

{# What a profile shows of one column of a trait, in its declared type. #}
{% macro trait_value(column) -%}
    {%- set value = column.trait ~ '.' ~ column.name -%}
    {%- set default = column.meta.get('default') -%}
    {%- if default is not none -%}
        {%- set literal = "'" ~ default | replace("'", "''") ~ "'" if default is string else default | string | lower -%}
        {%- set value = 'coalesce(' ~ value ~ ', ' ~ literal ~ ')' -%}
    {%- endif -%}
    cast({{ value }} as {{ api.Column.translate_type(column.data_type) }})
{%- endmacro %}

{# Names of the columns whose changes are kept: of the profile itself and of all traits. #}
{% macro history_columns() -%}
    {%- set names = [] -%}
    {%- if execute -%}
        {%- for column in model_columns('profiles').values() | list + trait_columns() if column.name != 'person_id' -%}
            {%- set is_slow = column.data_type in ('string', 'boolean') -%}
            {%- if column.config.meta.get('history', is_slow) -%} {%- do names.append(column.name) -%} {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(names) }}
{%- endmacro %}

{# A number for all that a profile says, but for what counts days: that changes while nothing does. #}
{% macro profile_fingerprint() -%}
    {%- set values = ['profiled.person_id'] -%}
    {%- if execute and graph.get('nodes') -%}
        {%- for name in model_columns('profiles') if name not in ('person_id', 'row_fingerprint') -%}
            {%- do values.append('profiled.' ~ name) -%}
        {%- endfor -%}
        {%- for column in trait_columns() if not column.meta.get('counts_days') -%}
            {%- do values.append(trait_value(column)) -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(row_fingerprint(values)) }}
{%- endmacro %}

{#
    dbt calls this before it builds a table with a contract. The contract of profiles is what its
    yml declares and what the yml of each trait declares; of every other model, its yml alone.
#}
{% macro default__get_assert_columns_equivalent(sql) -%}
    {%- if model.name == 'profiles' -%}
        {%- for column in trait_columns() -%}
            {%- do model['columns'].update({column.name: column}) -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(assert_columns_equivalent(sql)) }}
{%- endmacro %}

{% macro model_columns(name) -%}
    {{ return(graph.nodes['model.' ~ project_name ~ '.' ~ name].columns) }}
{%- endmacro %}

{% macro check_trait_column(trait, column, taken) -%}
    {%- set known = ['none', 'pseudonymous', 'personal', 'sensitive'] -%}
    {%- if column.name in taken -%}
        {{ trait_error(trait, 'the column ' ~ column.name ~ ' is one of ' ~ taken[column.name] ~ ' already: give it another name') }}
    {%- elif not column.data_type -%}
        {{ trait_error(trait, 'the column ' ~ column.name ~ ' has no data_type in the yml: write string, bigint, double, boolean or timestamp') }}
    {%- elif not column.description -%}
        {{ trait_error(trait, 'the column ' ~ column.name ~ ' has no description in the yml: say its meaning, its unit and what null means') }}
    {%- elif column.config.meta.get('pii') not in known -%}
        {{ trait_error(trait, 'the column ' ~ column.name ~ ' needs config.meta.pii in the yml, one of ' ~ known | join(', ') ~ '; identifiers stand in contact_points alone') }}
    {%- endif -%}
{%- endmacro %}

{% macro trait_error(trait, problem) -%}
    {{ exceptions.raise_compiler_error('trait ' ~ trait ~ ': ' ~ problem) }}
{%- endmacro %}

{# Full days from a moment to the date of the run; 0 for a later moment, null for none. #}
{% macro full_days_since(moment, now) -%}
    case
        when {{ moment }} > {{ now }} then 0
        else cast(floor({{ days_between(moment, now) }}) as bigint)
    end
{%- endmacro %}
