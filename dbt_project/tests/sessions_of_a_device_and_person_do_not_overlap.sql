-- One person on one device is in one session at a time, and the pause lies between two of them.
select
    session_id,
    next_started_at

from (
    select
        session_id,
        ended_at,
        lead(started_at) over (
            partition by anonymous_id, person_id
            order by started_at, ended_at
        ) as next_started_at

    from {{ ref('sessions') }}

    where anonymous_id is not null
) as followed

where
    next_started_at
    <= {{ dbt.dateadd('minute', var('session_gap_minutes'), 'ended_at') }}
