"""Tell whether anything that identity reads has changed, whatever the order of the rows."""

from __future__ import annotations

import hashlib

from identity.config import IdentityConfig
from identity.inventory import NODE_STATES
from identity.nodes import DEVICES, EMAILS, USERS
from identity.observe import EVENTS, told_by
from identity.prepare import RECORD_COLUMNS, STAGED_RECORDS
from warehouse import Warehouse

# Raise it when the same input gives other persons than before.
_METHOD = 12
_EVENT_COLUMNS = (
    "anonymous_id", "user_id", "previous_id", "email", "type", "timezone", "occurred_at",
    "received_at", "source",
)  # fmt: skip
_DECISION_COLUMNS = (
    "decision_id", "decision", "left_source", "left_record_id", "right_source", "right_record_id",
    "decided_at", "revoked_at",
)  # fmt: skip


ROW_HASHES = "identity_row_hashes"
# Of a kept state; others are of users, devices and addresses.
IS_RECORD = f"source not in ('{USERS}', '{EMAILS}', '{DEVICES}')"
# The hash of all that identity reads of a staged record.
ROW_HASH = f"hash({', '.join(RECORD_COLUMNS)})"


def fingerprint_records(warehouse: Warehouse, config: IdentityConfig, *, settings: str) -> str:
    """Name the records and the configuration: what trained parameters depend on.

    Fills the temporary table of the records' own hashes: row_hash, email_hash, rows (of a record that
    the last run did not leave so, a list of what is staged of it; else null), and a row without
    row_hash for each record that is not as the last run left it: gone, its hash then. Staged records
    are a view that ranks all versions: what has changed is found without looking at it again.
    """
    is_kept = warehouse.scalar(f"select exists (from {NODE_STATES.name.sql})")
    warehouse.execute(
        f"create or replace temp table {ROW_HASHES} as {_COMPARED_SQL if is_kept else _ALL_NEW_SQL}"
    )
    rows = warehouse.scalar(
        f"select count(row_hash) || '|' || coalesce(sum(row_hash), 0) from {ROW_HASHES}"
    )
    return _digest(f"{_METHOD}|{config.model_dump_json()}|{settings}|{rows}")


def fingerprint_input(warehouse: Warehouse, *, records: str) -> str:
    """Name everything that a run reads.

    Args:
        warehouse: Holds the staged tables and the decisions.
        records: The fingerprint of the records and the configuration.
    """
    events = _sum_of_rows(warehouse, EVENTS, _EVENT_COLUMNS)
    decisions = _sum_of_rows(warehouse, "identity.decisions", _DECISION_COLUMNS)
    told = [_sum_of_rows(warehouse, table.sql, ("person_email",)) for table in told_by(warehouse)]
    return _digest(f"{records}|{events}|{decisions}|{told}")


def _sum_of_rows(warehouse: Warehouse, table: str, columns: tuple[str, ...]) -> str:
    listed = ", ".join(columns)
    return str(
        warehouse.scalar(f"select count(*) || '|' || coalesce(sum(hash({listed})), 0) from {table}")
    )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


_HASHED_SQL = f"(select {', '.join(RECORD_COLUMNS)}, {ROW_HASH} as row_hash from {STAGED_RECORDS})"
_PACKED_SQL = ", ".join(f"'{name}': {name}" for name in RECORD_COLUMNS)
# One join tells what came and what is gone: of a million rows each hash is looked up once.
_COMPARED_SQL = f"""
    select staged.row_hash, hash(email) as email_hash,
        case when kept.row_hash is null then [{{{_PACKED_SQL}}}] end as rows,
        case when staged.row_hash is null then kept.row_hash end as gone
    from {_HASHED_SQL} as staged
    full join (select row_hash from {NODE_STATES.name.sql} where {IS_RECORD}) as kept
        on kept.row_hash = staged.row_hash
"""
# Without a run before nothing is asked of a single record.
_ALL_NEW_SQL = f"""
    select row_hash, hash(email) as email_hash, case when false then [{{{_PACKED_SQL}}}] end as rows,
        null::ubigint as gone
    from {_HASHED_SQL}
"""
