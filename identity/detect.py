"""Find what came, went or is not as the last run left it.

A record is told by a hash of all that was staged of it, a user, device or address by a hash of its
sightings. Addresses that only records hold are as many as records and all have the same hash, so
of these none is read but those of changed records.
"""

from __future__ import annotations

from identifiers import normalise_emails
from identity.block import KEYS, hash_of_value, key_column
from identity.fingerprint import IS_RECORD, ROW_HASHES
from identity.inventory import NODE_STATES, PREPARED
from identity.mailbox import NAMES_COLUMNS
from identity.nodes import EMAILS
from identity.observe import ADDRESSES, observe_events
from identity.prepare import keep_values, node_of
from identity.state import STATES, UNSEEN_HASH, hash_seen
from warehouse import Warehouse

# Nodes that came or are not as they were, and as they were if they were there.
CAME, LEFT = "identity_came_nodes", "identity_left_nodes"
# What was kept of records that are not as they were, as far as anything asks for it.
STALE_ROWS = "identity_stale_rows"
KEY_COLUMNS = ", ".join(f"key_{number}" for number in range(len(KEYS)))
STALE_COLUMNS = ", ".join(
    ("record", "user_id", "email", "phone", NAMES_COLUMNS, "is_spelled", KEY_COLUMNS)
)
# What is staged of the records among those that came.
ARRIVING = "identity_arriving_records"
_FURTHER = "identity_further_addresses"


def find_changes(warehouse: Warehouse) -> int:
    """Fill the tables of the nodes that came and left, and of sightings; return how many nodes.

    Of addresses, those are there that changed records, events or other tables tell.
    """
    warehouse.execute(
        f"create or replace temp table {ARRIVING} as select arriving.*, row_hash "
        f"from (select unnest(rows) as arriving, row_hash from {ROW_HASHES} where rows is not null)"
    )
    warehouse.execute(
        f"create or replace temp table {CAME} as select source, source_record_id, row_hash, "
        f"{node_of('source', 'source_record_id')} as node from {ARRIVING}"
    )
    warehouse.execute(
        f"create or replace temp table {LEFT} as select {_LEFT_COLUMNS} "
        f"from {NODE_STATES.name.sql} where row_hash in "
        f"(select gone from {ROW_HASHES} where gone is not null)"
    )
    warehouse.execute(
        f"create or replace temp table {STALE_ROWS} as select {STALE_COLUMNS} "
        f"from {PREPARED.name.sql} where record in (select node from {LEFT})"
    )
    _find_seen(warehouse)
    return int(
        warehouse.scalar(
            f"select count(*) from (from {CAME} select node union from {LEFT} select node)"
        )
    )


def _find_seen(warehouse: Warehouse) -> None:
    """Add the users, devices and addresses that came or left."""
    warehouse.execute(f"create or replace temp table {_SEEN} as {_SEEN_SQL}")
    observe_events(warehouse, records=_GIVEN_SQL)
    hash_seen(warehouse)
    warehouse.execute(
        f"insert into {CAME} select source, source_record_id, row_hash, "
        f"{node_of('source', 'source_record_id')} "
        f"from {STATES} anti join {NODE_STATES.name.sql} using (row_hash)"
    )
    warehouse.execute(f"create or replace temp table {_GONE} as {_GONE_SQL}")
    warehouse.execute(
        f"insert into {LEFT} "
        f"select {_LEFT_COLUMNS} from {_SEEN} anti join {STATES} using (row_hash) "
        f"union all select {_LEFT_COLUMNS} from {NODE_STATES.name.sql} "
        f"where row_hash = {UNSEEN_HASH} and source = '{EMAILS}' and {_IS_SEEN_NOW} "
        f"union all select {_LEFT_COLUMNS} from {_GONE} "
        f"where hash(source_record_id) not in (select email_hash from {ROW_HASHES} "
        f"where email_hash in (select hash(source_record_id) from {_GONE}))"
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
    """SQL of the addresses (``given``), as the last run knew them and still there, of some values.

    Args:
        values: Query of normalised addresses, one column.
    """
    key = hash_of_value("email", "value")
    return (
        f"select source_record_id as given from {NODE_STATES.name.sql} anti join {LEFT} using (node) "
        f"where source = '{EMAILS}' "
        f"and address_key in (select {key} from ({values}) as wanted(value))"
    )


def addresses_among(nodes: str) -> str:
    """SQL of the addresses (``given``) among some nodes that are still there.

    Args:
        nodes: Relation of nodes that the last run knew: node, source, source_record_id.
    """
    return (
        f"select source_record_id as given from {nodes} anti join {LEFT} using (node) "
        f"where source = '{EMAILS}'"
    )


def spelled_as_left() -> str:
    """SQL of the addresses (``given``) still there that are another spelling of one that left."""
    return f"""
        select source_record_id as given from {NODE_STATES.name.sql} anti join {LEFT} using (node)
        where source = '{EMAILS}' and address_key in (
            select address_key from {NODE_STATES.name.sql} semi join {LEFT} using (node)
            where source = '{EMAILS}'
        )
    """


def states_of(nodes: str) -> str:
    """SQL of the states (source, source_record_id, row_hash) of nodes that are there now.

    Args:
        nodes: Table of nodes as the last run left them: node, source, source_record_id, row_hash.
    """
    return f"""(
        select source, source_record_id, row_hash from {CAME} semi join {nodes} using (node)
        union all
        select source, source_record_id, row_hash from (from {nodes} where row_hash is not null)
        anti join {CAME} using (node) anti join {LEFT} using (node)
    )"""


_LEFT_COLUMNS = "source, source_record_id, node, component"
_SEEN = "identity_seen_before"
_GONE = "identity_perhaps_gone_addresses"
# Users, devices and those addresses that not only records told.
_SEEN_SQL = f"""
    select {_LEFT_COLUMNS}, row_hash from {NODE_STATES.name.sql}
    where not ({IS_RECORD}) and row_hash <> {UNSEEN_HASH}
"""
# An address that was seen may be on records alone now.
_GIVEN_SQL = f"""(
    select email from {ARRIVING}
    union all
    select source_record_id from {_SEEN} where source = '{EMAILS}'
        and hash(source_record_id) in (select email_hash from {ROW_HASHES})
)"""
_IS_SEEN_NOW = f"""
    source_record_id in (
        select source_record_id from {STATES}
        where source = '{EMAILS}' and row_hash <> {UNSEEN_HASH}
    )
"""
# Addresses of records that are not as they were, unless something changed tells them. Few are held by
# these: only of them are texts hashed.
_GONE_SQL = f"""
    with held as materialized (
        select {_LEFT_COLUMNS}, row_hash from {NODE_STATES.name.sql}
        where address_key in (
            select {key_column("email")} from {STALE_ROWS}
        )
    )
    select {_LEFT_COLUMNS} from held
    where source = '{EMAILS}' and row_hash = {UNSEEN_HASH}
        and source_record_id not in (
            select source_record_id from {STATES} where source = '{EMAILS}'
        )
"""
