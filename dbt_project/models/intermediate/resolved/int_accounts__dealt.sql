with

subscriptions as (

    select
        account_id,
        count(*) as running_subscription_count,
        {{ sum_of_one_currency('monthly_revenue', 'is_running') }} as monthly_revenue,
        {{ one_currency('monthly_revenue', 'is_running') }} as monthly_revenue_currency

    from {{ ref('int_subscriptions__attributed') }}

    where account_id is not null and is_running

    group by account_id

),

deals as (

    select
        account_id,
        count(case when outcome = 'open' then 1 end) as open_deal_count,
        {{ sum_of_one_currency('amount', "outcome = 'open'") }} as open_deal_amount,
        {{ one_currency('amount', "outcome = 'open'") }} as open_deal_currency,
        count(case when outcome = 'won' then 1 end) as won_deal_count

    from {{ ref('int_deals__attributed') }}

    where account_id is not null

    group by account_id

),

final as (

    select
        coalesce(subscriptions.account_id, deals.account_id) as account_id,
        coalesce(subscriptions.running_subscription_count, 0) as running_subscription_count,
        subscriptions.monthly_revenue,
        subscriptions.monthly_revenue_currency,
        coalesce(deals.open_deal_count, 0) as open_deal_count,
        deals.open_deal_amount,
        deals.open_deal_currency,
        coalesce(deals.won_deal_count, 0) as won_deal_count

    from subscriptions

    full outer join deals
        on subscriptions.account_id = deals.account_id

)

select * from final
