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
_METHOD = 9
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
    the last run did not leave so, a list of what is staged of it; else null). Staged records are a
    view that ranks all versions: what has changed is found without looking at it again.
    """
    packed = ", ".join(f"'{name}': {name}" for name in RECORD_COLUMNS)
    is_known = f"row_hash in (select row_hash from {NODE_STATES.name.sql} where {IS_RECORD})"
    if not warehouse.scalar(f"select exists (from {NODE_STATES.name.sql})"):
        is_known = "true"
    warehouse.execute(
        f"create or replace temp table {ROW_HASHES} as "
        f"select row_hash, hash(email) as email_hash, case when not ({is_known}) then [{{{packed}}}] end as rows "
        f"from (select {', '.join(RECORD_COLUMNS)}, {ROW_HASH} as row_hash from {STAGED_RECORDS})"
    )
    rows = warehouse.scalar(
        f"select count(*) || '|' || coalesce(sum(row_hash), 0) from {ROW_HASHES}"
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
