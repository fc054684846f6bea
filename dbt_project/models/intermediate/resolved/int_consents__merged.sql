{%- set voices = ['by_record', 'by_email', 'by_device'] -%}

with

decisions as (

    select
        person_id,
        purpose,
        'record ' || person_source || ' ' || person_record_id as by_record,
        'email ' || subject_email as by_email,
        'device ' || anonymous_id as by_device,
        occurred_at,
        case when status = 'granted' then 0 else 1 end as is_denied,
        coalesce(loaded_at, occurred_at) as known_from,
        known_to

    from {{ ref('int_consents__attributed') }}

    where
        person_id is not null
        and purpose is not null
        and status is not null
        and occurred_at is not null

),

moments_of_learning as (

    select person_id, purpose, known_from as known_at from decisions

    union

    select person_id, purpose, known_to as known_at from decisions where known_to is not null

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

-- All that was known at each of these moments. Two answers by the same at one moment: the careful
-- one holds.
known as (

    select
        learned.person_id,
        learned.purpose,
        learned.known_at,
        learned.known_number,
        learned.next_known_at,
        {% for voice in voices -%}
        decisions.{{ voice }},
        {% endfor -%}
        decisions.occurred_at,
        max(decisions.is_denied) as is_denied

    from learned

    inner join decisions
        on
            learned.person_id = decisions.person_id
            and learned.purpose = decisions.purpose
            and learned.known_at >= decisions.known_from
            and (decisions.known_to is null or learned.known_at < decisions.known_to)

    group by
        learned.person_id,
        learned.purpose,
        learned.known_at,
        learned.known_number,
        learned.next_known_at,
        {% for voice in voices -%}
        decisions.{{ voice }},
        {% endfor -%}
        decisions.occurred_at

),

{% if var('consent_merge') == 'most_restrictive' -%}
-- What each name said at each moment; if both, then no.
spoken as (

    {% for voice in voices %}
    select
        person_id,
        purpose,
        known_number,
        occurred_at,
        {{ voice }} as subject,
        max(is_denied) as is_denied

    from known

    where {{ voice }} is not null

    group by person_id, purpose, known_number, occurred_at, {{ voice }}

    {{ 'union all' if not loop.last }}
    {% endfor %}

),

followed as (

    select
        spoken.*,
        min(case when is_denied = 0 then occurred_at end) over (
            partition by person_id, purpose, known_number, subject
            order by occurred_at
            rows between 1 following and unbounded following
        ) as next_granted_at

    from spoken

),

-- Each denial stands until the person grants under a name that it was made under. Another denial
-- takes the place of none.
denials as (

    select
        known.person_id,
        known.purpose,
        known.known_at,
        known.known_number,
        known.next_known_at,
        known.occurred_at,
        min(followed.next_granted_at) as lifted_at

    from known

    inner join followed
        on
            known.person_id = followed.person_id
            and known.purpose = followed.purpose
            and known.known_number = followed.known_number
            and known.occurred_at = followed.occurred_at
            and (
                {%- for voice in voices %}
                {{ 'or ' if not loop.first }}known.{{ voice }} = followed.subject
                {%- endfor %}
            )

    where known.is_denied = 1

    group by
        known.person_id,
        known.purpose,
        known.known_at,
        known.known_number,
        known.next_known_at,
        {% for voice in voices -%}
        known.{{ voice }},
        {% endfor -%}
        known.occurred_at

),

-- How many denials stand at each moment?
turned as (

    select
        person_id,
        purpose,
        known_at,
        known_number,
        next_known_at,
        occurred_at,
        is_denied as denying

    from known

    union all

    select
        person_id,
        purpose,
        known_at,
        known_number,
        next_known_at,
        lifted_at as occurred_at,
        -1 as denying

    from denials

    where lifted_at is not null

),

moments as (

    select
        person_id,
        purpose,
        known_at,
        known_number,
        next_known_at,
        occurred_at,
        sum(denying) as denying

    from turned

    group by person_id, purpose, known_at, known_number, next_known_at, occurred_at

),

merged as (

    select
        moments.*,
        case
            when
                sum(denying) over (
                    partition by person_id, purpose, known_number
                    order by occurred_at
                    rows between unbounded preceding and current row
                ) > 0
                then 1
            else 0
        end as is_denied

    from moments

),
{%- else -%}
merged as (

    select
        person_id,
        purpose,
        known_at,
        known_number,
        next_known_at,
        occurred_at,
        max(is_denied) as is_denied

    from known

    group by person_id, purpose, known_at, known_number, next_known_at, occurred_at

),
{%- endif %}

{{ believed_periods('merged') }}

select * from believed
