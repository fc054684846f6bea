with

orders as (

    select * from {{ ref('orders') }}

    where person_id is not null and is_paid

),

clock as (

    select max(as_of) as as_of from {{ source('raw', 'as_of') }}

),

bought as (

    select
        person_id,
        count(*) as order_count,
        -- An order without an amount has no currency either.
        count(amount) as amount_count,
        count(distinct case when amount is not null then upper(coalesce(currency, '')) end)
            as currency_count,
        max(case when amount is not null then upper(currency) end) as currency,
        {{ exact_sum('amount') }} as amount,
        min(ordered_at) as first_ordered_at,
        max(ordered_at) as last_ordered_at

    from orders

    group by person_id

),

-- Amounts of several currencies have no sum.
valued as (

    select
        bought.person_id,
        bought.order_count,
        bought.amount_count,
        case when bought.currency_count = 1 then bought.amount end as lifetime_value,
        case when bought.currency_count = 1 then bought.currency end as lifetime_value_currency,
        bought.first_ordered_at,
        bought.last_ordered_at,
        {{ full_days_since('bought.last_ordered_at', 'clock.as_of') }} as days_since_last_order

    from bought

    cross join clock

),

-- Equal buyers get equal fifths, which ntile() would not give them.
scored as (

    select
        person_id,
        case
            when last_ordered_at is not null
                then ceil(
                    5 * cume_dist() over (
                        partition by last_ordered_at is null
                        order by last_ordered_at
                    )
                )
        end as rfm_recency,
        ceil(5 * cume_dist() over (order by order_count)) as rfm_frequency,
        case
            when lifetime_value is not null
                then ceil(
                    5 * cume_dist() over (
                        partition by lifetime_value is null, lifetime_value_currency
                        order by lifetime_value
                    )
                )
        end as rfm_monetary

    from valued

),

final as (

    select
        valued.person_id,
        valued.first_ordered_at,
        valued.days_since_last_order,
        valued.lifetime_value,
        {{ named_currency('valued.lifetime_value_currency') }} as lifetime_value_currency,
        valued.lifetime_value / nullif(valued.amount_count, 0) as mean_order_value,
        cast(scored.rfm_recency as bigint) as rfm_recency,
        cast(scored.rfm_frequency as bigint) as rfm_frequency,
        cast(scored.rfm_monetary as bigint) as rfm_monetary

    from valued

    inner join scored
        on valued.person_id = scored.person_id

)

select * from final
