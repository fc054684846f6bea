with

orders as (

    select
        person_id,
        count(*) as order_count,
        -- Amounts of several currencies have no sum; an order without an amount has no currency either.
        case
            when count(distinct case when amount is not null then coalesce(currency, '') end) = 1
                then cast(
                    sum({{ dbt.safe_cast('amount', dbt.type_numeric()) }}) as double
                )
        end as total_spent,
        max(ordered_at) as last_ordered_at

    from {{ ref('orders') }}

    where person_id is not null and is_paid

    group by person_id

),

tickets as (

    select
        person_id,
        count(*) as ticket_count,
        avg(satisfaction) as mean_satisfaction

    from {{ ref('int_tickets__attributed') }}

    where person_id is not null

    group by person_id

),

persons as (

    select person_id from orders

    union

    select person_id from tickets

),

served as (

    select
        persons.person_id,
        coalesce(orders.order_count, 0) as order_count,
        case when orders.person_id is null then 0 else orders.total_spent end as total_spent,
        orders.last_ordered_at,
        coalesce(tickets.ticket_count, 0) as ticket_count,
        tickets.mean_satisfaction

    from persons

    left join orders
        on persons.person_id = orders.person_id

    left join tickets
        on persons.person_id = tickets.person_id

)

select * from served
