with

members as (

    select * from {{ source('identity', 'members') }}

),

accounts as (

    select * from {{ ref('int_accounts__unified') }}

),

domains as (

    select * from {{ ref('int_accounts__domiciled') }}

),

names as (

    select * from {{ ref('int_accounts__named') }}

),

-- What a record said holds from that version on; the first one since the record was created.
versions as (

    select
        members.person_id,
        records.source,
        records.source_record_id,
        records.account_id,
        records.company_domain,
        {{ email_domain('records.email') }} as address_domain,
        {{ company_key('records.company_name') }} as company_key,
        records.version_rank,
        records.known_from,
        case
            when row_number() over (
                partition by records.source, records.source_record_id
                order by records.version_rank desc
            ) = 1
                then coalesce(
                    records.record_created_at, records.record_updated_at, records.loaded_at
                )
            else coalesce(records.record_updated_at, records.loaded_at)
        end as stated_at

    from {{ ref('stg_raw__person_record_versions') }} as records

    inner join members
        on
            records.source = members.source
            and records.source_record_id = members.source_record_id

),

-- A number that two sources give to different accounts names neither.
numbered as (

    select
        account_id as account_record_id,
        min(unified_account_id) as account_id

    from accounts

    where origin = 'record'

    group by account_id

    having count(distinct unified_account_id) = 1

),

named as (

    select
        versions.*,
        'record' as basis,
        numbered.account_id as named_account_id

    from versions

    left join numbered
        on versions.account_id = numbered.account_record_id

    union all

    select
        versions.*,
        'email_domain' as basis,
        domains.account_id as named_account_id

    from versions

    left join domains
        on versions.address_domain = domains.domain

    union all

    select
        versions.*,
        'company_domain' as basis,
        domains.account_id as named_account_id

    from versions

    left join domains
        on versions.company_domain = domains.domain

    union all

    select
        versions.*,
        'company_name' as basis,
        names.account_id as named_account_id

    from versions

    left join names
        on versions.company_key = names.company_key

),

compared as (

    select
        named.*,
        lag(named_account_id) over (
            partition by source, source_record_id, basis
            order by version_rank desc
        ) as former_account_id,
        case when row_number() over (
            partition by source, source_record_id, basis
            order by version_rank desc
        ) = 1 then 1 else 0 end as is_first

    from named

),

-- One row where what is said begins or changes, "nothing" included: it ends what was said.
changes as (

    select
        compared.*,
        lead(stated_at) over (
            partition by source, source_record_id, basis
            order by version_rank desc
        ) as changed_at,
        lead(known_from) over (
            partition by source, source_record_id, basis
            order by version_rank desc
        ) as known_to

    from compared

    where is_first = 1 or coalesce(named_account_id, '') <> coalesce(former_account_id, '')

),

dated as (

    select
        person_id,
        named_account_id as account_id,
        basis,
        source,
        source_record_id,
        stated_at as valid_from,
        changed_at as valid_to,
        known_from,
        known_to

    from changes

    where named_account_id is not null

)

select * from dated
