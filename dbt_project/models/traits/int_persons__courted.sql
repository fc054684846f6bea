with

deals as (

    select * from {{ ref('int_deals__attributed') }}

    where person_id is not null

),

courted as (

    select
        person_id,
        count(case when outcome = 'open' then 1 end) as open_deal_count,
        {{ sum_of_one_currency('amount', "outcome = 'open'") }} as open_deal_amount,
        {{ one_currency('amount', "outcome = 'open'") }} as open_deal_currency,
        count(case when outcome = 'won' then 1 end) as won_deal_count,
        max(case when outcome = 'won' then closed_at end) as last_deal_won_at

    from deals

    group by person_id

)

select * from courted
