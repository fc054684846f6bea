with

subscriptions as (

    select * from {{ ref('int_subscriptions__attributed') }}

    where person_id is not null

),

clock as (

    select max(as_of) as as_of from {{ source('raw', 'as_of') }}

),

ranked as (

    select
        subscriptions.*,
        clock.as_of,
        row_number() over (
            partition by person_id
            order by
                case when is_running then 0 else 1 end,
                started_at desc nulls last,
                source,
                subscription_id
        ) as recency

    from subscriptions

    cross join clock

),

subscribed as (

    select
        person_id,
        count(case when is_running then 1 end) as running_subscription_count,
        max(case when is_running and recency = 1 then plan end) as subscription_plan,
        {{ sum_of_one_currency('monthly_revenue', 'is_running') }} as monthly_revenue,
        {{ one_currency('monthly_revenue', 'is_running') }} as monthly_revenue_currency,
        min(case when is_running then started_at end) as subscribed_since,
        min(case when is_running and renews_at > as_of then renews_at end) as next_renewal_at,
        case
            when count(case when is_running then 1 end) = 0
                then max(case when ended_at <= as_of then ended_at end)
        end as subscription_ended_at

    from ranked

    group by person_id

)

select * from subscribed
