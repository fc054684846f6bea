-- By all that was known at a moment, one status holds for a person and purpose at any time.
with

history as (

    select * from {{ ref('consent_history') }}

),

learned as (

    select person_id, purpose, known_from as known_at from history

    union

    select person_id, purpose, known_to as known_at from history where known_to is not null

),

periods as (

    select
        learned.person_id,
        learned.purpose,
        learned.known_at,
        history.valid_from,
        history.valid_to,
        lead(history.valid_from) over (
            partition by learned.person_id, learned.purpose, learned.known_at
            order by history.valid_from
        ) as next_from

    from learned

    inner join history
        on
            learned.person_id = history.person_id
            and learned.purpose = history.purpose
            and learned.known_at >= history.known_from
            and (history.known_to is null or learned.known_at < history.known_to)

)

select *

from periods

where
    valid_to <= valid_from
    or (next_from is null and valid_to is not null)
    or (next_from is not null and (valid_to is null or valid_to <> next_from))
