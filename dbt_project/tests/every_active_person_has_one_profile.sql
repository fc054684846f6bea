-- Every active person has a profile, and nobody else has one.
{{ config(meta={'dagster': {'ref': {'name': 'profiles'}}}) }}

select coalesce(persons.person_id, profiles.person_id) as person_id

from (
    select person_id

    from {{ source('identity', 'persons') }}

    where status = 'active'
) as persons

full outer join {{ ref('profiles') }} as profiles
    on persons.person_id = profiles.person_id

where persons.person_id is null or profiles.person_id is null
