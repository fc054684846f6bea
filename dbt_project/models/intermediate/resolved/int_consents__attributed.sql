with

consents as (

    select * from {{ ref('stg_raw__consent_events') }}

),

members as (

    select * from {{ source('identity', 'members') }}

),

devices as (

    select *

    from {{ source('identity', 'devices') }}

    where not is_shared and person_id is not null

),

attributed as (

    select
        consents.*,
        -- The subject is who decided: a record, an address or a device.
        case
            when consents.person_record_id is not null
                then 'record ' || consents.person_source || ' ' || consents.person_record_id
            when consents.subject_email is not null then 'email ' || consents.subject_email
            else 'device ' || consents.anonymous_id
        end as subject,
        coalesce(records.person_id, emails.person_id, devices.person_id) as person_id

    from consents

    left join members as records
        on
            consents.person_source = records.source
            and consents.person_record_id = records.source_record_id

    left join members as emails
        on
            emails.source = 'emails'
            and consents.subject_email = emails.source_record_id

    left join devices
        on
            consents.anonymous_id = devices.anonymous_id
            and (devices.valid_from is null or consents.occurred_at >= devices.valid_from)
            and (devices.valid_to is null or consents.occurred_at < devices.valid_to)

)

select * from attributed
