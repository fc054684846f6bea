with

events as (

    select
        person_id,
        company_domain

    from {{ ref('events') }}

    where person_id is not null and company_domain is not null

),

located as (

    select
        person_id,
        company_domain as domain,
        count(*) as event_count

    from events

    group by person_id, company_domain

)

select * from located
