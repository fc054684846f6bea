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
        coalesce(
            status not in (
                'failed', 'refunded', 'cancelled', 'canceled', 'voided', 'declined', 'pending',
                'chargeback', 'disputed', 'expired', 'draft'
            ),
            true
        ) as is_paid,
        ordered_at

    from attributed

)

select * from final
