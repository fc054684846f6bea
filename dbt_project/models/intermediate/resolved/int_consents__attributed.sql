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

shared_devices as (

    select distinct anonymous_id

    from {{ source('identity', 'devices') }}

    where is_shared

),

identifiers as (

    select * from {{ source('identity', 'identifiers') }}

),

held as (

    select distinct
        identifiers.identifier_type,
        identifiers.identifier_value,
        members.person_id

    from identifiers

    inner join members
        on
            identifiers.source = members.source
            and identifiers.source_record_id = members.source_record_id

    where identifiers.source not in ('emails', 'devices')

),

attributed as (

    select
        consents.load_id,
        consents.source,
        consents.file,
        consents.consent_event_id,
        consents.subject_email,
        consents.anonymous_id,
        consents.person_source,
        consents.person_record_id,
        consents.purpose,
        consents.status,
        consents.channel,
        consents.occurred_at,
        consents.loaded_at,
        -- The subject is who decided: a record, an address or a device.
        case
            when consents.person_record_id is not null
                then 'record ' || consents.person_source || ' ' || consents.person_record_id
            when consents.subject_email is not null then 'email ' || consents.subject_email
            else 'device ' || consents.anonymous_id
        end as subject,
        coalesce(records.person_id, emails.person_id, devices.person_id) as person_id,
        cast(null as {{ dbt.type_timestamp() }}) as known_to

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

),

-- Until when each decision was the subject's last word that was known.
last_words as (

    select
        load_id,
        source,
        file,
        consent_event_id,
        subject_email,
        anonymous_id,
        person_source,
        person_record_id,
        purpose,
        status,
        channel,
        occurred_at,
        loaded_at,
        subject,
        person_id,
        min(loaded_at) over (
            partition by subject, purpose
            order by
                occurred_at desc,
                case when status = 'granted' then 1 else 0 end
            rows between unbounded preceding and 1 preceding
        ) as known_to

    from attributed

    where person_record_id is null

),

-- A denial by an address or a device that several persons use counts for each of them, as
-- nobody knows whose it is; a grant counts for none of them.
denied_for_all as (

    select
        last_words.load_id,
        last_words.source,
        last_words.file,
        last_words.consent_event_id,
        last_words.subject_email,
        last_words.anonymous_id,
        last_words.person_source,
        last_words.person_record_id,
        last_words.purpose,
        last_words.status,
        last_words.channel,
        last_words.occurred_at,
        last_words.loaded_at,
        last_words.subject,
        held.person_id,
        last_words.known_to

    from last_words

    left join identifiers as addresses
        on
            addresses.source = 'emails'
            and addresses.identifier_type = 'email'
            and last_words.subject_email = addresses.source_record_id

    left join shared_devices
        on
            last_words.subject_email is null
            and last_words.anonymous_id = shared_devices.anonymous_id

    inner join held
        on
            (
                held.identifier_type = 'email'
                and addresses.identifier_value = held.identifier_value
            )
            or (
                held.identifier_type = 'anonymous_id'
                and shared_devices.anonymous_id = held.identifier_value
            )

    where
        last_words.status <> 'granted'
        and (last_words.known_to is null or last_words.known_to > last_words.loaded_at)
        and (last_words.person_id is null or last_words.person_id <> held.person_id)

),

final as (

    select * from attributed

    union all

    select * from denied_for_all

)

select * from final
