with

ranked as (

    select * from {{ ref('int_contact_points__ranked') }}

),

final as (

    select
        person_id,
        identifier_type,
        identifier_value,
        is_preferred,
        is_shared,
        source,
        source_record_id

    from ranked

)

select * from final
