"""What the latest runs of the syncs came to."""

from __future__ import annotations

from typing import Any

from audiences.inventory import RUNS, TABLES
from warehouse import Warehouse

_COLUMNS = (
    "sync_key as sync, status, added, changed, removed, rejected, unanswered, held_out, "
    "no_consent, suppressed, unreachable, held, code, started_at, run_id"
)


def read_runs(warehouse: Warehouse, *, last: int = 1, run_id: str | None = None) -> Any:
    """Read what was sent, the latest first.

    Args:
        warehouse: The engine.
        last: How many runs of each sync.
        run_id: Only this run; None for any.

    Returns:
        An Arrow table, one row per sync and run: sync, status (running where it was killed),
        added, changed, removed, rejected, unanswered, held_out, no_consent, suppressed,
        unreachable, held, code, started_at, run_id.
    """
    warehouse.create_missing(TABLES)
    return warehouse.read(
        f"""
        select {_COLUMNS}
        from {RUNS.name.sql}
        where run_id = coalesce($run_id, run_id)
        qualify row_number() over (partition by sync_key order by started_at desc, run_id) <= $last
        order by started_at desc, sync_key
        """,
        {"last": last, "run_id": run_id},
    )
