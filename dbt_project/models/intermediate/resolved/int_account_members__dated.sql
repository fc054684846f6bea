with

members as (

    select * from {{ source('identity', 'members') }}

),

domains as (

    select * from {{ ref('int_accounts__domiciled') }}

),

names as (

    select * from {{ ref('int_accounts__named') }}

),

-- Few records were ever revised: of the others nothing need be compared.
revised as (

    select
        source,
        source_record_id,
        max(version_rank) as oldest_rank

    from {{ ref('stg_raw__person_record_versions') }}

    where version_rank > 1

    group by source, source_record_id

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
        records.known_to,
        case
            when records.version_rank = coalesce(revised.oldest_rank, 1)
                then coalesce(
                    records.record_created_at, records.record_updated_at, records.loaded_at
                )
            else coalesce(records.record_updated_at, records.loaded_at)
        end as stated_at,
        revised.oldest_rank is not null as is_revised

    from {{ ref('stg_raw__person_record_versions') }} as records

    inner join members
        on
            records.source = members.source
            and records.source_record_id = members.source_record_id

    left join revised
        on
            records.source = revised.source
            and records.source_record_id = revised.source_record_id

),

numbered as (

    {{ accounts_by_number() }}

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
        case
            when
                row_number() over (
                    partition by source, source_record_id, basis
                    order by version_rank desc
                ) = 1
                or coalesce(named_account_id, '') <> coalesce(
                    lag(named_account_id) over (
                        partition by source, source_record_id, basis
                        order by version_rank desc
                    ),
                    ''
                )
                then 1
            else 0
        end as is_change

    from named

    where is_revised

),

numbered_changes as (

    select
        compared.*,
        sum(is_change) over (
            partition by source, source_record_id, basis
            order by version_rank desc
            rows between unbounded preceding and current row
        ) as change_number

    from compared

),

-- One row where what is said begins or changes, "nothing" included: it ends what was said.
-- Versions may come out of order: known since the first that says so came, until the first
-- newer one did that says something else.
changes as (

    select
        person_id,
        named_account_id,
        basis,
        source,
        source_record_id,
        change_number,
        max(case when is_change = 1 then stated_at end) as stated_at,
        case when count(known_from) = count(*) then min(known_from) end as known_from,
        case when count(known_to) = count(*) then max(known_to) end as known_to

    from numbered_changes

    group by
        person_id,
        named_account_id,
        basis,
        source,
        source_record_id,
        change_number

),

-- A version without a date of its own was there before the next one, whenever it was loaded.
begun as (

    select
        changes.*,
        min(stated_at) over (
            partition by source, source_record_id, basis
            order by change_number
            rows between current row and unbounded following
        ) as begun_at

    from changes

),

ended as (

    select
        begun.*,
        lead(begun_at) over (
            partition by source, source_record_id, basis
            order by change_number
        ) as changed_at

    from begun

),

-- Of versions with one date the last one holds. What held for no time stays where it was known for
-- some: it was what was believed until the last one came.
dated as (

    select
        person_id,
        named_account_id as account_id,
        basis,
        source,
        source_record_id,
        begun_at as valid_from,
        changed_at as valid_to,
        known_from,
        known_to

    from ended

    where
        named_account_id is not null
        and not (coalesce(begun_at >= changed_at, false) and coalesce(known_from >= known_to, false))

    union all

    select
        person_id,
        named_account_id as account_id,
        basis,
        source,
        source_record_id,
        stated_at as valid_from,
        cast(null as {{ dbt.type_timestamp() }}) as valid_to,
        known_from,
        known_to

    from named

    where not is_revised and named_account_id is not null

)

select * from dated
