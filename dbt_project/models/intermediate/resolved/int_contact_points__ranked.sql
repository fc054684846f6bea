with

identifiers as (

    select * from {{ source('identity', 'identifiers') }}

    where identifier_type in ('email', 'phone')

),

members as (

    select * from {{ source('identity', 'members') }}

),

records as (

    select
        source,
        source_record_id,
        coalesce(record_updated_at, record_created_at) as updated_at

    from {{ ref('stg_raw__person_records') }}

),

found as (

    select
        members.person_id,
        identifiers.identifier_type,
        identifiers.identifier_value,
        identifiers.source,
        identifiers.source_record_id,
        identifiers.is_shared,
        coalesce(records.updated_at, identifiers.first_seen_at) as updated_at,
        case when records.source is null then 1 else 0 end as is_unrecorded,
        {{ source_rank('identifiers.source') }} as source_rank

    from identifiers

    inner join members
        on
            identifiers.source = members.source
            and identifiers.source_record_id = members.source_record_id

    left join records
        on
            identifiers.source = records.source
            and identifiers.source_record_id = records.source_record_id

),

-- One row per value: the record that speaks for it.
spoken as (

    select
        found.*,
        row_number() over (
            partition by person_id, identifier_type, identifier_value
            order by
                is_unrecorded, source_rank, updated_at desc nulls last,
                source, source_record_id
        ) as spokesman_rank,
        max(case when is_shared then 1 else 0 end) over (
            partition by person_id, identifier_type, identifier_value
        ) as shared

    from found

),

-- A shared value is nobody's preferred one: what is sent there, others read.
ranked as (

    select
        person_id,
        identifier_type,
        identifier_value,
        source,
        source_record_id,
        shared = 1 as is_shared,
        shared = 0
        and row_number() over (
            partition by person_id, identifier_type
            order by
                shared, is_unrecorded, source_rank, updated_at desc nulls last,
                source, source_record_id, identifier_value
        ) = 1 as is_preferred

    from spoken

    where spokesman_rank = 1

)

select * from ranked
