"""Forget finished runs of Dagster: their events, their logs, and what their steps left behind."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime

import dagster as dg

from settings import Paths

# A run that has not ended is never forgotten.
ENDED = (
    dg.DagsterRunStatus.SUCCESS,
    dg.DagsterRunStatus.FAILURE,
    dg.DagsterRunStatus.CANCELED,
)


def remove_old_runs(instance: dg.DagsterInstance, paths: Paths, *, before: datetime) -> int:
    """Remove every run that ended before a moment; return how many.

    The last materialization of a table goes with its run: the graph then shows none, until the
    next run.

    Args:
        instance: The instance of the data home.
        paths: The folders of the company.
        before: UTC without a zone.
    """
    old = dg.RunsFilter(statuses=list(ENDED), updated_before=before.replace(tzinfo=UTC))
    run_ids = [record.dagster_run.run_id for record in instance.get_run_records(filters=old)]
    for run_id in run_ids:
        instance.event_log_storage.delete_events(run_id)
        shutil.rmtree(paths.dagster / "storage" / run_id, ignore_errors=True)
        for path in (paths.dagster / "history" / "runs").glob(f"{run_id}.db*"):
            path.unlink()
        # Last: what a kill leaves is found by it the next time.
        instance.run_storage.delete_run(run_id)
    _forget_last_seen(instance)
    return len(run_ids)


def _forget_last_seen(instance: dg.DagsterInstance) -> None:
    """Forget the copy that Dagster keeps of a table's last materialization, once its run is gone."""
    for record in instance.event_log_storage.get_asset_records():
        last = record.asset_entry.last_materialization
        if last is not None and not instance.has_run(last.run_id):
            instance.event_log_storage.wipe_asset(record.asset_entry.asset_key)
