"""Find which records must be looked at anew because of what has changed since the last run.

Besides the changed records themselves these are the records for which something changed that they
have in common with others: a value became shared or is no longer, a mailbox spells a name that
came or went, a block of candidates became too large or small enough to be compared.
"""

from __future__ import annotations

from collections.abc import Sequence

from identity.config import IdentityConfig
from identity.frequencies import apply_frequencies
from identity.inventory import DECISIONS, NODE_STATES, PREPARED
from identity.knowledge import Knowledge
from identity.mailbox import NAMES_COLUMNS, read_mailboxes, spellings_of
from identity.prepare import RECORDS, SOURCE, complete_names, node_of, prepare_records
from identity.share import SHARED, find_shared, mark_records
from identity.state import FIELDS, STATES
from warehouse import Warehouse

# Nodes that came or are not as they were, and as they were if they were there.
CAME, LEFT = "identity_came_nodes", "identity_left_nodes"
# Everything that a change may reach; of these the records whose pairs are weighed anew.
TOUCHED, REWEIGHED = "identity_touched_nodes", "identity_reweighed_records"
# The same with their names: node, source, source_record_id.
REWEIGHED_NODES = "identity_reweighed_nodes"
# Records whose prepared row holds no longer, and a view of all other prepared rows.
STALE, KEPT = "identity_stale_records", "identity_kept_records"
VALUES = "identity_touched_values"
_ADDED, _HOLDERS = "identity_added_records", "identity_value_holders"

_LATER = frozenset(
    ("first_name_count", "first_name_rarity", "given_name_rarity", "last_name_rarity")
)
_NAMES = tuple(NAMES_COLUMNS.split(", "))
_EARLY = ", ".join(name for name in FIELDS if name not in {"record", *_LATER})


def find_changes(warehouse: Warehouse) -> int:
    """Fill the temporary tables of the nodes that came and left; return how many there are."""
    warehouse.execute(
        f"create or replace temp table {CAME} as select source, source_record_id, "
        f"{node_of('source', 'source_record_id')} as node "
        f"from {STATES} anti join {NODE_STATES.name.sql} using (row_hash)"
    )
    warehouse.execute(
        f"create or replace temp table {LEFT} as select source, source_record_id, node, component "
        f"from {NODE_STATES.name.sql} anti join {STATES} using (row_hash)"
    )
    return int(
        warehouse.scalar(
            f"select count(*) from (from {CAME} select node union from {LEFT} select node)"
        )
    )


def prepare_touched(
    warehouse: Warehouse, config: IdentityConfig, known: Knowledge, *, default_region: str
) -> None:
    """Fill the temporary table of records with all whose pairs are to be weighed anew."""
    warehouse.execute(
        f"create or replace temp table identity_arriving_records as "
        f"select * from {SOURCE} semi join {CAME} using (source, source_record_id)"
    )
    prepare_records(
        warehouse, default_region=default_region, order=known.word_order,
        staged="identity_arriving_records",
    )  # fmt: skip
    _set_aside(warehouse)
    _read_mailboxes(warehouse)
    complete_names(warehouse)
    apply_frequencies(warehouse, known.frequencies)
    _judge_values(warehouse, config)
    warehouse.execute(
        f"create or replace temp table {REWEIGHED} as "
        f"select record from {RECORDS} union select record from {STALE}"
    )
    warehouse.execute(
        f"create or replace temp table {REWEIGHED_NODES} as "
        f"select record as node, source, source_record_id from {RECORDS} "
        f"union select node, source, source_record_id from {LEFT}"
    )
    warehouse.execute(f"insert into {TOUCHED} select record from {REWEIGHED}")


def add_kept(warehouse: Warehouse, which: str, *, columns: Sequence[str] = FIELDS) -> None:
    """Add kept rows to the records.

    Args:
        warehouse: Holds the kept rows.
        which: Relation of ``record``; those that are there already are left out.
        columns: What to read of them; the rest is null.
    """
    # A table of their numbers alone lets the engine skip what is not asked for as it reads.
    warehouse.execute(
        f"create or replace temp table {_ADDED} as select distinct record from {which} "
        f"anti join {RECORDS} using (record) anti join {STALE} using (record)"
    )
    warehouse.execute(
        f"insert into {RECORDS} by name select {', '.join(columns)} from {PREPARED.name.sql} "
        f"semi join {_ADDED} using (record)"
    )


def _set_aside(warehouse: Warehouse) -> None:
    """Begin the lists of touched nodes and of prepared rows that hold no longer."""
    warehouse.execute(f"create or replace temp table {STALE} as select node as record from {LEFT}")
    warehouse.execute(
        f"create or replace temp view {KEPT} as "
        f"select * from {PREPARED.name.sql} anti join {STALE} using (record)"
    )
    # Decisions are few, and who was decided upon is looked at in every run.
    warehouse.execute(
        f"""
        create or replace temp table {TOUCHED} as
        select node from {CAME} union select node from {LEFT}
        union select {node_of("left_source", "left_record_id")} from {DECISIONS.name.sql}
        union select {node_of("right_source", "right_record_id")} from {DECISIONS.name.sql}
        """
    )


def _touch_records(warehouse: Warehouse, which: str) -> None:
    """Take kept records up among those that are looked at anew."""
    add_kept(warehouse, which)
    warehouse.execute(f"insert into {STALE} select record from {which}")
    warehouse.execute(f"insert into {TOUCHED} select record from {which}")


def _read_mailboxes(warehouse: Warehouse) -> None:
    """Read the mailboxes of what came, and of records for whose mailbox a name came or went."""
    own = f"select {NAMES_COLUMNS} from {{}} where last_name is not null"
    came = own.format(RECORDS)
    left = f"{own.format(_STALE_ROWS)} and not is_spelled"
    warehouse.execute(
        f"create or replace temp table identity_changed_names as "
        f"({came} except {left}) union ({left} except {came})"
    )
    lacking = f"(select mailbox from {KEPT} where is_spelled or last_name is null)"
    warehouse.execute(
        f"create or replace temp table identity_lacking_records as select record from {KEPT} "
        f"where (is_spelled or last_name is null) and mailbox in "
        f"(select letters from ({spellings_of('identity_changed_names', only=lacking)}))"
    )
    warehouse.execute(
        f"""
        insert into {RECORDS} by name
        select * replace (
            null as last_name, told_first_name as first_name, told_initial as initial,
            case when told_first_name is not null then given_name end as given_name,
            false as is_spelled, false as mailbox_names_owner
        ) from (
            select record, {_EARLY} from {PREPARED.name.sql}
            semi join identity_lacking_records using (record)
        )
        """
    )
    warehouse.execute(f"insert into {STALE} select record from identity_lacking_records")
    kept = f"select {NAMES_COLUMNS} from {KEPT} where last_name is not null and not is_spelled"
    read_mailboxes(warehouse, names=f"({came} union all {kept})")
    _put_back(warehouse)


def _put_back(warehouse: Warehouse) -> None:
    """Leave alone the records whose mailbox is read as before."""
    same = " and ".join(
        f"now.{name} is not distinct from kept.{name}" for name in (*_NAMES, "is_spelled")
    )
    warehouse.execute(
        f"create or replace temp table identity_unmoved_records as select record "
        f"from {RECORDS} as now semi join identity_lacking_records using (record) "
        f"join {PREPARED.name.sql} as kept using (record) where {same}"
    )
    for table in (RECORDS, STALE):
        warehouse.execute(
            f"delete from {table} where record in (select record from identity_unmoved_records)"
        )


def _judge_values(warehouse: Warehouse, config: IdentityConfig) -> None:
    """Tell which values of the touched records are shared, and touch who is told otherwise."""
    warehouse.execute(f"create or replace temp table {VALUES} as {_VALUES_SQL}")
    warehouse.execute(f"create or replace temp table {_HOLDERS} as {_HOLDERS_SQL}")
    holders = f"""(
        select email, phone, given_name, last_name, birth_date from {RECORDS}
        union all select email, phone, given_name, last_name, birth_date from {_HOLDERS}
    )"""
    find_shared(warehouse, config, holders)
    warehouse.execute(f"create or replace temp table identity_retold_records as {_RETOLD_SQL}")
    _touch_records(warehouse, "identity_retold_records")
    # Of a holder that was taken up for one value the other was not looked at.
    mark_records(
        warehouse,
        f"{{0}} in (select identifier_value from {VALUES} where identifier_type = '{{0}}')",
    )


def _has_value(column: str) -> str:
    return f"{column} in (select identifier_value from {VALUES} where identifier_type = '{column}')"


_STALE_ROWS = f"(select * from {PREPARED.name.sql} semi join {STALE} using (record))"

# Values of touched records, as they are and as they were.
_VALUES_SQL = " union ".join(
    f"select '{column}' as identifier_type, {column} as identifier_value "
    f"from {rows} where {column} is not null"
    for column in ("email", "phone")
    for rows in (RECORDS, _STALE_ROWS)
)

_HOLDERS_SQL = f"""
    select record, email, phone, given_name, last_name, birth_date, email_is_shared, phone_is_shared
    from {KEPT} where {_has_value("email")} or {_has_value("phone")}
"""

_RETOLD_SQL = " union ".join(
    f"select record from {_HOLDERS} where {_has_value(column)} and {column}_is_shared <> "
    f"({column} in (select identifier_value from {SHARED} where identifier_type = '{column}'))"
    for column in ("email", "phone")
)
