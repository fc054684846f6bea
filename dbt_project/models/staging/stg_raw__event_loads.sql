{#- Rows of a load are added when it is stored, and then only deleted, or emptied by retention: where
    nothing is fewer than it was, nothing differs. -#}
{%- set counts = ['count(*)'] -%}
{%- for column in emptied_columns() -%}
    {%- do counts.append('count(' ~ column ~ ')') -%}
{%- endfor -%}

with

source as (

    select * from {{ source('raw', 'events') }}

),

loads as (

    select
        load_id,
        max(cast(stored_at as {{ dbt.type_timestamp() }})) as stored_at

    from {{ source('raw', 'loads') }}

    group by load_id

),

counted as (

    select
        load_id,
        cast(loaded_at as {{ dbt.type_timestamp() }}) as loaded_at,
        count(*) as event_count,
        {{ row_fingerprint(counts) }} as count_fingerprint

    from source

    group by load_id, cast(loaded_at as {{ dbt.type_timestamp() }})

),

final as (

    select
        counted.load_id,
        counted.loaded_at,
        counted.event_count,
        loads.stored_at,
        {{ row_fingerprint(['counted.count_fingerprint', 'loads.stored_at']) }} as fingerprint

    from counted

    left join loads
        on counted.load_id = loads.load_id

)

select * from final
