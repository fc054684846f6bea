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

{{ companies_known('nodes') }},

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

)

select * from domains
