with

tickets as (

    select
        ticket_id,
        source,
        person_id,
        satisfaction,
        opened_at,
        solved_at,
        coalesce(solved_at, opened_at) as judged_at

    from {{ ref('int_tickets__attributed') }}

    where person_id is not null

),

ranked as (

    select
        tickets.*,
        row_number() over (
            partition by person_id
            order by
                case when satisfaction is null then 1 else 0 end,
                judged_at desc nulls last, source, ticket_id
        ) as judgement_rank

    from tickets

),

supported as (

    select
        person_id,
        count(case when solved_at is null then 1 end) as open_ticket_count,
        max(opened_at) as last_ticket_at,
        max(case when judgement_rank = 1 then satisfaction end) as last_satisfaction

    from ranked

    group by person_id

)

select * from supported
