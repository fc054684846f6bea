with

points as (

    select
        person_id,
        identifier_type,
        identifier_value

    from {{ ref('int_contact_points__ranked') }}

),

denials as (

    select
        person_id,
        purpose

    from {{ ref('int_consents__objected') }}

    where valid_to is null and known_to is null and status = 'denied'

),

-- One who denies binds all others; two bind each other too. So no pairs need be made.
denied as (

    select
        points.identifier_type,
        points.identifier_value,
        denials.purpose,
        min(points.person_id) as first_person_id,
        max(points.person_id) as last_person_id

    from points

    inner join denials
        on points.person_id = denials.person_id

    group by points.identifier_type, points.identifier_value, denials.purpose

),

bound as (

    select
        points.person_id,
        points.identifier_type,
        points.identifier_value,
        {{ dbt.listagg('denied.purpose', "', '", 'order by denied.purpose') }}
            as denied_purposes

    from points

    inner join denied
        on
            points.identifier_type = denied.identifier_type
            and points.identifier_value = denied.identifier_value

    where
        denied.first_person_id <> points.person_id
        or denied.last_person_id <> points.person_id

    group by points.person_id, points.identifier_type, points.identifier_value

)

select * from bound
