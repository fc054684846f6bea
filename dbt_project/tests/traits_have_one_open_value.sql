-- A trait of a person has at most one value that still holds, and no period ends before it began.
select
    person_id,
    trait

from {{ ref('traits_history') }}

group by person_id, trait

having
    count(case when valid_to is null then 1 end) > 1
    or count(case when valid_to < valid_from then 1 end) > 0
