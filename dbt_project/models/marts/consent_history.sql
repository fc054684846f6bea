with

objected as (

    select * from {{ ref('int_consents__objected') }}

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

    from objected

)

select * from final
