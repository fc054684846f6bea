"""Give addresses and devices to the persons who use them.

An address belongs to the one person whose records hold it; held by several persons it is nobody's
and stands for itself. A device belongs to who identifies on it, by sign-in or by an address of
their own; where several do it is shared, and what happened there anonymously is nobody's.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from identity.cluster import Ints
from identity.collect import PLACES
from identity.config import IdentityConfig
from identity.nodes import DEVICES, EMAILS, NODES, USERS
from identity.observe import ADDRESSES, ALIASES, SIGHTINGS
from identity.prepare import RECORDS
from warehouse import Warehouse

CLUSTERS = "identity_clusters"
ATTACHED = "identity_attached"
SHARED_DEVICES = "identity_shared_devices"
DEVICE_RUNS = "identity_device_runs"
DEVICE_LINKS = "identity_device_links"


def attach_addresses(warehouse: Warehouse, clusters: Ints) -> None:
    """Fill the temporary tables of clusters (node, cluster) and of what addresses hang on.

    Args:
        warehouse: Holds the tables of the steps before.
        clusters: Per place of a linked node, the place of the smallest node of its cluster.
    """
    _keep_clusters(warehouse, clusters)
    warehouse.execute(f"create or replace temp table identity_holders as {_HOLDERS_SQL}")
    warehouse.execute(f"create or replace temp table {ATTACHED} as {_ATTACHED_SQL}")
    warehouse.execute(
        f"""
        insert into {CLUSTERS}
        select node, coalesce(cluster, min(node) over (partition by addresses.value))
        from {NODES} join {ADDRESSES} as addresses on given = source_record_id
        left join {ATTACHED} as attached using (node)
        left join {CLUSTERS} as holding on holding.node = attached.holder
        where source = '{EMAILS}'
        """
    )


def _keep_clusters(warehouse: Warehouse, clusters: Ints) -> None:
    """Fill the table of clusters with records and users; who has no link is alone."""
    rows = pa.table({"place": np.arange(len(clusters)), "first": clusters})
    with warehouse.view("identity_arriving_nodes", rows):
        warehouse.execute(
            f"""
            create or replace temp table {CLUSTERS} as
            select nodes.node, coalesce(joined.cluster, nodes.node) as cluster
            from {NODES} as nodes
            left join (
                select mine.node, firsts.node as cluster
                from {PLACES} as mine join identity_arriving_nodes using (place)
                join {PLACES} as firsts on firsts.place = first
            ) as joined using (node)
            where source not in ('{EMAILS}', '{DEVICES}')
            """
        )


_HOLDERS_SQL = f"""
    with held as (
        select email as value, record as node from {RECORDS} where email is not null
        union
        select addresses.value, users.node
        from (select distinct user_id, email from {SIGHTINGS} where user_id is not null) as seen
        join {ADDRESSES} as addresses on addresses.given = seen.email
        join {NODES} as users
            on users.source = '{USERS}' and users.source_record_id = seen.user_id
    )
    select value, min(node) as holder, count(distinct cluster) as persons
    from held join {CLUSTERS} using (node) group by value
"""

_ATTACHED_SQL = f"""
    select node, holder
    from {NODES} join {ADDRESSES} as addresses on given = source_record_id
    join identity_holders as holders using (value)
    where source = '{EMAILS}' and persons = 1
"""


def attach_devices(warehouse: Warehouse, config: IdentityConfig) -> int:
    """Fill the temporary tables of shared devices, whose the others were and why; count the shared.

    Runs: node, cluster, valid_from and valid_to (by the time of events, open at both ends: what
    happened before the first sign-in joins the person), known_from (when it became known).
    """
    warehouse.execute(f"create or replace temp table identity_identified as {_IDENTIFIED_SQL}")
    warehouse.execute(
        f"create or replace temp table identity_device_users as {_DEVICE_USERS_SQL}",
        {"most": config.max_device_persons, "share": config.min_device_share},
    )
    warehouse.execute(
        f"create or replace temp table {SHARED_DEVICES} as "
        "select distinct node from identity_device_users where is_shared"
    )
    warehouse.execute(f"create or replace temp table {DEVICE_RUNS} as {_RUNS_SQL}")
    warehouse.execute(
        f"create or replace temp table {DEVICE_LINKS} as select node, min(holder) as holder "
        f"from identity_identified semi join {DEVICE_RUNS} using (node, cluster) "
        "group by node, cluster"
    )
    return int(warehouse.scalar(f"select count(*) from {SHARED_DEVICES}"))


# Who identified on which device, when. An address that several persons hold identifies nobody; one
# that no record holds does where nothing better is known: people type a second address of theirs.
_IDENTIFIED_SQL = f"""
    with by_user as (
        select anonymous_id, '{USERS}' as source, user_id as id, true as is_held, day, occurred_at,
            known_at
        from {SIGHTINGS} where anonymous_id is not null and user_id is not null
        union all
        select previous_id, '{USERS}', user_id, true, cast(occurred_at as date), occurred_at, known_at
        from {ALIASES} where is_device
    ),
    by_address as (
        select anonymous_id, '{EMAILS}', email, persons is not null, day, occurred_at, known_at
        from {SIGHTINGS} as sightings
        join {ADDRESSES} as addresses on addresses.given = sightings.email
        left join identity_holders as holders using (value)
        where anonymous_id is not null and user_id is null and coalesce(persons, 1) = 1
    )
    select devices.node, clusters.cluster, persons.node as holder, day, occurred_at, known_at
    from (select * from by_user union all select * from by_address) as seen
    join {NODES} as devices
        on devices.source = '{DEVICES}' and devices.source_record_id = anonymous_id
    join {NODES} as persons on persons.source = seen.source and persons.source_record_id = seen.id
    join {CLUSTERS} as clusters on clusters.node = persons.node
    qualify is_held or not bool_or(is_held) over (partition by devices.node)
"""

_DEVICE_USERS_SQL = """
    with days as (
        select node, cluster, count(distinct day) as days from identity_identified group by all
    ),
    ranked as (
        select *, count(*) over device as persons,
            row_number() over (device order by days desc, cluster) as rank,
            days::double / sum(days) over device as share,
            lead(days) over (device order by days desc, cluster) as next_days
        from days window device as (partition by node)
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
        from identity_identified
        semi join (select node, cluster from identity_device_users where not is_guest)
            using (node, cluster)
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
