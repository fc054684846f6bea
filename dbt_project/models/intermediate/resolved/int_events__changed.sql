{{ config(materialized='table') }}

{#- The tables of the last build, which are built after this one. -#}
{%- set stored = earlier('events', ['input_fingerprint', 'row_fingerprint', 'is_automated']) -%}
{%- set inputs = earlier('int_event_inputs__numbered', ['kind', 'load_id', 'loaded_at', 'fingerprint']) -%}
{%- set nodes = earlier('int_nodes__numbered', ['node_number', 'fingerprint']) -%}
{%- set changes = event_changes(stored, inputs, nodes) -%}
{%- set is_known = stored is not none -%}
{%- set is_all = changes is none or changes.is_all -%}
{#- Whether an event of what is compared may have been there before. -#}
{%- set may_be_there = is_all or changes.has_losses or changes.has_nodes -%}

with

-- Read by macros. depends_on: {{ ref('int_event_loads__counted') }} {{ ref('stg_raw__events') }}
-- depends_on: {{ ref('stg_raw__ip_ranges') }} {{ ref('stg_raw__mail_domains') }}
-- depends_on: {{ source('identity', 'members') }} {{ source('identity', 'devices') }}
{% if is_known and not is_all and changes.has_loads -%}
changed_loads as (

    {{ changed_loads(inputs) }}

),

{% endif -%}
{% if is_known and not is_all and changes.has_nodes -%}
changed_nodes as (

    {{ changed_nodes(nodes) }}

),

{% endif -%}
-- Events that may differ: of these loads, or of these nodes.
suspects as (

    select classified.*

    from {{ ref('int_events__classified') }} as classified
    {%- if not is_known %}

    where false
    {%- elif not is_all %}
    {%- if changes.has_loads %}

    left join changed_loads
        on
            coalesce(classified.load_id, '') = coalesce(changed_loads.load_id, '')
            and coalesce(classified.loaded_at, {{ long_ago() }})
            = coalesce(changed_loads.loaded_at, {{ long_ago() }})
    {%- endif %}
    {%- if changes.has_nodes %}
    {%- for node, column in {'users': 'user_id', 'devices': 'anonymous_id', 'emails': 'email'}.items() %}

    left join changed_nodes as {{ node }}
        on {{ node_number("'" ~ node ~ "'", 'classified.' ~ column) }} = {{ node }}.node_number
    {%- endfor %}
    {%- endif %}

    where
        false
        {%- if changes.has_loads %}
        or (
            changed_loads.was_there is not null
            {%- if changes.since and not changes.has_nodes %}
            and classified.loaded_at >= cast('{{ changes.since }}' as {{ dbt.type_timestamp() }})
            {%- endif %}
        )
        {%- endif %}
        {%- if changes.has_nodes %}
        or users.node_number is not null
        or devices.node_number is not null
        or emails.node_number is not null
        {%- endif %}
    {%- endif %}

),

{{ located('suspects') }},

{{ attributed('suspects', 'located') }},

present as (

    select
        attributed.*,
        {{ is_reading() }} as is_reading,
        {{ event_fingerprint() }} as input_fingerprint

    from attributed

),

stored as (

    {% if is_known -%}
    select
        event_id,
        visitor_id,
        person_id,
        session_id,
        is_bot,
        occurred_at,
        activity,
        is_automated,
        {{ is_reading() }} as was_reading,
        input_fingerprint,
        row_fingerprint

    from {{ stored }}
    {%- else -%}
    select
        event_id,
        visitor_id,
        person_id,
        cast(null as {{ dbt.type_string() }}) as session_id,
        is_automated as is_bot,
        occurred_at,
        activity,
        is_automated,
        is_reading as was_reading,
        input_fingerprint,
        input_fingerprint as row_fingerprint

    from present

    where false
    {%- endif %}

),

former as (

    select stored.*

    from stored
    {%- if may_be_there %}

    inner join present
        on stored.event_id = present.event_id
    {%- else %}

    where false
    {%- endif %}

),

gone as (

    select stored.*

    from stored
    {%- if may_be_there and (is_all or changes.has_losses) %}

    left join {{ ref('stg_raw__events') }} as events
        on stored.event_id = events.event_id

    where events.event_id is null
    {%- else %}

    where false
    {%- endif %}

),

told as (

    select
        present.*,
        former.visitor_id as former_visitor_id,
        former.person_id as former_person_id,
        former.session_id as former_session_id,
        former.row_fingerprint as former_row_fingerprint,
        former.was_reading

    from present

    left join former
        on present.event_id = former.event_id

    where
        former.input_fingerprint is null
        or former.input_fingerprint <> present.input_fingerprint

),

visitors as (

    select visitor_id from told where visitor_id is not null

    union

    select former_visitor_id from told where former_visitor_id is not null

    union

    select visitor_id from gone where visitor_id is not null

),

-- All events of the visitors concerned: a late one may join two visits.
visits as (

    select
        event_id,
        visitor_id,
        person_id,
        occurred_at,
        activity,
        is_automated,
        input_fingerprint,
        cast(null as {{ dbt.type_string() }}) as former_session_id,
        cast(null as boolean) as was_bot,
        cast(null as boolean) as was_reading,
        cast(null as bigint) as former_row_fingerprint,
        false as is_unchanged

    from told

    where visitor_id is not null

    union all

    select
        stored.event_id,
        stored.visitor_id,
        stored.person_id,
        stored.occurred_at,
        stored.activity,
        stored.is_automated,
        stored.input_fingerprint,
        stored.session_id as former_session_id,
        stored.is_bot as was_bot,
        stored.was_reading,
        stored.row_fingerprint as former_row_fingerprint,
        true as is_unchanged

    from stored

    inner join visitors
        on stored.visitor_id = visitors.visitor_id
    {%- if may_be_there %}

    left join told
        on stored.event_id = told.event_id

    left join gone
        on stored.event_id = gone.event_id

    where told.event_id is null and gone.event_id is null
    {%- endif %}

),

{{ placed('visits') }},

changed as (

    select
        'told' as change,
        told.event_id,
        told.loaded_at,
        told.person_id,
        told.company_domain,
        told.company_confidence,
        placed.session_id,
        coalesce(placed.is_bot, told.is_automated) as is_bot,
        told.is_reading,
        told.input_fingerprint,
        told.former_person_id,
        told.former_session_id,
        told.was_reading,
        told.former_row_fingerprint

    from told

    left join placed
        on told.event_id = placed.event_id

    union all

    select
        'moved' as change,
        visits.event_id,
        cast(null as {{ dbt.type_timestamp() }}) as loaded_at,
        visits.person_id,
        cast(null as {{ dbt.type_string() }}) as company_domain,
        cast(null as {{ dbt.type_float() }}) as company_confidence,
        placed.session_id,
        placed.is_bot,
        visits.was_reading as is_reading,
        visits.input_fingerprint,
        visits.person_id as former_person_id,
        visits.former_session_id,
        visits.was_reading,
        visits.former_row_fingerprint

    from visits

    inner join placed
        on visits.event_id = placed.event_id

    where
        visits.is_unchanged
        and (visits.former_session_id <> placed.session_id or visits.was_bot <> placed.is_bot)

),

final as (

    select
        changed.*,
        {{ row_fingerprint(['input_fingerprint', 'session_id', 'is_bot']) }} as row_fingerprint

    from changed

    union all

    select
        'gone' as change,
        event_id,
        cast(null as {{ dbt.type_timestamp() }}) as loaded_at,
        cast(null as {{ dbt.type_string() }}) as person_id,
        cast(null as {{ dbt.type_string() }}) as company_domain,
        cast(null as {{ dbt.type_float() }}) as company_confidence,
        cast(null as {{ dbt.type_string() }}) as session_id,
        cast(null as boolean) as is_bot,
        cast(null as boolean) as is_reading,
        cast(null as bigint) as input_fingerprint,
        person_id as former_person_id,
        session_id as former_session_id,
        was_reading,
        row_fingerprint as former_row_fingerprint,
        cast(null as bigint) as row_fingerprint

    from gone

)

select * from final
