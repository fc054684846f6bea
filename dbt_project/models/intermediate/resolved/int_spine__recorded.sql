with

nodes as (

    select * from {{ ref('int_spine__noded') }}

),

versions as (

    select * from {{ ref('stg_raw__person_record_versions') }}

),

mail_domains as (

    select * from {{ ref('stg_raw__mail_domains') }}

),

companies as (

    select
        source,
        account_id,
        {{ url_host("coalesce(domain, website)") }} as domain,
        industry,
        employee_count,
        known_from,
        known_to

    from {{ ref('stg_raw__account_versions') }}

),

orders as (

    select * from {{ ref('stg_raw__order_versions') }}

),

-- The version of that time; where only later ones were kept, the oldest stands in for it.
records as (

    select
        nodes.person_id,
        nodes.as_of,
        versions.source,
        versions.lifecycle_stage,
        versions.record_created_at,
        versions.account_id,
        versions.company_name,
        coalesce(versions.company_domain, {{ email_domain('versions.email') }}) as domain

    from nodes

    inner join versions
        on
            nodes.source = versions.source
            and nodes.source_record_id = versions.source_record_id
            and (
                versions.record_created_at is null
                or versions.record_created_at <= nodes.as_of
            )
            and {{ known_by('versions', 'nodes.as_of') }}

),

dates as (

    select distinct as_of from records

),

known_companies as (

    select
        dates.as_of,
        companies.source,
        companies.account_id,
        companies.domain,
        companies.industry,
        companies.employee_count

    from dates

    inner join companies
        on {{ known_by('companies', 'dates.as_of') }}

),

-- What all records named by then, whoever is asked about.
referred as (

    select distinct
        dates.as_of,
        versions.account_id

    from dates

    inner join versions
        on
            {{ known_by('versions', 'dates.as_of') }}
            and (
                versions.record_created_at is null
                or versions.record_created_at <= dates.as_of
            )

    where versions.account_id is not null

),

named as (

    select
        as_of,
        count(*) as account_count

    from referred

    group by as_of

),

-- Sources that keep accounts for the persons in them, as in int_accounts__unified.
keeping as (

    select
        known_companies.as_of,
        known_companies.source

    from known_companies

    inner join referred
        on
            known_companies.account_id = referred.account_id
            and known_companies.as_of = referred.as_of

    inner join named
        on known_companies.as_of = named.as_of

    group by known_companies.as_of, known_companies.source, named.account_count

    having {{ keeps_accounts('count(*)', 'named.account_count') }}

),

accounts as (

    select
        as_of,
        account_id,
        max(domain) as domain,
        max(employee_count) as employee_count,
        max(industry) as industry

    from known_companies

    group by as_of, account_id

),

domains as (

    select
        known_companies.as_of,
        known_companies.domain,
        max(case when keeping.source is null then known_companies.employee_count end)
            as listed_employee_count,
        max(known_companies.employee_count) as employee_count,
        max(known_companies.industry) as industry

    from known_companies

    left join keeping
        on
            known_companies.source = keeping.source
            and known_companies.as_of = keeping.as_of

    where
        known_companies.domain is not null
        and known_companies.domain not in (select mail_domains.domain from mail_domains)

    group by known_companies.as_of, known_companies.domain

),

-- Where customers are kept: the sources that orders named by then.
customer_sources as (

    select distinct
        dates.as_of,
        orders.person_source as source

    from dates

    inner join orders
        on
            orders.ordered_at < dates.as_of
            and {{ known_by('orders', 'dates.as_of') }}

    where orders.person_source is not null

),

recorded as (

    select
        records.person_id,
        records.as_of,
        count(*) as record_count,
        max(
            case
                when
                    records.company_name is not null
                    or records.account_id is not null
                    or domains.domain is not null
                    then 1
                else 0
            end
        ) as has_company,
        max(
            coalesce(
                account_domains.listed_employee_count,
                case when accounts.domain is null then domains.listed_employee_count end,
                accounts.employee_count,
                domains.employee_count
            )
        ) as employee_count,
        max(
            case
                when accounts.industry is not null or domains.industry is not null then 1
                else 0
            end
        ) as has_industry,
        max(case when customer_sources.source is not null then 1 else 0 end)
            as has_customer_record,
        max(
            case
                when records.lifecycle_stage is not null or records.account_id is not null then 1
                else 0
            end
        ) as has_crm_record,
        max({{ days_between('records.record_created_at', 'records.as_of') }})
            as days_since_first_record

    from records

    left join accounts
        on records.account_id = accounts.account_id and records.as_of = accounts.as_of

    left join domains as account_domains
        on accounts.domain = account_domains.domain and accounts.as_of = account_domains.as_of

    left join domains
        on records.domain = domains.domain and records.as_of = domains.as_of

    left join customer_sources
        on
            records.source = customer_sources.source
            and records.as_of = customer_sources.as_of

    group by records.person_id, records.as_of

)

select * from recorded
