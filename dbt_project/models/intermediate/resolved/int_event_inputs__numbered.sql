{{ config(materialized='table') }}

{%- set made_from = [
    'int_event_loads__counted', 'int_events__changed', 'events', 'int_nodes__numbered'
] -%}

with

-- Written after the nodes, which are of these events then.
-- depends_on: {{ ref('int_nodes__numbered') }}
loads as (

    select * from {{ ref('int_event_loads__counted') }}

),

events as (

    select * from {{ ref('events') }}

),

numbered as (

    select
        'load' as kind,
        load_id,
        loaded_at,
        fingerprint

    from loads

    union all

    select
        'rules' as kind,
        cast(null as {{ dbt.type_string() }}) as load_id,
        cast(null as {{ dbt.type_timestamp() }}) as loaded_at,
        -- None is negative: where loads may not be those of the events, all are compared.
        {{ attribution_rules() if are_made(made_from) else 'cast(-1 as bigint)' }} as fingerprint

    union all

    select
        'networks' as kind,
        cast(null as {{ dbt.type_string() }}) as load_id,
        cast(null as {{ dbt.type_timestamp() }}) as loaded_at,
        fingerprint

    from {{ networks_fingerprint() }} as networks

    union all

    -- What came of them: whoever finds another number here knows that this table is not of them.
    select
        'events' as kind,
        cast(null as {{ dbt.type_string() }}) as load_id,
        cast(null as {{ dbt.type_timestamp() }}) as loaded_at,
        coalesce({{ set_fingerprint('row_fingerprint') }}, 0) as fingerprint

    from events

)

select * from numbered
