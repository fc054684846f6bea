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
        reason

    from survived

)

select * from final
