with

subscriptions as (

    select * from {{ ref('stg_raw__subscriptions') }}

),

clock as (

    select max(as_of) as as_of from {{ source('raw', 'as_of') }}

),

{{ attributed_dealings('subscriptions') }},

final as (

    select
        attributed.source,
        attributed.subscription_id,
        attributed.person_id,
        attributed.unified_account_id as account_id,
        attributed.plan,
        attributed.currency,
        attributed.started_at,
        attributed.renews_at,
        attributed.ended_at,
        {{ monthly_revenue('attributed') }} as monthly_revenue,
        {{ is_running('attributed', 'clock.as_of') }} as is_running

    from attributed

    cross join clock

)

select * from final
