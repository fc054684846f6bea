with

members as (

    select * from {{ ref('int_account_members__found') }}

),

-- Who belongs to several accounts is shown with the best-founded one; of two alike with the newer.
ranked as (

    select
        person_id,
        account_id,
        basis,
        row_number() over (
            partition by person_id
            order by basis_rank, valid_from desc nulls last, account_id
        ) as strength_rank

    from members

),

employed as (

    select
        person_id,
        account_id,
        basis

    from ranked

    where strength_rank = 1

)

select * from employed
