{#
    From what stood at each moment, as it was known at each moment of learning, to periods with
    both clocks: the CTE `believed`, to be put last in a `with`.

    states: a CTE of person_id, purpose, known_at, known_number, next_known_at, occurred_at and
    is_denied (0 or 1).
#}
{% macro believed_periods(states) -%}
compared as (

    select
        {{ states }}.*,
        lag(is_denied) over (
            partition by person_id, purpose, known_number
            order by occurred_at
        ) as previous_denied

    from {{ states }}

),

-- A decision that repeats the last one changes nothing.
periods as (

    select
        person_id,
        purpose,
        known_at,
        known_number,
        next_known_at,
        case when is_denied = 1 then 'denied' else 'granted' end as status,
        occurred_at as valid_from,
        lead(occurred_at) over (
            partition by person_id, purpose, known_number
            order by occurred_at
        ) as valid_to

    from compared

    where previous_denied is null or previous_denied <> is_denied

),

-- What was learnt next may leave a period as it is: such moments in a row have one number.
unchanged as (

    select
        periods.*,
        known_number - row_number() over (
            partition by person_id, purpose, status, valid_from, valid_to
            order by known_number
        ) as stretch

    from periods

),

believed as (

    select
        person_id,
        purpose,
        status,
        valid_from,
        valid_to,
        min(known_at) as known_from,
        case when count(next_known_at) = count(*) then max(next_known_at) end as known_to

    from unchanged

    group by person_id, purpose, status, valid_from, valid_to, stretch

)
{%- endmacro %}
