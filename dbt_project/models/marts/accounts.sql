{%- set fields = ['name', 'domain', 'industry', 'employee_count', 'annual_revenue', 'country'] -%}

with

unified as (

    select * from {{ ref('int_accounts__unified') }}

),

members as (

    select
        account_id,
        count(*) as member_count

    from {{ ref('account_members') }}

    group by account_id

),

visits as (

    select
        company_domain,
        count(*) as visit_count

    from {{ ref('sessions') }}

    where company_domain is not null and not is_bot and not is_overlong

    group by company_domain

),

-- Each field from the most trusted record that knows it.
filled as (

    select
        unified_account_id as account_id,
        trust_rank,
        origin,
        {%- for field in fields %}
        {{ first_known(field, 'unified_account_id', 'trust_rank') }} as {{ field }}
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
        coalesce(members.member_count, 0) as member_count,
        coalesce(visits.visit_count, 0) as visit_count

    from filled

    left join members
        on filled.account_id = members.account_id

    left join visits
        on filled.domain = visits.company_domain

    where filled.trust_rank = 1

)

select * from final
