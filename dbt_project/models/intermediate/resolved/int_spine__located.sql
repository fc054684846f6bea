with

nodes as (

    select * from {{ ref('int_spine__noded') }}

),

events as (

    select * from {{ ref('int_events__noded') }}

),

addresses as (

    select * from {{ ref('int_addresses__located') }}

),

known_domains as (

    select * from {{ ref('int_spine_domains__known') }}

),

industries as (

    select * from {{ ref('int_industries__read') }}

),

{{ companies_known('nodes') }},

{{ accounts_known() }},

-- When a company was first told of a node: by a call that names it, or by a visit from its network.
told as (

    select
        source,
        source_record_id,
        group_id as company,
        1 as basis_rank,
        min(greatest(occurred_at, known_at)) as told_at

    from events

    where type = 'group' and group_id is not null

    group by source, source_record_id, group_id

    union all

    select
        events.source,
        events.source_record_id,
        addresses.domain as company,
        2 as basis_rank,
        min(greatest(events.occurred_at, events.known_at)) as told_at

    from events

    inner join addresses
        on events.ip = addresses.ip

    group by events.source, events.source_record_id, addresses.domain

),

-- A call names the company by the number of its account or by its domain; a team is no company.
known as (

    select
        nodes.person_id,
        nodes.as_of,
        told.basis_rank,
        coalesce(accounts.industry, domains.industry) as industry,
        coalesce(
            account_domains.listed_employee_count,
            domains.listed_employee_count,
            accounts.employee_count,
            domains.employee_count
        ) as employee_count

    from nodes

    inner join told
        on
            nodes.source = told.source
            and nodes.source_record_id = told.source_record_id
            and told.told_at < nodes.as_of

    left join accounts
        on
            told.basis_rank = 1
            and told.company = accounts.account_id
            and nodes.as_of = accounts.as_of

    left join known_domains as account_domains
        on accounts.domain = account_domains.domain and accounts.as_of = account_domains.as_of

    left join known_domains as domains
        on lower(told.company) = domains.domain and nodes.as_of = domains.as_of

    where told.basis_rank = 2 or accounts.account_id is not null or domains.domain is not null

),

-- A network speaks only for those of whom no call tells.
ranked as (

    select
        known.*,
        rank() over (
            partition by person_id, as_of
            order by basis_rank
        ) as strength_rank

    from known

),

located as (

    select
        ranked.person_id,
        ranked.as_of,
        max(case when ranked.basis_rank = 1 then 1 else 0 end) as is_called,
        max(ranked.employee_count) as employee_count,
        max(case when ranked.industry is not null then 1 else 0 end) as has_industry
        {%- for name, _ in sectors_of_industry() %},
        coalesce(max(industries.sector_{{ name }}), 0) as sector_{{ name }}
        {%- endfor %}

    from ranked

    left join industries
        on ranked.industry = industries.industry

    where ranked.strength_rank = 1

    group by ranked.person_id, ranked.as_of

)

select * from located
