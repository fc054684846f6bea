"""Write who belongs to whom: now, and at every moment before.

``members_history`` is only ever added to: an open row is closed, never changed. Times come from
the data, not from the machine's clock, so that loading months at once gives the history that
loading them day by day would have given: a record belongs to its person since it was created, a
device since the first sign-in on it became known; before that it was an anonymous person.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from identity.assign import ANONYMOUS_ID, ASSIGNED
from identity.attach import CLUSTERS
from identity.attach_devices import DEVICE_RUNS, SHARED_DEVICES
from identity.extent import Extent
from identity.inventory import DEVICES, MEMBERS, MEMBERS_HISTORY
from identity.nodes import DEVICES as DEVICE_NODES
from identity.nodes import NODES
from warehouse import Warehouse

CURRENT = "identity_current"
FORMER = "identity_former_members"
# Rows that this run adds to the history.
BEGUN = "identity_begun_memberships"
_MOVES = "identity_moves"
_GONE = "identity_gone_members"


@dataclass(frozen=True, slots=True)
class Moment:
    """When a run writes.

    Attributes:
        run_id: The run.
        now: The machine's clock, UTC.
        as_of: Up to when the warehouse knows, UTC.
    """

    run_id: str
    now: datetime
    as_of: datetime


def recall_members(warehouse: Warehouse, extent: Extent, *, members: str) -> None:
    """Fill the temporary table of the members that are resolved, as they were before the run.

    Args:
        warehouse: Holds the members.
        extent: What the run resolves.
        members: Relation of all members, or of those that are looked at.
    """
    warehouse.execute(
        f"create or replace temp table {FORMER} as select node, source, person_id "
        f"from {members} where {extent.nodes()}"
    )


def find_members(warehouse: Warehouse, extent: Extent) -> None:
    """Fill the temporary table of the members as they are now.

    node, source, source_record_id, person_id, since (when the node joined), born_at (when it was
    first seen), anonymous_id_before (a device's id before somebody identified on it; else null).
    """
    warehouse.execute(
        f"create or replace temp table {CURRENT} as "
        + _CURRENT_SQL.replace(_IS_RESOLVED, extent.nodes())
    )


def write_members(warehouse: Warehouse, moment: Moment) -> None:
    """Put the current members in place; who stays keeps the time and run of the assignment."""
    warehouse.execute(
        f"create or replace temp table {_GONE} as select node from {FORMER} "
        f"anti join {CURRENT} using (node, person_id)"
    )
    warehouse.replace_where(
        MEMBERS.name,
        f"node in (select node from {_GONE})",
        f"""
        select source, source_record_id, person_id, $now as assigned_at, $run_id as run_id, node
        from {CURRENT} anti join {FORMER} using (node, person_id)
        """,
        {"now": moment.now, "run_id": moment.run_id},
    )


def write_history(warehouse: Warehouse, moment: Moment, *, history: str) -> None:
    """Close what ended, and add what began.

    Args:
        warehouse: Holds the current members.
        moment: When the run writes.
        history: Relation of the rows of the history of all nodes that the run resolves.
    """
    warehouse.execute(
        f"create or replace temp table {_MOVES} as " + _MOVES_SQL.replace(_HISTORY, history),
        {"as_of": moment.as_of},
    )
    warehouse.execute(
        f"""
        update {MEMBERS_HISTORY.name.sql} as history set valid_to = moves.moved_at
        from {_MOVES} as moves
        where history.valid_to is null and moves.former_id is not null
            and history.node = moves.node
        """
    )
    warehouse.execute(f"create or replace temp table {BEGUN} as {_BEGINNINGS_SQL}")
    warehouse.append(MEMBERS_HISTORY.name, f"select * from {BEGUN}")


def write_devices(warehouse: Warehouse, extent: Extent) -> None:
    """Put in place whose each device was, and when."""
    warehouse.replace_where(
        DEVICES.name,
        extent.devices("anonymous_id"),
        f"""
        select source_record_id as anonymous_id,
            case when shared.node is null then coalesce(person_id, {ANONYMOUS_ID}) end as person_id,
            valid_from, valid_to, shared.node is not null as is_shared
        from {NODES} as nodes
        left join {SHARED_DEVICES} as shared using (node)
        left join {DEVICE_RUNS} as runs using (node)
        left join {ASSIGNED} as assigned using (cluster)
        where source = '{DEVICE_NODES}'
        order by anonymous_id, valid_from nulls first
        """,
    )


_IS_RESOLVED, _HISTORY = "{is_resolved}", "{history}"
_CURRENT_SQL = f"""
    with known as (
        select node, source, source_record_id, person_id,
            coalesce(
                first_seen_at, min(first_seen_at) over (partition by cluster),
                timestamp '1970-01-01'
            ) as since
        from {CLUSTERS} join {NODES} using (node) join {ASSIGNED} using (cluster)
        where {_IS_RESOLVED}
    ),
    last_runs as (
        select * from {DEVICE_RUNS}
        qualify row_number() over (partition by node order by valid_from desc nulls last) = 1
    ),
    devices as (
        select node, source, source_record_id, coalesce(person_id, {ANONYMOUS_ID}) as person_id,
            coalesce(known_from, first_seen_at) as since, first_seen_at as born_at,
            case when person_id is not null then {ANONYMOUS_ID} end as anonymous_id_before
        from {NODES}
        anti join {SHARED_DEVICES} using (node)
        left join last_runs using (node)
        left join {ASSIGNED} using (cluster)
        where source = '{DEVICE_NODES}'
    )
    select *, since as born_at, null::varchar as anonymous_id_before from known
    union all
    select * from devices
"""

# Who has another person than before, or none any more (person_id null), or is new (former null).
_MOVES_SQL = f"""
    with nodes as (
        select node, max(person_id) filter (valid_to is null) as former_id,
            max(coalesce(valid_to, valid_from)) as last_at
        from {_HISTORY} group by node
    )
    select node, source, source_record_id, person_id, former_id, anonymous_id_before, last_at,
        least(born_at, $as_of) as born_at,
        greatest(
            last_at,
            case when former_id is null or former_id = anonymous_id_before
                then least(since, $as_of) else $as_of end
        ) as moved_at
    from nodes full join {CURRENT} as current using (node)
    where former_id is distinct from person_id
"""

_BEGINNINGS_SQL = f"""
    with begun as (
        select source, source_record_id, person_id, moved_at as valid_from,
            null::timestamp as valid_to, node
        from {_MOVES} where person_id is not null
        union all
        select source, source_record_id, anonymous_id_before, born_at, moved_at, node
        from {_MOVES}
        where last_at is null and anonymous_id_before is not null and born_at < moved_at
    )
    select * from begun
    order by source, source_record_id, person_id, valid_from, valid_to
"""
