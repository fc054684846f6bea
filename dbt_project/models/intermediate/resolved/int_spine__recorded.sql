with

nodes as (

    select * from {{ ref('int_spine__noded') }}

),

versions as (

    select
        source,
        source_record_id,
        account_id,
        company_name,
        company_domain,
        email,
        lifecycle_stage,
        version_rank,
        record_created_at,
        coalesce(record_updated_at, record_created_at) as updated_at

    from {{ ref('stg_raw__person_record_versions') }}

),

-- The version of that time; where only later ones were kept, the oldest stands in for it.
ranked as (

    select
        nodes.person_id,
        nodes.as_of,
        versions.source,
        versions.lifecycle_stage,
        versions.record_created_at,
        versions.account_id,
        versions.company_name,
        coalesce(versions.company_domain, {{ email_domain('versions.email') }}) as domain,
        row_number() over (
            partition by
                nodes.person_id, nodes.as_of, versions.source, versions.source_record_id
            order by
                case when versions.updated_at <= nodes.as_of then 0 else 1 end,
                case when versions.updated_at <= nodes.as_of then versions.version_rank end,
                versions.version_rank desc
        ) as fitness

    from nodes

    inner join versions
        on
            nodes.source = versions.source
            and nodes.source_record_id = versions.source_record_id
            and (
                versions.record_created_at is null
                or versions.record_created_at <= nodes.as_of
            )

),

accounts as (

    select
        account_id,
        max(employee_count) as employee_count,
        max(industry) as industry

    from {{ ref('int_accounts__unified') }}

    group by account_id

),

domains as (

    select
        domain,
        max(employee_count) as employee_count,
        max(industry) as industry

    from {{ ref('int_accounts__unified') }}

    where domain is not null and domain not in (
        select mail_domains.domain from {{ ref('stg_raw__mail_domains') }} as mail_domains
    )

    group by domain

),

-- Where customers are kept: the sources that orders name, from their first order on.
customer_sources as (

    select
        person_source as source,
        min(ordered_at) as since

    from {{ ref('stg_raw__orders') }}

    where person_source is not null

    group by person_source

),

recorded as (

    select
        ranked.person_id,
        ranked.as_of,
        count(*) as record_count,
        max(
            case
                when
                    ranked.company_name is not null
                    or ranked.account_id is not null
                    or domains.domain is not null
                    then 1
                else 0
            end
        ) as has_company,
        max(coalesce(accounts.employee_count, domains.employee_count)) as employee_count,
        max(
            case
                when accounts.industry is not null or domains.industry is not null then 1
                else 0
            end
        ) as has_industry,
        max(case when customer_sources.since < ranked.as_of then 1 else 0 end)
            as has_customer_record,
        max(
            case
                when ranked.lifecycle_stage is not null or ranked.account_id is not null then 1
                else 0
            end
        ) as has_crm_record,
        max({{ days_between('ranked.record_created_at', 'ranked.as_of') }})
            as days_since_first_record

    from ranked

    left join accounts
        on ranked.account_id = accounts.account_id

    left join domains
        on ranked.domain = domains.domain

    left join customer_sources
        on ranked.source = customer_sources.source

    where ranked.fitness = 1

    group by ranked.person_id, ranked.as_of

)

select * from recorded
