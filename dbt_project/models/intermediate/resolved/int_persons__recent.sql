{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert' if target.type == 'duckdb' else 'merge',
        unique_key='person_id',
        on_schema_change='append_new_columns',
        pre_hook="{{ delete_what_time_changed() }}"
    )
}}

with

clock as (

    select max(as_of) as as_of from {{ source('raw', 'as_of') }}

),

-- Persons of whom nothing differs, and whose days have not come, stay as they are.
active as (

    select
        active.person_id,
        active.fingerprint

    from {{ ref('int_persons__active') }} as active
    {%- if is_growing() %}

    left join {{ this }} as stored
        on active.person_id = stored.person_id

    where stored.person_id is null
    {%- endif %}

),

-- The engine need not look at what is older.
events as (

    select
        events.person_id,
        events.session_id,
        events.occurred_at,
        {{ days_between('events.occurred_at', 'clock.as_of') }} as age_days

    from {{ ref('events') }} as events

    inner join active
        on events.person_id = active.person_id

    inner join clock
        on events.occurred_at >= {{ dbt.dateadd('day', -31, 'clock.as_of') }}

    where
        not events.is_bot
        -- What was sent to a person is not what the person did.
        and coalesce(events.activity, '') not in ('email_delivered', 'email_refused')

),

-- An act is counted from its second on, for 30 days, the last second included.
{%- set second = dbt.date_trunc('second', 'occurred_at') %}
counted as (

    select
        person_id,
        count(distinct case when age_days >= 0 then cast(occurred_at as date) end)
            as active_day_count,
        count(distinct case when age_days >= 0 then session_id end) as session_count,
        min(
            case
                when age_days >= 0
                    then {{ dbt.dateadd('second', 30 * 86400 + 1, second) }}
                else {{ second }}
            end
        ) as holds_until

    from events

    where age_days <= 30

    group by person_id

),

recent as (

    select
        active.person_id,
        coalesce(counted.active_day_count, 0) as active_day_count,
        coalesce(counted.session_count, 0) as session_count,
        clock.as_of as counted_at,
        cast(counted.holds_until as {{ dbt.type_timestamp() }}) as holds_until,
        active.fingerprint,
        '{{ recency_rules() }}' as rules

    from active

    cross join clock

    left join counted
        on active.person_id = counted.person_id

)

select * from recent
