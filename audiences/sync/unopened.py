"""Record a sync that could not be opened or begun, so that nobody takes its silence for success."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa

from audiences.inventory import RUNS, TABLES
from audiences.sync.config import Sync
from audiences.sync.run import SyncReport
from warehouse import Warehouse

_COUNTS = (
    "added", "changed", "removed", "rejected", "unanswered", "held_out", "no_consent",
    "suppressed", "unreachable", "held",
)  # fmt: skip


def record_unopened(
    warehouse: Warehouse, sync: Sync, code: str, *, run_id: str, now: dt.datetime
) -> SyncReport:
    """Write a failed run in which nothing was planned or sent, and report it.

    Args:
        warehouse: The engine.
        sync: The sync that could not run.
        code: Why: ``missing_secret``, ``invalid_secret`` or ``invalid_sync``.
        run_id: The run to name.
        now: Time to record, UTC without a zone.
    """
    warehouse.create_missing(TABLES)
    counts = dict.fromkeys(_COUNTS, 0)
    row = {
        **counts,
        "run_id": run_id,
        "sync_key": sync.key,
        "destination_key": sync.destination,
        "audience_key": sync.audience,
        "status": "failed",
        "code": code,
        "started_at": now,
        "finished_at": now,
    }
    warehouse.replace_where(
        RUNS.name,
        "run_id = $run_id and sync_key = $sync_key",
        pa.Table.from_pylist([row]),
        {"run_id": run_id, "sync_key": sync.key},
    )
    return SyncReport(
        sync_key=sync.key,
        destination_key=sync.destination,
        status="failed",
        code=code,
        problems=(),
        **counts,
    )
