with

merged as (

    select * from {{ ref('int_consents__merged') }}

),

objecting as (

    select * from {{ source('privacy', 'objecting_persons') }}

),

-- Before a withdrawal was known the objection had no end.
objections as (

    select
        person_id,
        purpose,
        objected_at as valid_from,
        cast(null as {{ dbt.type_timestamp() }}) as valid_to,
        recorded_at as known_from,
        withdrawal_recorded_at as known_to

    from objecting

    union all

    select
        person_id,
        purpose,
        objected_at as valid_from,
        withdrawn_at as valid_to,
        withdrawal_recorded_at as known_from,
        cast(null as {{ dbt.type_timestamp() }}) as known_to

    from objecting

    where withdrawal_recorded_at is not null

),

concerned as (

    select distinct person_id, purpose from objections

),

told as (

    select
        merged.person_id,
        merged.purpose,
        case when merged.status = 'granted' then 0 else 1 end as is_denied,
        merged.valid_from,
        merged.valid_to,
        merged.known_from,
        merged.known_to

    from merged

    inner join concerned
        on
            merged.person_id = concerned.person_id
            and merged.purpose = concerned.purpose

    union all

    select
        person_id,
        purpose,
        1 as is_denied,
        valid_from,
        valid_to,
        known_from,
        known_to

    from objections

),

moments_of_learning as (

    select person_id, purpose, known_from as known_at from told

    union

    select person_id, purpose, known_to as known_at from told where known_to is not null

),

learned as (

    select
        person_id,
        purpose,
        known_at,
        row_number() over (partition by person_id, purpose order by known_at) as known_number,
        lead(known_at) over (partition by person_id, purpose order by known_at) as next_known_at

    from moments_of_learning

),

-- All that was known at each of these moments.
known as (

    select
        learned.person_id,
        learned.purpose,
        learned.known_at,
        learned.known_number,
        learned.next_known_at,
        told.is_denied,
        told.valid_from,
        told.valid_to

    from learned

    inner join told
        on
            learned.person_id = told.person_id
            and learned.purpose = told.purpose
            and learned.known_at >= told.known_from
            and (told.known_to is null or learned.known_at < told.known_to)

),

turns as (

    select person_id, purpose, known_at, known_number, next_known_at, valid_from as occurred_at
    from known

    union

    select person_id, purpose, known_at, known_number, next_known_at, valid_to as occurred_at
    from known where valid_to is not null

),

-- An objection denies whatever was granted; after it, who never granted still has not.
stood as (

    select
        turns.person_id,
        turns.purpose,
        turns.known_at,
        turns.known_number,
        turns.next_known_at,
        turns.occurred_at,
        coalesce(max(known.is_denied), 1) as is_denied

    from turns

    left join known
        on
            turns.person_id = known.person_id
            and turns.purpose = known.purpose
            and turns.known_number = known.known_number
            and turns.occurred_at >= known.valid_from
            and (known.valid_to is null or turns.occurred_at < known.valid_to)

    group by
        turns.person_id,
        turns.purpose,
        turns.known_at,
        turns.known_number,
        turns.next_known_at,
        turns.occurred_at

),

{{ believed_periods('stood') }},

final as (

    select
        merged.person_id,
        merged.purpose,
        merged.status,
        merged.valid_from,
        merged.valid_to,
        merged.known_from,
        merged.known_to

    from merged

    left join concerned
        on
            merged.person_id = concerned.person_id
            and merged.purpose = concerned.purpose

    where concerned.person_id is null

    union all

    select
        person_id,
        purpose,
        status,
        valid_from,
        valid_to,
        known_from,
        known_to

    from believed

)

select * from final
