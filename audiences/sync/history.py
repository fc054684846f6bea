"""What the latest runs of the syncs came to."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from audiences.inventory import BATCHES, LEDGER, ROW_RESULTS, RUNS, TABLES
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


def read_left_behind(warehouse: Warehouse, configured: Collection[str]) -> Any:
    """Count the persons whom syncs sent that are no longer configured: nothing takes them out.

    Args:
        warehouse: The engine.
        configured: Keys of the syncs of today's configuration.

    Returns:
        An Arrow table, one row per such sync whose destination may still hold somebody: sync,
        destination, persons.
    """
    warehouse.create_missing(TABLES)
    return warehouse.read(
        f"""
        select sync_key as sync, max(destination_key) as destination, count(*) as persons
        from {LEDGER.name.sql}
        where is_present and not list_contains($configured, sync_key)
        group by sync_key
        order by sync_key
        """,
        {"configured": list(configured)},
    )


def read_row_errors(warehouse: Warehouse, sync_key: str, *, run_id: str) -> Any:
    """Count the rows that one run of a sync left undone, by why.

    Args:
        warehouse: The engine.
        sync_key: The sync.
        run_id: The run.

    Returns:
        An Arrow table, one row per operation, status (rejected, refused, voided: doubtful, pending:
        without an answer) and reason: operation, status, reason, rows. A reason is a code; whatever
        does not look like one is told as ``other``. The most frequent first.
    """
    return warehouse.read(
        f"""
        select operation, results.status,
            case when regexp_full_match(why, '[A-Za-z][A-Za-z0-9_]{{0,63}}') then why
                when why is null then 'none' else 'other' end as reason,
            count(*) as rows
        from (
            select *, coalesce(reason, batches.code) as why
            from {ROW_RESULTS.name.sql} as results
            inner join (select batch_id, code from {BATCHES.name.sql}) as batches using (batch_id)
        ) as results
        inner join {RUNS.name.sql} as runs using (sync_key)
        where sync_key = $sync_key and runs.run_id = $run_id
            and results.status <> 'acknowledged' and operation <> 'erase'
            and (recorded_at = started_at or results.status = 'pending')
        group by all
        order by rows desc, operation, results.status, reason
        """,
        {"sync_key": sync_key, "run_id": run_id},
    )
