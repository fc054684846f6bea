with

nodes as (

    select * from {{ ref('int_spine__noded') }}

),

versions as (

    select * from {{ ref('stg_raw__person_record_versions') }}

),

orders as (

    select * from {{ ref('stg_raw__order_versions') }}

),

-- Many have the same title: it is read once.
titles as (

    select
        job_title,
        {{ seniority('job_title') }} as seniority
        {%- for name, words in functions_of_work() %},
        case when {{ has_word('job_title', words) }} then 1 else 0 end as works_in_{{ name }}
        {%- endfor %}

    from (
        select distinct lower(job_title) as job_title
        from versions
        where job_title is not null
    ) as told

),

industries as (

    select * from {{ ref('int_industries__read') }}

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
        lower(versions.job_title) as job_title,
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

known_domains as (

    select * from {{ ref('int_spine_domains__known') }}

),

{{ companies_known('records') }},

{{ accounts_known() }},

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
        {%- for name, _ in sectors_of_industry() %}
        coalesce(max(industries.sector_{{ name }}), 0) as sector_{{ name }},
        {%- endfor %}
        max(case when records.job_title is not null then 1 else 0 end) as has_job_title,
        {%- for name, ranks in [
            ('executive', ['owner', 'executive', 'vice_president']), ('director', ['director', 'head']),
            ('manager', ['manager'])
        ] %}
        max(case when titles.seniority in ('{{ ranks | join("', '") }}') then 1 else 0 end)
            as is_{{ name }},
        {%- endfor %}
        {%- for name, _ in functions_of_work() %}
        coalesce(max(titles.works_in_{{ name }}), 0) as works_in_{{ name }},
        {%- endfor %}
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

    left join known_domains as account_domains
        on accounts.domain = account_domains.domain and accounts.as_of = account_domains.as_of

    left join known_domains as domains
        on records.domain = domains.domain and records.as_of = domains.as_of

    left join industries
        on coalesce(accounts.industry, domains.industry) = industries.industry

    left join titles
        on records.job_title = titles.job_title

    left join customer_sources
        on
            records.source = customer_sources.source
            and records.as_of = customer_sources.as_of

    group by records.person_id, records.as_of

)

select * from recorded
