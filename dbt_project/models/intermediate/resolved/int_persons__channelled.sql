{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert' if target.type == 'duckdb' else 'merge',
        unique_key='person_id',
        on_schema_change='append_new_columns',
        pre_hook="{{ delete_changed_groups(visitor_groups()) }}"
    )
}}

with

{% if is_growing() -%}
changed as (

    {{ changed_groups(visitor_groups()) }}

),
{%- endif %}

sessions as (

    select
        sessions.person_id,
        sessions.session_id,
        sessions.started_at,
        -- A screen on a wall came by no channel.
        case when not sessions.is_overlong then sessions.channel end as channel,
        sessions.fingerprint

    from {{ ref('sessions') }} as sessions
    {%- if is_growing() %}

    inner join changed
        on sessions.person_id = changed.person_id
    {%- else %}

    where sessions.person_id is not null
    {%- endif %}

),

channelled as (

    select
        person_id,
        {{ earliest('channel', 'started_at, session_id') }} as first_channel,
        {{ latest('channel', 'started_at, session_id') }} as last_channel,
        {{ set_fingerprint('fingerprint') }} as fingerprint,
        '{{ visitor_rules() }}' as rules

    from sessions

    group by person_id

)

select * from channelled
