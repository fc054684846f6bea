with

sessions as (

    select * from {{ ref('sessions') }}

    where person_id is not null and channel is not null and not is_overlong

),

ranked as (

    select
        person_id,
        channel,
        row_number() over (
            partition by person_id
            order by started_at, session_id
        ) as age,
        row_number() over (
            partition by person_id
            order by started_at desc, session_id desc
        ) as recency

    from sessions

),

channelled as (

    select
        person_id,
        max(case when age = 1 then channel end) as first_channel,
        max(case when recency = 1 then channel end) as last_channel

    from ranked

    group by person_id

)

select * from channelled
