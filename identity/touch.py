"""Find which records must be looked at anew because of what has changed since the last run.

Besides the changed records themselves these are the records for which something changed that they
have in common with others: a value became shared or is no longer, a mailbox spells a name that
came or went, a block of candidates became too large or small enough to be compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from identity.block import KEYS, holds_one_of, key_hash
from identity.config import IdentityConfig
from identity.detect import ARRIVING, CAME, LEFT, STALE_COLUMNS, STALE_ROWS
from identity.frequencies import apply_frequencies
from identity.inventory import DECISIONS, PREPARED
from identity.knowledge import Knowledge
from identity.mailbox import NAME_KEY, NAMES_COLUMNS, read_mailboxes, spellings_of
from identity.prepare import RECORDS, complete_names, node_of, prepare_records
from identity.share import SHARED, find_shared, mark_records
from identity.state import FIELDS
from warehouse import Warehouse

# Everything that a change may reach; of these the records whose pairs are weighed anew.
TOUCHED, REWEIGHED = "identity_touched_nodes", "identity_reweighed_records"
# The same with their names: node, source, source_record_id.
REWEIGHED_NODES = "identity_reweighed_nodes"
# Records whose prepared row holds no longer.
STALE = "identity_stale_records"
VALUES = "identity_touched_values"
_ADDED, _HOLDERS = "identity_added_records", "identity_value_holders"

_NAMES = tuple(NAMES_COLUMNS.split(", "))
# How usual names and birth dates are is told later.
_LATER = frozenset({
    "first_name_count", "last_name_count", "first_name_rarity", "given_name_rarity",
    "last_name_rarity", "birth_date_rarity",
})  # fmt: skip
_EARLY = tuple(name for name in FIELDS if name not in _LATER)


def prepare_touched(
    warehouse: Warehouse,
    config: IdentityConfig,
    known: Knowledge,
    *,
    default_region: str,
    latest_birth: date,
) -> None:
    """Fill the temporary table of records with all whose pairs are to be weighed anew."""
    prepare_records(
        warehouse, default_region=default_region, reading=known.reading,
        latest_birth=latest_birth, staged=ARRIVING,
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


def add_kept(warehouse: Warehouse, which: str) -> None:
    """Add kept rows to the records.

    Args:
        warehouse: Holds the kept rows.
        which: Relation of ``record``; those that are there already are left out.
    """
    # A table of their numbers alone lets the engine skip what is not asked for as it reads.
    warehouse.execute(
        f"create or replace temp table {_ADDED} as select distinct record from {which} "
        f"anti join {RECORDS} using (record) anti join {STALE} using (record)"
    )
    warehouse.execute(
        f"insert into {RECORDS} by name select {', '.join(FIELDS)} from {PREPARED.name.sql} "
        f"semi join {_ADDED} using (record)"
    )


def kept_where(columns: str, condition: str) -> str:
    """SQL of the kept rows for which a condition holds; ``record`` must be among the columns."""
    return (
        f"select * from (select {columns} from {PREPARED.name.sql} where {condition}) "
        f"anti join {STALE} using (record)"
    )


def _set_aside(warehouse: Warehouse) -> None:
    """Begin the lists of touched nodes and of prepared rows that hold no longer."""
    warehouse.execute(f"create or replace temp table {STALE} as select node as record from {LEFT}")
    # Decisions are few, and who was decided upon is looked at in every run.
    warehouse.execute(
        f"""
        create or replace temp table {TOUCHED} as
        select node from {CAME} union select node from {LEFT}
        union select {node_of("left_source", "left_record_id")} from {DECISIONS.name.sql}
        union select {node_of("right_source", "right_record_id")} from {DECISIONS.name.sql}
        """
    )


def _take_up(
    warehouse: Warehouse, which: str, *, columns: Sequence[str] = FIELDS, replacing: str = ""
) -> None:
    """Take kept records up among those that are looked at anew.

    Args:
        warehouse: Holds the kept rows.
        which: Table of ``record`` and of the columns that ``replacing`` names; seldom any row.
        columns: What the records hold so far.
        replacing: SQL of columns that are not as they were kept.
    """
    if not warehouse.scalar(f"select count(*) from {which}"):
        return
    # Found by their places in the table: of all columns no more is read than holds them.
    warehouse.execute(
        f"create or replace temp table {_TAKEN} as select * from {PREPARED.name.sql} "
        f"where rowid in (select kept.rowid from {PREPARED.name.sql} as kept semi join {which} using (record))"
    )
    warehouse.execute(f"insert into {STALE_ROWS} select {STALE_COLUMNS} from {_TAKEN}")
    warehouse.execute(f"insert into {STALE} select record from {_TAKEN}")
    warehouse.execute(f"insert into {TOUCHED} select record from {_TAKEN}")
    warehouse.execute(
        f"insert into {RECORDS} by name select {', '.join(columns)} from ("
        f"select taken.* {replacing} from {_TAKEN} as taken join {which} as told using (record))"
    )


def _read_mailboxes(warehouse: Warehouse) -> None:
    """Read the mailboxes of what came, and of records for whose mailbox a name came or went."""
    warehouse.execute(f"create or replace temp table {_CHANGED_NAMES} as {_CHANGED_NAMES_SQL}")
    warehouse.execute(
        f"delete from {_CHANGED_NAMES} where ({NAMES_COLUMNS}) in "
        f"(select ({NAMES_COLUMNS}) from ({_BORNE_SQL}))"
    )
    spelled = holds_one_of("mailbox", f"select letters from ({spellings_of(_CHANGED_NAMES)})")
    warehouse.execute(
        f"create or replace temp table {_LACKING} as "
        + kept_where(
            f"record, mailbox, {NAMES_COLUMNS}, told_first_name, told_initial, is_spelled",
            f"(is_spelled or last_name is null) and {spelled}",
        )
    )
    warehouse.execute(
        f"""
        insert into {RECORDS} by name
        select record, mailbox, told_first_name as first_name, told_initial as initial,
            case when told_first_name is not null then given_name end as given_name,
            false as is_spelled
        from {_LACKING}
        """
    )
    warehouse.execute(f"create or replace temp table {_SURNAMES} as {_SURNAMES_SQL}")
    read_mailboxes(warehouse, names=f"({_OWN_NAMES} union all {_FITTING_NAMES_SQL})")
    warehouse.execute(f"create or replace temp table {_MOVED} as {_MOVED_SQL}")
    warehouse.execute(f"delete from {RECORDS} where record in (select record from {_LACKING})")
    told = ", ".join(f"told.{name} as {name}" for name in (*_NAMES, "is_spelled"))
    _take_up(
        warehouse, _MOVED, columns=_EARLY,
        replacing=f"replace ({told}, false as mailbox_names_owner)",
    )  # fmt: skip


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
    _take_up(warehouse, "identity_retold_records")
    # Of a holder that was taken up for one value the other was not looked at.
    mark_records(
        warehouse,
        f"{{0}} in (select identifier_value from {VALUES} where identifier_type = '{{0}}')",
    )


_CHANGED_NAMES = "identity_changed_names"
# Records for whose mailbox a name came or went, and those of them that are read otherwise now.
_LACKING, _MOVED = "identity_lacking_records", "identity_moved_records"
_TAKEN, _SURNAMES = "identity_taken_records", "identity_wanted_surnames"
_OWN_NAMES = f"select {NAMES_COLUMNS} from {RECORDS} where last_name is not null"
_LEFT_NAMES = (
    f"select {NAMES_COLUMNS} from {STALE_ROWS} where last_name is not null and not is_spelled"
)
# Names of touched records, as they are or were; without a first name none spells a mailbox.
_CHANGED_NAMES_SQL = f"""
    select * from (
        ({_OWN_NAMES} except {_LEFT_NAMES}) union ({_LEFT_NAMES} except {_OWN_NAMES})
    ) where first_name is not null
"""
_MOVED_SQL = f"""
    select record, {", ".join(f"now.{name}" for name in (*NAMES_COLUMNS.split(", "), "is_spelled"))}
    from {RECORDS} as now join {_LACKING} as kept using (record)
    where {
    " or ".join(
        f"now.{name} is distinct from kept.{name}"
        for name in (*NAMES_COLUMNS.split(", "), "is_spelled")
    )
}
"""
# What somebody else bears neither came nor went.
_FULL_NAME = next(number for number, key in enumerate(KEYS) if key.name == "full name")
_BORNE_SQL = kept_where(
    f"record, {NAMES_COLUMNS}",
    f"not is_spelled and key_{_FULL_NAME} in (select {key_hash(_FULL_NAME)} from {_CHANGED_NAMES})",
)
# Initials and surnames that a mailbox that is to be read may spell, and the names that have them.
_SURNAMES_SQL = f"""
    with sized as (
        select mailbox, unnest(generate_series(3, length(mailbox) - 1)) as size
        from {RECORDS} where last_name is null
    )
    select left(mailbox, 1) as initial, right(mailbox, size) as last_name from sized
    union select mailbox[size + 1], left(mailbox, size) from sized
"""
_FITTING_NAMES_SQL = (
    f"select {NAMES_COLUMNS} from {PREPARED.name.sql} anti join {STALE} using (record) "
    f"where not is_spelled and name_key in (select {NAME_KEY} from {_SURNAMES})"
)

# Values of touched records, as they are and as they were.
_VALUES_SQL = " union ".join(
    f"select '{column}' as identifier_type, {column} as identifier_value "
    f"from {rows} where {column} is not null"
    for column in ("email", "phone")
    for rows in (RECORDS, STALE_ROWS)
)

_HOLDERS_SQL = " union ".join(
    kept_where(
        "record, email, phone, given_name, last_name, birth_date, email_is_shared, phone_is_shared",
        holds_one_of(
            column, f"select identifier_value from {VALUES} where identifier_type = '{column}'"
        ),
    )
    for column in ("email", "phone")
)

_RETOLD_SQL = " union ".join(
    f"select record from {_HOLDERS} where {column} in (select identifier_value from {VALUES} where identifier_type = '{column}') "
    f"and {column}_is_shared <> "
    f"({column} in (select identifier_value from {SHARED} where identifier_type = '{column}'))"
    for column in ("email", "phone")
)
