with

described as (

    select
        person_id,
        lower(value) as stage

    from {{ ref('int_person_fields__survived') }}

    where field = 'lifecycle_stage' and value is not null

),

members as (

    select * from {{ source('identity', 'members') }}

),

clock as (

    select max(as_of) as as_of from {{ source('raw', 'as_of') }}

),

changes as (

    select
        coalesce(records.person_id, emails.person_id) as person_id,
        lifecycle_events.stage,
        lifecycle_events.changed_at

    from {{ ref('stg_raw__lifecycle_events') }} as lifecycle_events

    left join members as records
        on
            lifecycle_events.person_source = records.source
            and lifecycle_events.person_record_id = records.source_record_id

    left join members as emails
        on
            emails.source = 'emails'
            and lifecycle_events.person_email = emails.source_record_id

),

-- A system may repeat the stage: it began when the person last came from another one.
steps as (

    select
        changes.*,
        lag(stage) over (partition by person_id order by changed_at, stage) as stage_before

    from changes

    where person_id is not null and changed_at is not null

),

entered as (

    select
        described.person_id,
        max(steps.changed_at) as lifecycle_stage_since

    from described

    inner join steps
        on described.person_id = steps.person_id and described.stage = steps.stage

    where steps.stage_before is null or steps.stage_before <> steps.stage

    group by described.person_id

),

staged as (

    select
        entered.person_id,
        entered.lifecycle_stage_since,
        {{ full_days_since('entered.lifecycle_stage_since', 'clock.as_of') }}
            as days_in_lifecycle_stage

    from entered

    cross join clock

)

select * from staged
