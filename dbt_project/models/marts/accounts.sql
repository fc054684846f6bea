{{ refuse_two_dates() }}
{%- set ranks = {
    'name': 'trust_rank',
    'domain': 'trust_rank',
    'industry': 'figure_rank',
    'employee_count': 'figure_rank',
    'annual_revenue': 'figure_rank',
    'country': 'figure_rank',
} -%}

with

unified as (

    select * from {{ ref('int_accounts__unified') }}

),

clock as (

    select max(as_of) as as_of from {{ source('raw', 'as_of') }}

),

known as (

    select distinct person_id

    from {{ source('identity', 'members') }}

    where source <> 'devices'

),

-- Who may decide about a purchase, by job title.
members as (

    select
        account_members.account_id,
        coalesce(engaged.active_day_count_30d, 0) > 0 as is_active,
        coalesce(
            titled.seniority in ('owner', 'executive', 'vice_president', 'director', 'head'), false
        ) as is_senior

    from {{ ref('account_members') }} as account_members

    left join {{ ref('int_persons__engaged') }} as engaged
        on account_members.person_id = engaged.person_id

    left join {{ ref('int_persons__titled') }} as titled
        on account_members.person_id = titled.person_id

),

buying_groups as (

    select
        account_id,
        count(*) as member_count,
        count(case when is_active then 1 end) as active_member_count_30d,
        count(case when is_senior then 1 end) as senior_member_count,
        count(case when is_active and is_senior then 1 end) as active_senior_count_30d

    from members

    group by account_id

),

visits as (

    select
        sessions.company_domain,
        count(*) as visit_count,
        count(case when known.person_id is null then 1 end) as anonymous_visit_count,
        count(
            case
                when
                    known.person_id is null
                    and {{ days_between('sessions.started_at', 'clock.as_of') }} <= 30
                    then 1
            end
        ) as anonymous_visit_count_30d

    from {{ ref('sessions') }} as sessions

    cross join clock

    left join known
        on sessions.person_id = known.person_id

    where sessions.company_domain is not null and not sessions.is_bot and not sessions.is_overlong

    group by sessions.company_domain

),

-- Each field from the record that is most trusted with it and knows it.
filled as (

    select
        unified_account_id as account_id,
        trust_rank,
        origin,
        {%- for field, rank in ranks.items() %}
        {{ first_known(field, 'unified_account_id', rank) }} as {{ field }}
        {{- ',' if not loop.last }}
        {%- endfor %}

    from unified

),

final as (

    select
        filled.account_id,
        filled.name,
        filled.domain,
        filled.industry,
        filled.employee_count,
        filled.annual_revenue,
        filled.country,
        filled.origin,
        coalesce(buying_groups.member_count, 0) as member_count,
        coalesce(buying_groups.active_member_count_30d, 0) as active_member_count_30d,
        coalesce(buying_groups.senior_member_count, 0) as senior_member_count,
        case
            when buying_groups.active_member_count_30d > 1 and buying_groups.active_senior_count_30d > 0
                then 'deciding'
            when buying_groups.active_member_count_30d > 1 then 'group'
            when buying_groups.active_member_count_30d = 1 then 'single'
            when visits.anonymous_visit_count_30d > 0 then 'anonymous'
            else 'quiet'
        end as buying_group_stage,
        coalesce(visits.visit_count, 0) as visit_count,
        coalesce(visits.anonymous_visit_count, 0) as anonymous_visit_count,
        coalesce(visits.anonymous_visit_count_30d, 0) as anonymous_visit_count_30d,
        coalesce(dealt.running_subscription_count, 0) as running_subscription_count,
        dealt.monthly_revenue,
        dealt.monthly_revenue_currency,
        coalesce(dealt.open_deal_count, 0) as open_deal_count,
        dealt.open_deal_amount,
        dealt.open_deal_currency,
        coalesce(dealt.won_deal_count, 0) as won_deal_count

    from filled

    left join buying_groups
        on filled.account_id = buying_groups.account_id

    left join visits
        on filled.domain = visits.company_domain

    left join {{ ref('int_accounts__dealt') }} as dealt
        on filled.account_id = dealt.account_id

    where filled.trust_rank = 1

)

select * from final
