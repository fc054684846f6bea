"""Keep what the next run needs to resolve only what has changed since.

Three tables: the records as they are compared, one row per node with a hash of all that was known
of it and the component that links put it in, and the sizes of blocks too large to be compared. What is kept is only used when it is exactly
what the last run left and when the same knowledge weighs the pairs; an erasure, or anything else
that touches the tables, makes the next run resolve everything.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from identity.attach import ATTACHED
from identity.block import KEYS, LARGE, hash_of_value, key_hash
from identity.collect import PLACES
from identity.constrain import COMPONENTS
from identity.fingerprint import ROW_HASH
from identity.inventory import LARGE_BLOCKS, NODE_STATES, PREPARED, RUNS
from identity.knowledge import digest_knowledge
from identity.mailbox import NAME_KEY
from identity.nodes import DEVICES, EMAILS, NODES, USERS
from identity.observe import ADDRESSES, ALIASES, SIGHTINGS, TOLD
from identity.prepare import RECORDS, STAGED_RECORDS
from warehouse import Warehouse

STATES = "identity_states"
_ARRIVING, _KEPT = "identity_arriving_states", "identity_kept_states"
# The hash of an address that only records tell.
UNSEEN_HASH = "hash(source, source_record_id, 0::ubigint)"
FIELDS = tuple(
    name for name in PREPARED.column_names if not name.startswith("key_") and name != "name_key"
)


def hash_nodes(warehouse: Warehouse) -> None:
    """Fill the temporary table of all nodes as they are now: source, source_record_id, row_hash."""
    warehouse.execute(f"create or replace temp table {STATES} as {_STATES_SQL}")


def hash_seen(warehouse: Warehouse) -> None:
    """Fill the same table with users, devices and the addresses that were read, without records."""
    warehouse.execute(f"create or replace temp table {STATES} as {_SEEN_STATES_SQL}")


def keep_all(warehouse: Warehouse) -> None:
    """Keep the records and the nodes of a run that resolved everything."""
    warehouse.replace(PREPARED.name, f"select {_ROWS} from {RECORDS}")
    warehouse.replace(NODE_STATES.name, _node_states_sql(STATES, outer=_NOBODY))
    warehouse.replace(LARGE_BLOCKS.name, f"select * from {LARGE}")


def keep_some(warehouse: Warehouse, *, gone: str, came: str, inner: str, states: str) -> None:
    """Keep the records and the nodes of a run that resolved a part.

    Args:
        warehouse: Holds the tables of the run.
        gone: Relation of the records (``record``) that are not as they were.
        came: Relation of the records (``record``) to write.
        inner: Table of the nodes that were resolved, as the last run left them: node, row_hash,
            component.
        states: Relation of these nodes as they are now: source, source_record_id, row_hash.
    """
    warehouse.replace_where(
        PREPARED.name,
        f"record in (select record from {gone})",
        f"select {_ROWS} from {RECORDS} semi join {came} using (record)",
    )
    outer = (
        f"(select node, component from {NODE_STATES.name.sql} semi join "
        f"(select holder as node from {ATTACHED} anti join {inner} as nodes on nodes.node = holder) "
        "using (node))"
    )
    warehouse.execute(
        f"create or replace temp table {_ARRIVING} as {_node_states_sql(states, outer=outer)}"
    )
    # Most are as they were: these are not written again.
    warehouse.execute(
        f"create or replace temp table {_KEPT} as select node from {_ARRIVING} "
        f"semi join {inner} using (node, row_hash, component)"
    )
    warehouse.replace_where(
        NODE_STATES.name,
        f"node in (select node from {inner} anti join {_KEPT} using (node))",
        f"select * from {_ARRIVING} anti join {_KEPT} using (node)",
    )


def digest_state(warehouse: Warehouse, learned: Path) -> str:
    """Name what a run leaves, and what it had learned; anything else gives another name.

    Args:
        warehouse: Holds the tables.
        learned: The file of what was learned.
    """
    sums = [
        warehouse.scalar(
            f"select count(*) || '|' || coalesce(sum(hash({columns})), 0) from {table}"
        )
        for table, columns in (
            (
                PREPARED.name.sql,
                "record, key_0, key_1, key_3, name_key, email_is_shared, phone_is_shared",
            ),
            (NODE_STATES.name.sql, "node, row_hash, component"),
            (LARGE_BLOCKS.name.sql, "key, size"),
        )
    ]
    return hashlib.sha256(f"{sums}|{digest_knowledge(learned)}".encode()).hexdigest()


def last_state(warehouse: Warehouse) -> str | None:
    """The name of what the last run left; None without one."""
    found = warehouse.scalar(
        f"select state from {RUNS.name.sql} order by finished_at desc, run_id limit 1"
    )
    return None if found is None else str(found)


# ``hash`` of a null is not null.
_KEYS_SQL = ", ".join(
    f"case when {key.sql} is not null then {key_hash(number)} end as key_{number}"
    for number, key in enumerate(KEYS)
)
_ROWS = f"{', '.join(FIELDS)}, {_KEYS_SQL}, {NAME_KEY} as name_key"

_NOBODY = "(select null::bigint as node, null::bigint as component limit 0)"


def _node_states_sql(states: str, *, outer: str) -> str:
    """SQL of the rows of node states; a device is in no component.

    Args:
        states: Relation of the nodes as they are now.
        outer: Relation of the components (node, component) of those that were not resolved: an
            address may be theirs.
    """
    return f"""
        with placed as (
            select components.node, firsts.node as component
            from {COMPONENTS} as components
            join {PLACES} as firsts on firsts.place = components.component
        )
        select states.source, states.source_record_id, nodes.node, states.row_hash,
            coalesce(
                own.component, holding.component, outside.component, attached.holder, nodes.node
            ) as component,
            case when addresses.value is not null
                then {hash_of_value("email", "addresses.value")} end as address_key
        from {states} as states join {NODES} as nodes using (source, source_record_id)
        left join (select '{EMAILS}' as source, given, value from {ADDRESSES}) as addresses
            on addresses.source = states.source and given = states.source_record_id
        left join placed as own on own.node = nodes.node
        left join {ATTACHED} as attached on attached.node = nodes.node
        left join placed as holding on holding.node = attached.holder
        left join {outer} as outside on outside.node = attached.holder
    """


# The order of the rows of a node does not count, nor how often one is told. The engine mixes the last
# of several values in by xor alone: two rows that change alike there would cancel without the outer hash.
_SEEN_STATES_SQL = f"""
    with seen as (
        select *, hash(hash(anonymous_id, user_id, email, timezone, day, source, occurred_at, known_at))
            as code
        from {SIGHTINGS}
    ),
    aliased as (
        select *, hash(hash('alias', previous_id, user_id, occurred_at, known_at)) as code from {ALIASES}
    ),
    parts as (
        select '{USERS}' as source, user_id as id, code from seen where user_id is not null
        union all select '{DEVICES}', anonymous_id, code from seen where anonymous_id is not null
        union all select '{EMAILS}', email, code from seen where email is not null
        union all select '{USERS}', user_id, code from aliased
        union all select case when is_device then '{DEVICES}' else '{USERS}' end, previous_id, code
        from aliased
        union all select '{EMAILS}', given, 0::ubigint from {ADDRESSES}
        union all select '{EMAILS}', given, hash('told') from {TOLD} semi join {ADDRESSES} using (given)
    )
    select source, id as source_record_id, hash(source, id, bit_xor(code)) as row_hash
    from parts group by source, id
"""
_STATES_SQL = f"""
    select source, source_record_id, {ROW_HASH} as row_hash from {STAGED_RECORDS}
    union all ({_SEEN_STATES_SQL})
"""
