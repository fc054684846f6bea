with

nodes as (

    select * from {{ ref('int_spine__noded') }}

),

events as (

    select * from {{ ref('int_events__noded') }}

),

addresses as (

    select * from {{ ref('int_addresses__located') }}

),

known_domains as (

    select * from {{ ref('int_spine_domains__known') }}

),

-- When a company was first told of a node: by a call that names it, or by a visit from its network.
told as (

    select
        source,
        source_record_id,
        lower(group_id) as domain,
        1 as basis_rank,
        min(greatest(occurred_at, known_at)) as told_at

    from events

    where type = 'group' and group_id is not null

    group by source, source_record_id, lower(group_id)

    union all

    select
        events.source,
        events.source_record_id,
        addresses.domain,
        2 as basis_rank,
        min(greatest(events.occurred_at, events.known_at)) as told_at

    from events

    inner join addresses
        on events.ip = addresses.ip

    group by events.source, events.source_record_id, addresses.domain

),

-- A network speaks only for those of whom no call tells.
ranked as (

    select
        nodes.person_id,
        nodes.as_of,
        told.domain,
        rank() over (
            partition by nodes.person_id, nodes.as_of
            order by told.basis_rank
        ) as strength_rank

    from nodes

    inner join told
        on
            nodes.source = told.source
            and nodes.source_record_id = told.source_record_id
            and told.told_at < nodes.as_of

),

located as (

    select
        ranked.person_id,
        ranked.as_of,
        max(coalesce(known_domains.listed_employee_count, known_domains.employee_count))
            as employee_count,
        max(case when known_domains.industry is not null then 1 else 0 end) as has_industry

    from ranked

    left join known_domains
        on ranked.domain = known_domains.domain and ranked.as_of = known_domains.as_of

    where ranked.strength_rank = 1

    group by ranked.person_id, ranked.as_of

)

select * from located
