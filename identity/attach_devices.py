"""Give devices to the persons who use them.

A device belongs to who identifies on it, by sign-in or by an address of their own; where several
do it is shared, and what happened there anonymously is nobody's. Who was there on one day only is
a guest where somebody else is at home; and whoever was in another time zone that day than the
device is on as many others is a guest even where nobody else signed in.
"""

from __future__ import annotations

from identity.attach import CLUSTERS, HOLDERS
from identity.config import IdentityConfig
from identity.nodes import DEVICES, EMAILS, NODES, USERS
from identity.observe import ADDRESSES, ALIASES, SIGHTINGS
from identity.tell_apart import TOLD_APART, tell_apart
from warehouse import Warehouse

SHARED_DEVICES = "identity_shared_devices"
DEVICE_RUNS = "identity_device_runs"
DEVICE_LINKS = "identity_device_links"
_SEEN = "identity_seen_on_devices"
_IDENTIFIED = "identity_identified"
_ZONES = "identity_device_zones"
_USERS = "identity_device_users"


def attach_devices(warehouse: Warehouse, config: IdentityConfig) -> None:
    """Fill the temporary tables of shared devices, whose the others were and why.

    Runs: node, cluster, valid_from and valid_to (by the time of events, open at both ends: what
    happened before the first sign-in joins the person), known_from (when it became known).
    """
    warehouse.execute(f"create or replace temp table {_SEEN} as {_SEEN_SQL}")
    tell_apart(warehouse, _SEEN)
    warehouse.execute(f"create or replace temp table {_IDENTIFIED} as {_IDENTIFIED_SQL}")
    warehouse.execute(f"create or replace temp table {_ZONES} as {_ZONES_SQL}")
    warehouse.execute(
        f"create or replace temp table {_USERS} as {_USERS_SQL}",
        {"most": config.max_device_persons, "share": config.min_device_share},
    )
    warehouse.execute(
        f"create or replace temp table {SHARED_DEVICES} as "
        f"select distinct node from {_USERS} where is_shared"
    )
    warehouse.execute(f"create or replace temp table {DEVICE_RUNS} as {_RUNS_SQL}")
    warehouse.execute(
        f"create or replace temp table {DEVICE_LINKS} as select node, min(holder) as holder "
        f"from {_IDENTIFIED} semi join {DEVICE_RUNS} using (node, cluster) "
        "group by node, cluster"
    )


# Who identified on which device, when. An address that several persons hold identifies nobody.
_SEEN_SQL = f"""
    with by_user as (
        select anonymous_id, '{USERS}' as source, user_id as id, true as is_held, timezone, day,
            occurred_at, known_at
        from {SIGHTINGS} where anonymous_id is not null and user_id is not null
        union all
        select previous_id, '{USERS}', user_id, true, null, cast(occurred_at as date), occurred_at,
            known_at
        from {ALIASES} where is_device
    ),
    by_address as (
        select anonymous_id, '{EMAILS}', email, persons is not null, timezone, day, occurred_at,
            known_at
        from {SIGHTINGS} as sightings
        join {ADDRESSES} as addresses on addresses.given = sightings.email
        left join {HOLDERS} as holders using (value)
        where anonymous_id is not null and user_id is null and coalesce(persons, 1) = 1
    )
    select devices.node, clusters.cluster, persons.node as holder, is_held, timezone, day,
        occurred_at, known_at
    from (select * from by_user union all select * from by_address) as seen
    join {NODES} as devices
        on devices.source = '{DEVICES}' and devices.source_record_id = anonymous_id
    join {NODES} as persons on persons.source = seen.source and persons.source_record_id = seen.id
    join {CLUSTERS} as clusters on clusters.node = persons.node
"""

# An address that no record holds is another person's beside a known one only where its letters
# name another: people type a second address of theirs. Among such addresses the first stands for
# those whose letters may name the same person.
_IDENTIFIED_SQL = f"""
    with persons as (
        select node, cluster, bool_or(is_held) as is_held, min(occurred_at) as began_at
        from {_SEEN} group by node, cluster
    ),
    beside as (
        select node, one.cluster,
            bool_or(two.is_held) as has_known,
            bool_and(coalesce(is_other, false)) filter (two.is_held) as is_none_of_the_known,
            bool_or(
                is_same and not two.is_held
                and (two.began_at, two.cluster) < (one.began_at, one.cluster)
            ) as is_second
        from persons as one join persons as two using (node)
        left join {TOLD_APART} as told on told.cluster = one.cluster and other = two.cluster
        where not one.is_held and one.cluster <> two.cluster
        group by all
    )
    select seen.* from {_SEEN} as seen left join beside using (node, cluster)
    where is_held or has_known is null or case when has_known
        then is_none_of_the_known else not coalesce(is_second, false) end
"""

_ZONES_SQL = f"""
    select nodes.node, timezone, count(distinct day) as days
    from {SIGHTINGS} join {NODES} as nodes
        on nodes.source = '{DEVICES}' and source_record_id = anonymous_id
    where timezone is not null and node in (select node from {_IDENTIFIED})
    group by all
"""

_USERS_SQL = f"""
    with totals as (
        select node, cluster, count(distinct day) as days, any_value(timezone) as timezone,
            count(distinct timezone) = 1 as is_in_one_zone
        from {_IDENTIFIED} group by node, cluster
    ),
    visits as (
        select totals.*, totals.days = 1 and is_in_one_zone and exists (
            select 1 from {_ZONES} as home
            join {_ZONES} as away on away.node = home.node and away.timezone = totals.timezone
            where home.node = totals.node and home.timezone <> totals.timezone
                and home.days >= away.days
        ) as is_away
        from totals
    ),
    staying as (
        select * from visits
        qualify not is_away
            or bool_and(is_away) over (partition by node) and count(*) over (partition by node) > 1
    ),
    ranked as (
        select *, count(*) over device as persons,
            row_number() over (device order by days desc, cluster) as rank,
            days::double / sum(days) over device as share,
            lead(days) over (device order by days desc, cluster) as next_days
        from staying window device as (partition by node)
    ),
    verdicts as (
        select node, persons > $most
            and not (share >= $share and coalesce(next_days, 0) <= 1) as is_shared,
            persons > $most as is_visited
        from ranked where rank = 1
    )
    select node, cluster, is_shared, is_visited and rank > 1 as is_guest
    from ranked join verdicts using (node)
"""

# Sign-ins of one person in a row are one run; a run lasts until the next person's first.
_RUNS_SQL = f"""
    with marked as (
        select node, cluster, occurred_at, known_at,
            lag(cluster) over (partition by node order by occurred_at, cluster)
                is distinct from cluster as is_start
        from {_IDENTIFIED}
        semi join (select node, cluster from {_USERS} where not is_guest) using (node, cluster)
        anti join {SHARED_DEVICES} using (node)
    ),
    runs as (
        select node, any_value(cluster) as cluster, min(occurred_at) as began_at,
            min(known_at) as known_from
        from (
            select *, sum(is_start::integer)
                over (partition by node order by occurred_at, cluster) as run
            from marked
        )
        group by node, run
    )
    select node, cluster, known_from,
        case when lag(began_at) over device is not null then began_at end as valid_from,
        lead(began_at) over device as valid_to
    from runs window device as (partition by node order by began_at)
"""
