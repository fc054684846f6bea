with

found as (

    select * from {{ ref('int_account_members__found') }}

),

final as (

    select
        account_id,
        person_id,
        basis,
        valid_from

    from found

)

select * from final
