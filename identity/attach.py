"""Give addresses to the persons who use them.

An address belongs to the one person whose records hold it; held by several persons it is nobody's
and stands for itself.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from identity.cluster import Ints
from identity.collect import PLACES
from identity.nodes import DEVICES, EMAILS, NODES, USERS
from identity.observe import ADDRESSES, SIGHTINGS
from identity.prepare import RECORDS
from warehouse import Warehouse

CLUSTERS = "identity_clusters"
HOLDERS = "identity_holders"
ATTACHED = "identity_attached"


def attach_addresses(warehouse: Warehouse) -> None:
    """Put addresses into the clusters, and fill the temporary table of what they hang on."""
    warehouse.execute(f"create or replace temp table {HOLDERS} as {_HOLDERS_SQL}")
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


def keep_clusters(warehouse: Warehouse, clusters: Ints) -> None:
    """Fill the temporary table of clusters (node, cluster) with records and users.

    Who has no link is alone.

    Args:
        warehouse: Holds the tables of the steps before.
        clusters: Per place of a linked node, the place of the smallest node of its cluster.
    """
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
    join {HOLDERS} as holders using (value)
    where source = '{EMAILS}' and persons = 1
"""
