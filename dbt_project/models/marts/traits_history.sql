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

clock as (

    select max(as_of) as as_of from {{ source('raw', 'as_of') }}

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

-- What changed at a later date than this run's is left alone; one wrong date stops no other trait.
changed_later as (

    {% if is_incremental() -%}
    select distinct
        remembered.person_id,
        remembered.trait

    from {{ this }} as remembered

    cross join clock

    where coalesce(remembered.valid_to, remembered.valid_from) > clock.as_of
    {%- else -%}
    select
        person_id,
        trait

    from current_values

    where false
    {%- endif %}

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

    left join changed_later
        on
            current_values.person_id = changed_later.person_id
            and current_values.trait = changed_later.trait

    where
        clock.as_of is not null
        and changed_later.person_id is null
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

    left join changed_later
        on
            open_values.person_id = changed_later.person_id
            and open_values.trait = changed_later.trait

    where
        open_values.valid_from < clock.as_of
        and changed_later.person_id is null
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
