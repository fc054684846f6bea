{{
    config(
        materialized='incremental',
        incremental_strategy='merge',
        unique_key=['person_id', 'trait', 'valid_from'],
        on_schema_change='fail',
        full_refresh=false
    )
}}

{#- A full refresh of everything else keeps it: what was is nowhere else. -#}
{#- Counters change on every visit; what is kept here changes rarely and means something. -#}
{%- set traits = history_columns() -%}

with

profiles as (

    select * from {{ ref('profiles') }}

),

dated as (

    select max(as_of) as as_of from {{ source('raw', 'as_of') }}

),

-- A run for an earlier date than the last change leaves history alone: it has no date then.
clock as (

    {% if is_incremental() -%}
    select case when remembered.changed_at > dated.as_of then null else dated.as_of end as as_of

    from dated

    cross join (
        select max(coalesce(valid_to, valid_from)) as changed_at from {{ this }}
    ) as remembered
    {%- else -%}
    select as_of from dated
    {%- endif %}

),

current_values as (

    {% for trait in traits %}
    select
        person_id,
        '{{ trait }}' as trait,
        cast({{ trait }} as {{ dbt.type_string() }}) as value

    from profiles

    where {{ trait }} is not null

    {{ 'union all' if not loop.last }}
    {% endfor %}

),

open_values as (

    {% if is_incremental() -%}
    select
        person_id,
        trait,
        value,
        valid_from

    from {{ this }}

    where valid_to is null
    {%- else -%}
    select
        person_id,
        trait,
        value,
        cast(null as {{ dbt.type_timestamp() }}) as valid_from

    from current_values

    where false
    {%- endif %}

),

opened as (

    select
        current_values.person_id,
        current_values.trait,
        current_values.value,
        clock.as_of as valid_from,
        cast(null as {{ dbt.type_timestamp() }}) as valid_to

    from current_values

    cross join clock

    left join open_values
        on
            current_values.person_id = open_values.person_id
            and current_values.trait = open_values.trait

    where
        clock.as_of is not null
        and (
            open_values.person_id is null
            or open_values.value <> current_values.value
        )

),

closed as (

    select
        open_values.person_id,
        open_values.trait,
        open_values.value,
        open_values.valid_from,
        clock.as_of as valid_to

    from open_values

    cross join clock

    left join current_values
        on
            open_values.person_id = current_values.person_id
            and open_values.trait = current_values.trait

    where
        open_values.valid_from < clock.as_of
        and (
            current_values.person_id is null or current_values.value <> open_values.value
        )

),

final as (

    select * from opened

    union all

    select * from closed

)

select * from final
