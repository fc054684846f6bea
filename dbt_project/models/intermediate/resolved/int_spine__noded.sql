with

spine as (

    select distinct
        person_id,
        as_of

    from {{ source('prediction', 'spine') }}

),

history as (

    select * from {{ source('identity', 'members_history') }}

),

-- Whose node it was at that moment, never whose it is now.
noded as (

    select distinct
        spine.person_id,
        spine.as_of,
        history.source,
        history.source_record_id

    from spine

    inner join history
        on
            spine.person_id = history.person_id
            and history.valid_from <= spine.as_of
            and (history.valid_to is null or history.valid_to > spine.as_of)

)

select * from noded
