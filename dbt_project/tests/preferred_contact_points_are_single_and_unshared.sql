-- Of each type a person has at most one preferred value, and it is not shared.
select
    person_id,
    identifier_type

from {{ ref('contact_points') }}

where is_preferred

group by person_id, identifier_type

having count(*) > 1 or max(case when is_shared then 1 else 0 end) = 1
