with

-- Two answers of one subject at one moment: the careful one holds.
decisions as (

    select
        person_id,
        purpose,
        subject,
        occurred_at,
        max(case when status = 'granted' then 0 else 1 end) as is_denied,
        min(loaded_at) as loaded_at

    from {{ ref('int_consents__attributed') }}

    where
        person_id is not null
        and purpose is not null
        and status is not null
        and occurred_at is not null

    group by person_id, purpose, subject, occurred_at

),

moments as (

    select
        person_id,
        purpose,
        occurred_at,
        max(is_denied) as is_denied,
        min(loaded_at) as loaded_at

    from decisions

    group by person_id, purpose, occurred_at

),

{% if var('consent_merge') == 'most_restrictive' -%}
-- At each moment every subject still stands by its own newest decision.
standing as (

    select
        moments.person_id,
        moments.purpose,
        moments.occurred_at,
        moments.loaded_at,
        decisions.is_denied,
        row_number() over (
            partition by
                moments.person_id, moments.purpose, moments.occurred_at, decisions.subject
            order by decisions.occurred_at desc
        ) as recency

    from moments

    inner join decisions
        on
            moments.person_id = decisions.person_id
            and moments.purpose = decisions.purpose
            and moments.occurred_at >= decisions.occurred_at

),

merged as (

    select
        person_id,
        purpose,
        occurred_at,
        max(is_denied) as is_denied,
        min(loaded_at) as loaded_at

    from standing

    where recency = 1

    group by person_id, purpose, occurred_at

),
{%- else -%}
merged as (

    select * from moments

),
{%- endif %}

compared as (

    select
        merged.*,
        lag(is_denied) over (
            partition by person_id, purpose
            order by occurred_at
        ) as previous_denied

    from merged

),

-- A decision that repeats the last one changes nothing.
changes as (

    select
        person_id,
        purpose,
        case when is_denied = 1 then 'denied' else 'granted' end as status,
        occurred_at as valid_from,
        loaded_at as known_from,
        lead(occurred_at) over (
            partition by person_id, purpose
            order by occurred_at
        ) as valid_to

    from compared

    where previous_denied is null or previous_denied <> is_denied

)

select * from changes
