with

successors as (

    select * from {{ ref('int_persons__succeeded') }}

    where current_person_id is not null

),

-- Scores keep the person of their time; the newest of all who became one person is shown.
scores as (

    select
        successors.current_person_id as person_id,
        scores.model_key,
        scores.score,
        row_number() over (
            partition by successors.current_person_id, scores.model_key
            order by scores.as_of desc, scores.score desc, scores.person_id
        ) as recency

    from {{ source('prediction', 'propensity_scores') }} as scores

    inner join successors
        on scores.person_id = successors.person_id

    where scores.score is not null

),

written as (

    select
        person_id,
        '"' || model_key || '": ' || cast(round(score, 6) as {{ dbt.type_string() }})
            as pair,
        model_key

    from scores

    where recency = 1

),

scored as (

    select
        person_id,
        '{' || {{ dbt.listagg('pair', "', '", 'order by model_key') }} || '}' as scores

    from written

    group by person_id

)

select * from scored
