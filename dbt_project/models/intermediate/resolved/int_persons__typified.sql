with

successors as (

    select * from {{ ref('int_persons__succeeded') }}

    where current_person_id is not null

),

ranked as (

    select
        successors.current_person_id as person_id,
        members.persona_id,
        members.persona_name,
        row_number() over (
            partition by successors.current_person_id
            order by members.as_of desc, members.confidence desc, members.persona_id
        ) as recency

    from {{ source('prediction', 'persona_members') }} as members

    inner join successors
        on members.person_id = successors.person_id

),

typified as (

    select
        person_id,
        persona_id,
        persona_name

    from ranked

    where recency = 1

)

select * from typified
