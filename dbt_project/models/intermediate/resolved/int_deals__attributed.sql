with

deals as (

    select * from {{ ref('stg_raw__deals') }}

),

{{ attributed_dealings('deals') }},

final as (

    select
        source,
        deal_id,
        person_id,
        unified_account_id as account_id,
        amount,
        currency,
        closed_at,
        {{ deal_outcome('attributed') }} as outcome

    from attributed

)

select * from final
