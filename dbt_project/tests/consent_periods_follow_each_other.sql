-- At any moment one status holds for a person and purpose.
with

periods as (

    select
        person_id,
        purpose,
        valid_from,
        valid_to,
        lead(valid_from) over (
            partition by person_id, purpose
            order by valid_from
        ) as next_from

    from {{ ref('consent_history') }}

)

select *

from periods

where
    valid_to <= valid_from
    or (next_from is null and valid_to is not null)
    or (next_from is not null and (valid_to is null or valid_to <> next_from))
