{#
    What changed of marts.events since the last build (docs/adr/0028). A build keeps a number for each
    thing that events are made from: each load, each node of the identity graph, the networks and the
    rules. int_events__changed compares them with those of now and lists the events concerned; what
    is built from events follows that list, once a checksum says that the list is all there is.
#}

{# Columns that retention may empty in a row of raw.events. #}
{% macro emptied_columns() -%}
    {{ return([
        'anonymous_id', 'user_id', 'email', 'ip', 'user_agent', 'page_url', 'page_referrer',
        'search_query', 'download', 'block', 'properties'
    ]) }}
{%- endmacro %}

{# Other columns of an event's row that marts.events is made from. #}
{% macro said_columns() -%}
    {{ return([
        'source', 'type', 'event', 'occurred_at', 'received_at', 'is_late', 'page_path',
        'campaign_source', 'campaign_medium', 'campaign_name', 'device_type', 'locale', 'timezone',
        'content_id', 'scroll_depth', 'time_on_page_s', 'item_position'
    ]) }}
{%- endmacro %}

{#
    A model as the last build left it, also where it reads this one, so that dbt may not know of it.
    None where it is not there, lacks one of the columns, or is about to be built from nothing.
#}
{% macro earlier(name, columns) -%}
    {%- if execute and graph.get('nodes') and not flags.FULL_REFRESH -%}
        {%- set node = graph.nodes['model.' ~ project_name ~ '.' ~ name] -%}
        {%- set relation = adapter.get_relation(node.database, node.schema, node.alias) -%}
        {%- if relation is not none and has_columns(relation, columns) -%}
            {{ return(relation) }}
        {%- endif -%}
    {%- endif -%}
    {{ return(none) }}
{%- endmacro %}

{# The first row of a query's result, as a dictionary. #}
{% macro first_row(query) -%}
    {%- set result = run_query(query) -%}
    {{ return(dict(zip(result.column_names | map('lower'), result.rows[0]))) }}
{%- endmacro %}

{#
    Whether this build has made these models, of which this one is made: what is remembered of them
    is true then. A part of the project that is built alone is remembered by nobody.
#}
{% macro are_made(names) -%}
    {#- A unit test has no graph. -#}
    {%- if execute and graph.get('nodes') -%}
        {%- for name in names if 'model.' ~ project_name ~ '.' ~ name not in selected_resources -%}
            {{ return(false) }}
        {%- endfor -%}
    {%- endif -%}
    {{ return(true) }}
{%- endmacro %}

{# What decides whose an event is, one row per node of the identity graph and period. #}
{% macro event_nodes() -%}
    (
        select
            {{ node_number('source', 'source_record_id') }} as node_number,
            person_id,
            {{ row_fingerprint(['source', 'source_record_id', 'person_id']) }} as fingerprint
        from {{ source('identity', 'members') }}
        where source in ('users', 'emails')
        union all
        select
            {{ node_number("'devices'", 'anonymous_id') }} as node_number,
            person_id,
            {{ row_fingerprint(
                ["'devices'", 'anonymous_id', 'person_id', 'valid_from', 'valid_to']
            ) }} as fingerprint
        from {{ source('identity', 'devices') }}
        where not is_shared and person_id is not null
    )
{%- endmacro %}

{% macro node_number(source, node) -%}
    {{ row_fingerprint([source, node]) }}
{%- endmacro %}

{% macro delete_nodes_that_are_gone() -%}
    {%- if is_incremental() and execute and are_made(['int_events__changed', 'events']) -%}
        {{ delete_rows(this, 'fingerprint', '
            select stored.fingerprint from ' ~ this ~ ' as stored
            where stored.fingerprint not in (select fingerprint from ' ~ event_nodes() ~ ' as event_nodes)
        ') }}
    {%- endif -%}
{%- endmacro %}

{# A number for the networks by which addresses are located. #}
{% macro networks_fingerprint() -%}
    (
        select coalesce({{ set_fingerprint('row_fingerprint') }}, 0) as fingerprint
        from (
            select {{ row_fingerprint(['first_address', 'last_address', 'domain', 'confidence']) }}
                as row_fingerprint
            from {{ ref('stg_raw__ip_ranges') }}
            union all
            select {{ row_fingerprint(["'mail'", 'domain']) }} as row_fingerprint
            from {{ ref('stg_raw__mail_domains') }}
        ) as numbers
    )
{%- endmacro %}

{% macro attribution_rules() -%}
    {{ row_fingerprint([
        "'" ~ event_rules() ~ "'",
        "'" ~ rules_of(
            ['int_events__changed', 'int_addresses__located', 'int_events__attributed'],
            [attributed('a', 'b'), located('a'), var('network_confidence')]
        ) ~ "'"
    ]) }}
{%- endmacro %}

{#
    What differs since the last build, a dictionary; none where there is none to compare with.
      is_all      whether all events have to be compared
      has_loads   whether any load differs
      has_losses  whether any load has lost something, so that events may be gone or told otherwise
      since       when the first of these loads was loaded; none where one does not say so
      has_nodes   whether any node of the identity graph is somebody else's by now
#}
{% macro event_changes(events, inputs, nodes) -%}
    {%- if events is none or inputs is none or nodes is none -%} {{ return(none) }} {%- endif -%}
    {%- set found -%}
        select
            case when {{ known_number(inputs, 'rules') }} = {{ attribution_rules() }} then 0 else 1 end
            + case
                when {{ known_number(inputs, 'networks') }}
                    = (select fingerprint from {{ networks_fingerprint() }} as networks) then 0
                else 1
            end
            + case
                when {{ known_number(inputs, 'events') }}
                    = (
                        select coalesce({{ set_fingerprint('row_fingerprint') }}, 0)
                        from {{ events }} as stored
                    ) then 0
                else 1
            end as surprises,
            count(*) as load_count,
            count(case when loads.was_there then 1 end) as loss_count,
            count(case when loads.loaded_at is null then 1 end) as dateless_count,
            cast(min(loads.loaded_at) as {{ dbt.type_string() }}) as since,
            (
                select
                    case
                        when coalesce({{ set_fingerprint('fingerprint') }}, 0) = (
                            select coalesce({{ set_fingerprint('stored.fingerprint') }}, 0)
                            from {{ nodes }} as stored
                        ) then 0
                        else 1
                    end
                from {{ event_nodes() }} as event_nodes
            ) as node_count
        from ({{ changed_loads(inputs) }}) as loads
    {%- endset -%}
    {%- set row = first_row(found) -%}
    {{ return({
        'is_all': row.surprises > 0,
        'has_loads': row.load_count > 0,
        'has_losses': row.loss_count > 0 or row.surprises > 0,
        'since': row.since if row.dateless_count == 0 else none,
        'has_nodes': row.node_count > 0
    }) }}
{%- endmacro %}

{% macro known_number(inputs, kind) -%}
    (select max(known.fingerprint) from {{ inputs }} as known where known.kind = '{{ kind }}')
{%- endmacro %}

{% macro changed_loads(inputs) -%}
    select
        coalesce(present.load_id, known.load_id) as load_id,
        coalesce(present.loaded_at, known.loaded_at) as loaded_at,
        known.fingerprint is not null as was_there

    from {{ ref('int_event_loads__counted') }} as present

    full outer join (select * from {{ inputs }} where kind = 'load') as known
        on
            coalesce(present.load_id, '') = coalesce(known.load_id, '')
            and coalesce(present.loaded_at, {{ long_ago() }}) = coalesce(known.loaded_at, {{ long_ago() }})

    where
        present.fingerprint is null
        or known.fingerprint is null
        or present.fingerprint <> known.fingerprint
{%- endmacro %}

{% macro long_ago() -%}
    cast('1970-01-01' as {{ dbt.type_timestamp() }})
{%- endmacro %}

{% macro changed_nodes(nodes) -%}
    select distinct coalesce(present.node_number, known.node_number) as node_number

    from {{ event_nodes() }} as present

    full outer join {{ nodes }} as known
        on present.fingerprint = known.fingerprint

    where present.fingerprint is null or known.fingerprint is null
{%- endmacro %}
