with

survived as (

    select * from {{ ref('int_person_fields__survived') }}

),

final as (

    select
        person_id,
        field,
        source,
        source_record_id,
        strategy,
        reason,
        candidate_count,
        losing_count

    from survived

)

select * from final
