with

ranked as (

    select * from {{ ref('int_contact_points__ranked') }}

),

denied as (

    select * from {{ ref('int_contact_points__denied') }}

),

final as (

    select
        ranked.person_id,
        ranked.identifier_type,
        ranked.identifier_value,
        ranked.is_preferred,
        ranked.is_shared,
        denied.denied_purposes,
        ranked.source,
        ranked.source_record_id

    from ranked

    left join denied
        on
            ranked.person_id = denied.person_id
            and ranked.identifier_type = denied.identifier_type
            and ranked.identifier_value = denied.identifier_value

)

select * from final
