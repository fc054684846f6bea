"""Give clusters their person ids, so that an id once given stays.

A cluster takes the id of the old person that it shares most records with; each id goes to one
cluster only. Between equals those count that never had another id, so that what was split and
joined again, or joined and split, ends under the ids that it had. A part that was a person before
and is all of it takes up that person's id again. A new id, never given before, is computed from
the cluster's earliest member, so that building everything anew from the same input gives the same
ids. A device that nobody identified on has an id of its own, always the same, which is merged when
somebody does.
"""

from __future__ import annotations

from identity.attach import CLUSTERS
from identity.nodes import DEVICES, NODES
from warehouse import Warehouse

ASSIGNED = "identity_assigned"
_TRIES = 8


def id_of(source: str, record_id: str, salt: str = "''") -> str:
    """SQL of the id that one node gives: opaque, 104 bits of a SHA-256."""
    return f"'p_' || left(sha256({source} || '|' || {record_id} || {salt}), 26)"


ANONYMOUS_ID = id_of(f"'{DEVICES}'", "source_record_id")


def assign_ids(warehouse: Warehouse, *, former: str, history: str) -> int:
    """Fill the temporary table (cluster, person_id) of all clusters; return how many.

    Args:
        warehouse: Holds the clusters.
        former: Relation of their members before the run: node, person_id.
        history: Relation of the same columns, all persons that they ever had.
    """
    warehouse.execute(f"create or replace temp table identity_seeds as {_SEEDS_SQL}")
    warehouse.execute(
        f"create or replace temp table {_HAD} as {_HAD_SQL.replace(_HISTORY, history)}"
    )
    warehouse.execute(
        f"create or replace temp table {ASSIGNED} as {_INHERITED_SQL.replace(_FORMER, former)}"
    )
    warehouse.execute(f"insert into {ASSIGNED} {_RESTORED_SQL}")
    # A part that was split off may find the id of its earliest member taken by the other part.
    for attempt in range(_TRIES):
        if not warehouse.scalar(_UNNAMED_SQL):
            break
        added = f"""
            insert into {ASSIGNED}
            select cluster, person_id from (
                select cluster,
                    {id_of("source", "source_record_id", _salt(attempt))} as person_id
                from identity_seeds anti join {ASSIGNED} using (cluster)
            )
            anti join {ASSIGNED} using (person_id)
            anti join identity.persons using (person_id)
        """
        warehouse.execute(added)
    return int(warehouse.scalar(f"select count(*) from {ASSIGNED}"))


_UNNAMED_SQL = f"select exists (from identity_seeds anti join {ASSIGNED} using (cluster))"


def _salt(attempt: int) -> str:
    return "''" if attempt == 0 else f"'|{attempt}'"


_SEEDS_SQL = f"""
    select cluster, source, source_record_id,
        {id_of("source", "source_record_id")} as own_id
    from {CLUSTERS} join {NODES} using (node)
    qualify row_number() over (
        partition by cluster order by first_seen_at nulls last, node
    ) = 1
"""

_FORMER, _HISTORY = "{former}", "{history}"
# Which ids each node ever had; devices are in no cluster.
_HAD = "identity_had_ids"
_HAD_SQL = f"""
    select cluster, node, person_id, count(*) over (partition by node) = 1 as is_loyal
    from (
        select distinct cluster, node, person_id
        from {_HISTORY} as history
        join {CLUSTERS} using (node)
    )
"""

_INHERITED_SQL = f"""
    with in_common as (
        select cluster, members.person_id, count(*) as size,
            count(*) filter (is_loyal) as loyal_size
        from {CLUSTERS} join {_FORMER} as members using (node)
        left join (select node, is_loyal from {_HAD} where is_loyal) using (node)
        group by all
    ),
    heirs as (
        select in_common.*, own_id from in_common join identity_seeds using (cluster)
        qualify row_number() over (
            partition by person_id
            order by size desc, loyal_size desc, person_id = own_id desc, cluster
        ) = 1
    )
    select cluster, person_id from heirs
    qualify row_number() over (
        partition by cluster order by size desc, loyal_size desc, person_id = own_id desc, person_id
    ) = 1
"""

# An id that went lost in a merge comes back only to all who had it: no part of a former person
# inherits what was written of the others.
_RESTORED_SQL = f"""
    with whole as (
        select person_id, min(cluster) as cluster, count(*) as size
        from {_HAD} anti join {ASSIGNED} using (person_id)
        group by person_id having min(cluster) = max(cluster)
    )
    select cluster, person_id from whole anti join {ASSIGNED} using (cluster)
    qualify row_number() over (partition by cluster order by size desc, person_id) = 1
"""
