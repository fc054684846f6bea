with

accounts as (

    select
        source,
        account_id,
        name,
        coalesce({{ url_host('domain') }}, {{ url_host('website') }}) as domain,
        industry,
        employee_count,
        annual_revenue,
        country,
        coalesce(record_updated_at, record_created_at) as updated_at

    from {{ ref('stg_raw__accounts') }}

),

referred as (

    select distinct account_id

    from {{ ref('stg_raw__person_records') }}

    where account_id is not null

),

-- Two records of one domain are one company; without a domain each stands alone.
grouped as (

    select
        accounts.*,
        coalesce(
            'domain ' || accounts.domain, accounts.source || ' ' || accounts.account_id
        ) as company_key,
        case when referred.account_id is null then 1 else 0 end as is_unreferred

    from accounts

    left join referred
        on accounts.account_id = referred.account_id

),

-- The id that person records use is the id of the company.
ranked as (

    select
        grouped.*,
        row_number() over (
            partition by company_key
            order by
                is_unreferred,
                {{ source_rank('source') }},
                updated_at desc nulls last,
                source,
                account_id
        ) as trust_rank,
        count(*) over (partition by account_id) as namesakes

    from grouped

),

-- Two sources may number their accounts alike.
named as (

    select
        ranked.*,
        first_value(
            case when namesakes = 1 then account_id else source || ':' || account_id end
        ) over (
            partition by company_key
            order by trust_rank
            rows between unbounded preceding and unbounded following
        ) as unified_account_id

    from ranked

)

select
    unified_account_id,
    source,
    account_id,
    name,
    domain,
    industry,
    employee_count,
    annual_revenue,
    country,
    trust_rank

from named
