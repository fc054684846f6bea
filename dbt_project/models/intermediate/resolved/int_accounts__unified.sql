with

resolved as (

    select * from {{ source('identity', 'account_records') }}

),

accounts as (

    select * from {{ ref('stg_raw__accounts') }}

),

networks as (

    select distinct company_domain as domain

    from {{ ref('events') }}

    where company_domain is not null

),

referred as (

    select distinct account_id

    from {{ ref('stg_raw__person_records') }}

    where account_id is not null

),

named as (

    select count(*) as account_count from referred

),

-- Sources that keep accounts for the persons in them, who name them; all others describe companies
-- for their own sake.
keeping as (

    select accounts.source

    from accounts

    inner join referred
        on accounts.account_id = referred.account_id

    cross join named

    group by accounts.source, named.account_count

    having {{ keeps_accounts('count(*)', 'named.account_count') }}

),

-- A domain of addresses is no record of an account and knows nothing but itself.
described as (

    select
        resolved.account_id as unified_account_id,
        resolved.source,
        resolved.account_record_id as account_id,
        accounts.name,
        resolved.domain,
        accounts.industry,
        accounts.employee_count,
        accounts.annual_revenue,
        accounts.country,
        coalesce(accounts.record_updated_at, accounts.record_created_at) as updated_at,
        case when accounts.account_id is null then 'email_domain' else 'record' end as origin,
        case when accounts.account_id is null then 1 else 0 end as is_derived,
        case when referred.account_id is null then 1 else 0 end as is_unreferred,
        case when keeping.source is null then 0 else 1 end as is_kept_for_persons

    from resolved

    left join accounts
        on
            resolved.source = accounts.source
            and resolved.account_record_id = accounts.account_id

    left join referred
        on accounts.account_id = referred.account_id

    left join keeping
        on accounts.source = keeping.source

),

-- A company that nothing else tells of is known by its network, once somebody came from there.
visiting as (

    select
        networks.domain as unified_account_id,
        'networks' as source,
        networks.domain as account_id,
        cast(null as {{ dbt.type_string() }}) as name,
        networks.domain,
        cast(null as {{ dbt.type_string() }}) as industry,
        cast(null as bigint) as employee_count,
        cast(null as {{ dbt.type_float() }}) as annual_revenue,
        cast(null as {{ dbt.type_string() }}) as country,
        cast(null as {{ dbt.type_timestamp() }}) as updated_at,
        'network' as origin,
        1 as is_derived,
        1 as is_unreferred,
        1 as is_kept_for_persons

    from networks

    left join described
        on networks.domain = described.domain

    left join described as named
        on networks.domain = named.unified_account_id

    where described.domain is null and named.unified_account_id is null

),

gathered as (

    select * from described

    union all

    select * from visiting

),

-- The record that persons name is trusted most with who the company is; with what it is like, a
-- source that describes companies for their own sake, as nobody keeps a CRM's figures up to date.
ranked as (

    select
        gathered.*,
        row_number() over (
            partition by unified_account_id
            order by
                is_derived,
                is_unreferred,
                {{ source_rank('source') }},
                updated_at desc nulls last,
                source,
                account_id
        ) as trust_rank,
        row_number() over (
            partition by unified_account_id
            order by
                is_derived,
                {{ source_rank('source') }},
                is_kept_for_persons,
                is_unreferred,
                updated_at desc nulls last,
                source,
                account_id
        ) as figure_rank

    from gathered

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
    origin,
    trust_rank,
    figure_rank

from ranked
