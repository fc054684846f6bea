{#- A table: it is read twice, and each time all records would be hashed. -#}
{{ config(materialized='table') }}

with

records as (

    select * from {{ ref('stg_raw__person_records') }}

),

traits as (

    select * from {{ ref('int_traits__reported') }}

),

members as (

    select * from {{ source('identity', 'members') }}

),

told as (

    select
        members.person_id,
        {{ row_fingerprint(
            ['records.source', 'records.source_record_id', 'record_hash', 'load_id', 'loaded_at']
        ) }} as row_fingerprint

    from records

    inner join members
        on
            records.source = members.source
            and records.source_record_id = members.source_record_id

    union all

    select
        members.person_id,
        {{ row_fingerprint(
            ['traits.source', 'traits.source_record_id', 'field', 'value', 'updated_at']
        ) }} as row_fingerprint

    from traits

    inner join members
        on
            traits.source = members.source
            and traits.source_record_id = members.source_record_id

),

numbered as (

    select
        person_id,
        {{ set_fingerprint('row_fingerprint') }} as row_fingerprint

    from told

    group by person_id

)

select * from numbered
