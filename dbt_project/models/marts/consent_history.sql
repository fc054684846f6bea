with

merged as (

    select * from {{ ref('int_consents__merged') }}

),

final as (

    select
        person_id,
        purpose,
        status,
        valid_from,
        valid_to,
        known_from,
        known_to

    from merged

)

select * from final
