{#- From the best founded; the last one, the network, is told of by visits alone. -#}
{%- set bases = [
    'record', 'group_call', 'email_domain', 'company_domain', 'company_name', 'network'
] -%}

with

accounts as (

    select * from {{ ref('int_accounts__unified') }}

),

domains as (

    select
        account_id as unified_account_id,
        domain

    from {{ ref('int_accounts__domiciled') }}

),

names as (

    select * from {{ ref('int_accounts__named') }}

),

dated as (

    select
        account_id,
        person_id,
        max(valid_from) as valid_from

    from {{ ref('int_account_members__dated') }}

    where valid_to is null

    group by account_id, person_id

),

members as (

    select * from {{ source('identity', 'members') }}

),

records as (

    select
        members.person_id,
        records.*

    from {{ ref('stg_raw__person_records') }} as records

    inner join members
        on
            records.source = members.source
            and records.source_record_id = members.source_record_id

),

addresses as (

    select distinct
        person_id,
        {{ email_domain('identifier_value') }} as domain

    from {{ ref('int_contact_points__ranked') }}

    where identifier_type = 'email'

),

networks as (

    select * from {{ ref('int_persons__located') }}

),

groups as (

    select distinct
        person_id,
        group_id

    from {{ ref('int_events__attributed') }}

    where type = 'group' and group_id is not null and person_id is not null

),

found as (

    select
        accounts.unified_account_id as account_id,
        records.person_id,
        1 as basis_rank

    from records

    inner join accounts
        on records.account_id = accounts.account_id

    union all

    select
        accounts.unified_account_id as account_id,
        groups.person_id,
        2 as basis_rank

    from groups

    inner join accounts
        on groups.group_id = accounts.account_id

    union all

    select
        domains.unified_account_id as account_id,
        groups.person_id,
        2 as basis_rank

    from groups

    inner join domains
        on lower(groups.group_id) = domains.domain

    union all

    select
        domains.unified_account_id as account_id,
        addresses.person_id,
        3 as basis_rank

    from addresses

    inner join domains
        on addresses.domain = domains.domain

    union all

    select
        domains.unified_account_id as account_id,
        records.person_id,
        4 as basis_rank

    from records

    inner join domains
        on records.company_domain = domains.domain

    union all

    select
        names.account_id,
        records.person_id,
        5 as basis_rank

    from records

    inner join names
        on {{ company_key('records.company_name') }} = names.company_key

    union all

    select
        domains.unified_account_id as account_id,
        networks.person_id,
        6 as basis_rank

    from networks

    inner join domains
        on networks.domain = domains.domain

),

ranked as (

    select
        account_id,
        person_id,
        min(basis_rank) as basis_rank

    from found

    group by account_id, person_id

),

employed as (

    select distinct person_id from ranked

    where basis_rank < {{ bases | length }}

),

strongest as (

    select
        ranked.account_id,
        ranked.person_id,
        case ranked.basis_rank
            {%- for name in bases %}
            when {{ loop.index }} then '{{ name }}'
            {%- endfor %}
        end as basis,
        ranked.basis_rank,
        dated.valid_from

    from ranked

    left join dated
        on ranked.account_id = dated.account_id and ranked.person_id = dated.person_id

    left join employed
        on ranked.person_id = employed.person_id and ranked.basis_rank = {{ bases | length }}

    -- Who visits a customer's office does not work there: a network speaks only for those of
    -- whom nothing else does.
    where employed.person_id is null

)

select * from strongest
