"""Forget finished runs of Dagster: their events, their logs, and what their steps left behind."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from typing import cast

import dagster as dg
from dagster._core.storage.event_log.schema import (
    AssetCheckExecutionsTable,
    AssetKeyTable,
    SqlEventLogStorageTable,
)
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage

from settings import Paths

# A run that has not ended is never forgotten.
ENDED = (
    dg.DagsterRunStatus.SUCCESS,
    dg.DagsterRunStatus.FAILURE,
    dg.DagsterRunStatus.CANCELED,
)


def count_old_runs(instance: dg.DagsterInstance, *, before: datetime) -> int:
    """How many runs ended before a moment, UTC without a zone."""
    return len(_old_runs(instance, before))


def _old_runs(instance: dg.DagsterInstance, before: datetime) -> list[str]:
    old = dg.RunsFilter(statuses=list(ENDED), updated_before=before.replace(tzinfo=UTC))
    return [record.dagster_run.run_id for record in instance.get_run_records(filters=old)]


def remove_old_runs(instance: dg.DagsterInstance, paths: Paths, *, before: datetime) -> int:
    """Remove every run that ended before a moment; return how many.

    The last materialization of a table goes with its run: the graph then shows none, until the
    next run. What a check found goes with the run that asked it. What was reported without a run,
    such as a materialization by hand in the UI, goes by its own moment once it is the last.

    Args:
        instance: The instance of the data home.
        paths: The folders of the company.
        before: UTC without a zone.
    """
    run_ids = _old_runs(instance, before)
    for run_id in run_ids:
        instance.event_log_storage.delete_events(run_id)
        _forget_checks(instance, run_id)
        shutil.rmtree(paths.dagster / "storage" / run_id, ignore_errors=True)
        for path in (paths.dagster / "history" / "runs").glob(f"{run_id}.db*"):
            path.unlink()
        # Last: what a kill leaves is found by it the next time.
        instance.run_storage.delete_run(run_id)
    _forget_last_seen(instance, before.replace(tzinfo=UTC).timestamp())
    return len(run_ids)


def _forget_checks(instance: dg.DagsterInstance, run_id: str) -> None:
    """Forget what the checks of a run found: Dagster keeps it apart from the events of the run."""
    checks = AssetCheckExecutionsTable
    with _storage(instance).index_connection() as connection:
        connection.execute(checks.delete().where(checks.c.run_id == run_id))


def _forget_last_seen(instance: dg.DagsterInstance, before: float) -> None:
    """Forget the copy that Dagster keeps of a table's last materialization, once its run is gone."""
    for record in instance.event_log_storage.get_asset_records():
        last = record.asset_entry.last_materialization
        if last is None:
            continue
        if last.timestamp < before if not last.run_id else not instance.has_run(last.run_id):
            # Dagster's own way, `wipe_asset`, takes along what younger runs checked.
            _clear_copy(_storage(instance), record.asset_entry.asset_key, last.run_id)


def _clear_copy(storage: SqlEventLogStorage, key: dg.AssetKey, run_id: str) -> None:
    keys, events = AssetKeyTable, SqlEventLogStorageTable
    gone = {"last_materialization": None, "last_run_id": None, "cached_status_data": None}
    its_events = events.delete().where(
        events.c.asset_key == key.to_string(), events.c.run_id == run_id
    )
    with storage.index_connection() as connection:
        connection.execute(keys.update().values(gone).where(keys.c.asset_key == key.to_string()))
        connection.execute(its_events)
    if not run_id:
        with storage.run_connection(run_id) as connection:
            connection.execute(its_events)


def _storage(instance: dg.DagsterInstance) -> SqlEventLogStorage:
    """Where a data home keeps events: SQLite."""
    return cast("SqlEventLogStorage", instance.event_log_storage)
