"""An append-only log in which every entry holds the hash of the one before.

Changing, removing or reordering an entry breaks the chain; cutting off its end, or writing all of it
anew, is seen by signed checkpoints (``audit_seal``).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from privacy.errors import AuditChainError
from privacy.inventory import AUDIT_LOG
from warehouse import Warehouse

_START = "0" * 64


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One act; the detail holds counts and statuses, never a personal value."""

    action: str
    subject: str
    detail: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class AuditHead:
    """The last entry of the log; position 0 and zeros while it is empty."""

    position: int
    entry_hash: str


def append_audit(
    warehouse: Warehouse, entries: Sequence[AuditEntry], *, now: datetime
) -> AuditHead:
    """Append entries; joins the transaction that records the acts themselves."""
    head = read_head(warehouse)
    rows: list[dict[str, object]] = []
    for entry in entries:
        row: dict[str, object] = {
            "position": head.position + 1,
            "action": entry.action,
            "subject": entry.subject,
            "detail": json.dumps(entry.detail, sort_keys=True),
            "done_at": now,
            "previous_hash": head.entry_hash,
        }
        head = AuditHead(head.position + 1, _entry_hash(row))
        rows.append({**row, "entry_hash": head.entry_hash})
    if rows:
        warehouse.append(AUDIT_LOG.name, pa.Table.from_pylist(rows))
    return head


def read_head(warehouse: Warehouse) -> AuditHead:
    """The last entry of the log."""
    last = warehouse.read(
        f"select position, entry_hash from {AUDIT_LOG.name.sql} order by position desc limit 1"
    ).to_pylist()
    return AuditHead(**last[0]) if last else AuditHead(0, _START)


def verify_audit(warehouse: Warehouse, *, anchors: Iterable[AuditHead] = ()) -> int:
    """Check the whole chain; return the number of entries.

    Args:
        warehouse: The engine.
        anchors: Entries that must be there, such as those that receipts name.

    Raises:
        AuditChainError: Something was changed; every problem at once.
    """
    rows = warehouse.read(f"select * from {AUDIT_LOG.name.sql} order by position").to_pylist()
    problems: list[str] = []
    previous = _START
    for expected, row in enumerate(rows, start=1):
        if row["position"] != expected:
            problems.append(f"entry {expected} is missing or out of order")
            break
        if row["previous_hash"] != previous or row["entry_hash"] != _entry_hash(row):
            problems.append(f"entry {expected} was changed")
        previous = row["entry_hash"]
    present = {(row["position"], row["entry_hash"]) for row in rows}
    problems += [
        f"entry {anchor.position}, which a receipt or the seal names, is not there"
        for anchor in anchors
        if anchor.position and (anchor.position, anchor.entry_hash) not in present
    ]
    if problems:
        raise AuditChainError(tuple(problems))
    return len(rows)


def _entry_hash(row: Mapping[str, object]) -> str:
    done_at = row["done_at"]
    hashed = {
        **{
            name: row[name] for name in ("position", "action", "subject", "detail", "previous_hash")
        },
        "done_at": done_at.isoformat() if isinstance(done_at, datetime) else str(done_at),
    }
    return hashlib.sha256(json.dumps(hashed, sort_keys=True).encode()).hexdigest()
