"""Number everything that belongs to a person: records, sign-ins, addresses, devices.

A number follows from the kind and the id alone, so that it is the same in every run and does not
depend on the order of arrival.
"""

from __future__ import annotations

from dataclasses import dataclass

from identity.inventory import IDENTIFIERS, LINKS, MEMBERS, MEMBERS_HISTORY
from identity.observe import ADDRESSES, ALIASES, SIGHTINGS
from identity.prepare import RECORDS, node_of
from warehouse import Warehouse

NODES = "identity_nodes"
USERS, EMAILS, DEVICES = "users", "emails", "devices"


@dataclass(frozen=True, slots=True)
class NodeCounts:
    """How many nodes of each kind there are."""

    records: int
    users: int
    emails: int
    devices: int


def number_nodes(warehouse: Warehouse, *, among: str | None = None) -> None:
    """Fill the temporary table of nodes: node, source, source_record_id, first_seen_at.

    Args:
        warehouse: Holds the records and what was observed.
        among: Relation of ``node``: others are left out. None: none are.
    """
    chosen = "" if among is None else f"semi join {among} using (node)"
    seen = " ".join(
        f"""
        union all select {node_of(f"'{source}'", "id")}, '{source}', id, min(seen_at)
        from ({sql}) group by id
        """
        for source, sql in ((USERS, _USERS), (EMAILS, _EMAILS), (DEVICES, _DEVICES))
    )
    warehouse.execute(
        f"create or replace temp table {NODES} as select * from (select record as node, source, "
        f"source_record_id, first_seen_at from {RECORDS} {seen}) {chosen}"
    )


def count_nodes(warehouse: Warehouse) -> NodeCounts:
    """Count the nodes of each kind."""
    sizes = warehouse.read(
        f"select count(*) filter (source = '{USERS}') as users, "
        f"count(*) filter (source = '{EMAILS}') as emails, "
        f"count(*) filter (source = '{DEVICES}') as devices, count(*) as nodes from {NODES}"
    ).to_pylist()[0]
    records = sizes.pop("nodes") - sum(sizes.values())
    return NodeCounts(records, **sizes)


def number_kept_rows(warehouse: Warehouse) -> None:
    """Number the rows that a version without numbers wrote, or somebody by hand; seldom any."""
    lacking = " or ".join(
        f"exists (from {table} where {node} is null)" for table, node, *_ in _NUMBERED
    )
    if not warehouse.scalar(f"select {lacking}"):
        return
    for table, node, source, record in _NUMBERED:
        warehouse.execute(
            f"update {table} set {node} = {node_of(source, record)} where {node} is null"
        )


# Table, number, and what it follows from.
_NUMBERED = (
    *(
        (table.name.sql, "node", "source", "source_record_id")
        for table in (IDENTIFIERS, MEMBERS, MEMBERS_HISTORY)
    ),
    *(
        (LINKS.name.sql, f"{end}_node", f"{end}_source", f"{end}_record_id")
        for end in ("left", "right")
    ),
)

_USERS = f"""
    select user_id as id, occurred_at as seen_at from {SIGHTINGS} where user_id is not null
    union all
    select previous_id, occurred_at from {ALIASES} where not is_device
"""
_EMAILS = f"""
    select addresses.given as id, sightings.occurred_at as seen_at
    from {ADDRESSES} as addresses left join {SIGHTINGS} as sightings
        on sightings.email = addresses.given
"""
_DEVICES = f"""
    select anonymous_id as id, occurred_at as seen_at
    from {SIGHTINGS} where anonymous_id is not null
"""
