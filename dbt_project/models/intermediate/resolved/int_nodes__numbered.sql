{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert' if target.type == 'duckdb' else 'merge',
        unique_key='fingerprint',
        on_schema_change='append_new_columns',
        pre_hook="{{ delete_nodes_that_are_gone() }}"
    )
}}

with

-- After the events that hang on them. depends_on: {{ ref('events') }}
nodes as (

    select * from {{ event_nodes() }} as event_nodes

)

select * from nodes
{%- if not are_made(['int_events__changed', 'events']) %}

where false
{%- elif is_incremental() %}

where fingerprint not in (select stored.fingerprint from {{ this }} as stored)
{%- endif %}
