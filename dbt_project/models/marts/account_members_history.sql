with

dated as (

    select * from {{ ref('int_account_members__dated') }}

),

final as (

    select
        person_id,
        account_id,
        basis,
        source,
        source_record_id,
        valid_from,
        valid_to,
        known_from,
        known_to

    from dated

)

select * from final
