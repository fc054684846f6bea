with

sessions as (

    select * from {{ ref('sessions') }}

    where person_id is not null and channel is not null and not is_overlong

),

channelled as (

    select
        person_id,
        {{ earliest('channel', 'started_at, session_id') }} as first_channel,
        {{ latest('channel', 'started_at, session_id') }} as last_channel

    from sessions

    group by person_id

)

select * from channelled
