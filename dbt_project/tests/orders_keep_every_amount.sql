-- The amounts of orders, summed up, are those that sources report.
{{ config(meta={'dagster': {'ref': {'name': 'orders'}}}) }}

select
    raw_orders.amount as raw_amount,
    mart_orders.amount as mart_amount

from (
    select
        count(*) as order_count,
        coalesce(sum(amount), 0) as amount

    from {{ ref('stg_raw__orders') }}
) as raw_orders

cross join (
    select
        count(*) as order_count,
        coalesce(sum(amount), 0) as amount

    from {{ ref('orders') }}
) as mart_orders

-- A cent per million orders: doubles are summed in any order.
where
    raw_orders.order_count <> mart_orders.order_count
    or abs(raw_orders.amount - mart_orders.amount) > 0.01
