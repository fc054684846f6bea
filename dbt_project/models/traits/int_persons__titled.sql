with

described as (

    select
        person_id,
        lower(value) as title

    from {{ ref('int_person_fields__survived') }}

    where field = 'job_title' and value is not null

),

-- Many have the same title: it is read once.
titles as (

    select distinct title from described

),

ranked as (

    select
        title,
        {{ seniority('title') }} as seniority

    from titles

),

titled as (

    select
        described.person_id,
        ranked.seniority

    from described

    inner join ranked
        on described.title = ranked.title

)

select * from titled
