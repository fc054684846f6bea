"""Find what came, went or is not as the last run left it.

A record is told by a hash of all that was staged of it, a user, device or address by a hash of its
sightings. Addresses that only records hold are as many as records and all have the same hash, so
of these none is read but those of changed records.
"""

from __future__ import annotations

from identifiers import normalise_emails
from identity.fingerprint import RECORD_COLUMNS, ROW_HASHES
from identity.inventory import NODE_STATES
from identity.nodes import EMAILS
from identity.observe import ADDRESSES, observe_events
from identity.prepare import SOURCE, keep_values, node_of
from identity.state import ADDRESS_KEY, STATES, UNSEEN_HASH, hash_seen
from warehouse import Warehouse

# Nodes that came or are not as they were, and as they were if they were there.
CAME, LEFT = "identity_came_nodes", "identity_left_nodes"
# What is staged of the records among those that came.
ARRIVING = "identity_arriving_records"
_FURTHER = "identity_further_addresses"


def find_changes(warehouse: Warehouse) -> int:
    """Fill the tables of the nodes that came and left, and of sightings; return how many nodes.

    Of addresses, those are there that changed records, events or other tables tell.
    """
    warehouse.execute(
        f"create or replace temp table {CAME} as select source, source_record_id, row_hash, "
        f"{node_of('source', 'source_record_id')} as node "
        f"from {ROW_HASHES} anti join {NODE_STATES.name.sql} using (row_hash)"
    )
    warehouse.execute(
        f"create or replace temp table {ARRIVING} as select {', '.join(RECORD_COLUMNS)} "
        f"from {SOURCE} semi join {CAME} using (source, source_record_id)"
    )
    observe_events(warehouse, records=_GIVEN_SQL)
    hash_seen(warehouse)
    warehouse.execute(
        f"insert into {CAME} select source, source_record_id, row_hash, "
        f"{node_of('source', 'source_record_id')} "
        f"from {STATES} anti join {NODE_STATES.name.sql} using (row_hash)"
    )
    warehouse.execute(f"create or replace temp table {LEFT} as {_LEFT_SQL}")
    return int(
        warehouse.scalar(
            f"select count(*) from (from {CAME} select node union from {LEFT} select node)"
        )
    )


def add_addresses(warehouse: Warehouse, given: str) -> None:
    """Add to the addresses.

    Args:
        warehouse: Holds the addresses.
        given: Relation of addresses as staged (``given``); those that are there are left out.
    """
    texts = warehouse.read(
        f"select given from ({given}) anti join {ADDRESSES} using (given) order by given"
    )
    if not len(texts):
        return
    values = texts.column("given").combine_chunks()
    keep_values(warehouse, _FURTHER, {"given": values, "value": normalise_emails(values)})
    warehouse.execute(f"insert into {ADDRESSES} from {_FURTHER} where value is not null")


def addresses_of(values: str) -> str:
    """SQL of the addresses, as the last run knew them and still there, of normalised ones.

    Args:
        values: Query of normalised addresses, one column.
    """
    return known_addresses(
        f"address_key in (select {ADDRESS_KEY.format('value')} from ({values}) as wanted(value))"
    )


def known_addresses(condition: str) -> str:
    """SQL of the addresses (``given``) that the last run knew and that are still there.

    Args:
        condition: SQL over the rows of node states.
    """
    return (
        f"select given from (select node, source_record_id as given from {NODE_STATES.name.sql} "
        f"where source = '{EMAILS}' and {condition}) anti join {LEFT} using (node)"
    )


def states_of(nodes: str) -> str:
    """SQL of the states (source, source_record_id, row_hash) of nodes that are there now.

    Args:
        nodes: Relation of ``node``.
    """
    return f"""(
        select source, source_record_id, row_hash from {CAME} semi join {nodes} using (node)
        union all
        select source, source_record_id, row_hash from {NODE_STATES.name.sql}
        semi join {nodes} using (node) anti join {CAME} using (node) anti join {LEFT} using (node)
    )"""


_ON_RECORDS = (
    f"hash(source_record_id) in (select hash(email) from {SOURCE} where email is not null)"
)
# Who was seen with an address may no longer be.
_GIVEN_SQL = f"""(
    select email from {ARRIVING}
    union all
    select source_record_id from {NODE_STATES.name.sql}
    where source = '{EMAILS}' and row_hash <> {UNSEEN_HASH} and {_ON_RECORDS}
)"""
_LEFT_SQL = f"""
    select source, source_record_id, node, component
    from (from {NODE_STATES.name.sql} where source <> '{EMAILS}')
    anti join (select row_hash from {ROW_HASHES} union all select row_hash from {STATES})
        using (row_hash)
    union all
    select source, source_record_id, node, component
    from (from {NODE_STATES.name.sql} where source = '{EMAILS}')
    anti join (from {STATES} where source = '{EMAILS}') using (row_hash)
    where row_hash <> {UNSEEN_HASH} or not {_ON_RECORDS}
        or source_record_id in (select source_record_id from {STATES} where source = '{EMAILS}')
"""
