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

members_history as (

    select * from {{ source('identity', 'members_history') }}

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
        case
            when consents.person_record_id is not null then consents.person_source
            when consents.subject_email is not null then 'emails'
            else 'devices'
        end as node_source,
        coalesce(
            consents.person_record_id, consents.subject_email, consents.anonymous_id
        ) as node_id,
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

-- Until when no later grant by the subject was known.
followed as (

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
        node_source,
        node_id,
        person_id,
        min(case when status = 'granted' then loaded_at end) over (
            partition by subject, purpose
            order by
                occurred_at desc,
                case when status = 'granted' then 1 else 0 end
            rows between unbounded preceding and 1 preceding
        ) as known_to

    from attributed

),

denials as (

    select *

    from followed

    where status <> 'granted' and (known_to is null or known_to > loaded_at)

),

-- Who holds an address or a device, by record or sign-in; and whose a record is.
holders as (

    select
        'emails' as node_source,
        addresses.source_record_id as node_id,
        held.person_id

    from identifiers as addresses

    inner join held
        on
            held.identifier_type = 'email'
            and addresses.identifier_value = held.identifier_value

    where addresses.source = 'emails' and addresses.identifier_type = 'email'

    union

    select
        'devices' as node_source,
        identifier_value as node_id,
        person_id

    from held

    where identifier_type = 'anonymous_id'

    union

    select
        source as node_source,
        source_record_id as node_id,
        person_id

    from members

    where source not in ('emails', 'devices')

),

-- Everyone who was one person with a record, address or device while it was theirs.
companions as (

    select distinct
        mine.source as node_source,
        mine.source_record_id as node_id,
        members.person_id

    from denials

    inner join members_history as mine
        on
            denials.node_source = mine.source
            and denials.node_id = mine.source_record_id

    inner join members_history as theirs
        on
            mine.person_id = theirs.person_id
            and (theirs.valid_to is null or mine.valid_from < theirs.valid_to)
            and (mine.valid_to is null or theirs.valid_from < mine.valid_to)

    inner join members
        on
            theirs.source = members.source
            and theirs.source_record_id = members.source_record_id

    where theirs.source not in ('emails', 'devices')

),

-- Nobody knows whose denial it is: of a device that several use, or used at that moment, of an
-- address that several hold, or of what nobody holds any more.
doubtful as (

    select
        denials.consent_event_id,
        holders.person_id

    from denials

    inner join holders
        on
            denials.node_source = holders.node_source
            and denials.node_id = holders.node_id

    left join shared_devices
        on
            denials.node_source = 'devices'
            and denials.node_id = shared_devices.anonymous_id

    where
        denials.node_source <> 'devices'
        or denials.person_id is null
        or shared_devices.anonymous_id is not null

    union

    select
        denials.consent_event_id,
        companions.person_id

    from denials

    inner join companions
        on
            denials.node_source = companions.node_source
            and denials.node_id = companions.node_id

    left join holders
        on
            denials.node_source = holders.node_source
            and denials.node_id = holders.node_id

    where holders.person_id is null

    union

    -- Said on a browser of one person under a record or an address of another: both were told of.
    select
        denials.consent_event_id,
        devices.person_id

    from denials

    inner join devices
        on
            denials.anonymous_id = devices.anonymous_id
            and (devices.valid_from is null or denials.occurred_at >= devices.valid_from)
            and (devices.valid_to is null or denials.occurred_at < devices.valid_to)

),

-- Such a denial counts for each of them; a grant counts for none.
denied_for_all as (

    select
        denials.*,
        doubtful.person_id as doubted_person_id

    from denials

    inner join doubtful
        on denials.consent_event_id = doubtful.consent_event_id

    where denials.person_id is null or denials.person_id <> doubtful.person_id

),

final as (

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
        known_to

    from attributed

    union all

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
        doubted_person_id as person_id,
        known_to

    from denied_for_all

)

select * from final
