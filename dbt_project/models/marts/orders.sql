with

attributed as (

    select * from {{ ref('int_orders__attributed') }}

),

final as (

    select
        source,
        order_id,
        person_id,
        sku,
        amount,
        currency,
        status,
        {{ is_paid('status') }} as is_paid,
        ordered_at

    from attributed

)

select * from final
