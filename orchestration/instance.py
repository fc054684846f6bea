"""The Dagster instance of a data home: the one that the UI shows and ``candor run`` writes to."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import dagster as dg
from dagster._core.instance.ref import InstanceRef

from settings import Paths

DAGSTER_YAML = """\
# Written by candor. One run at a time: DuckDB has one writer.
telemetry:
  enabled: false
concurrency:
  runs:
    max_concurrent_runs: 1
retention:
  schedule: {purge_after_days: 90}
  sensor:
    purge_after_days: {skipped: 7, failure: 30, success: 30}
"""

# Where Dagster finds the storage of a run that writes many events.
KEPT_OPEN = "orchestration.event_log"

# Tag of runs that have held the run lock.
HOLDS_LOCK = {"candor/run_lock": "held"}

# A run takes the lock or fails within this time of its start: it loads the definitions (60 s of
# processor time were measured), then waits up to 30 s for the lock.
TIME_TO_START = timedelta(minutes=15)

# In these states a run believes that a process works on it.
UNFINISHED = (
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)


@contextmanager
def owner_only() -> Iterator[None]:
    """Let nobody but the owner read what is written meanwhile: dbt and Dagster ask for no modes."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


@contextmanager
def open_instance(paths: Paths, *, keep_open: bool = False) -> Iterator[dg.DagsterInstance]:
    """Open the instance in the data home, made on first use.

    Args:
        paths: The folders of the company.
        keep_open: Keep the files of its events open, for a run that writes many.
    """
    prepare_instance(paths)
    folder = str(paths.dagster)
    kept = {"module": KEPT_OPEN, "class": "KeptOpenStorage", "config": {"base_dir": folder}}
    storage = {"storage": {"custom": kept}} if keep_open else {}
    with dg.DagsterInstance.from_ref(InstanceRef.from_dir(folder, overrides=storage)) as instance:
        yield instance


def prepare_instance(paths: Paths) -> None:
    """Write ``dagster.yaml`` and point this process and its children at the home."""
    paths.make_home()
    settings = paths.dagster / "dagster.yaml"
    if not settings.exists() or settings.read_text(encoding="utf-8") != DAGSTER_YAML:
        settings.write_text(DAGSTER_YAML, encoding="utf-8")
    # Dagster's UI greets new users with a form for their e-mail address unless this file is there.
    greeted = paths.dagster / ".nux" / "nux.yaml"
    greeted.parent.mkdir(exist_ok=True)
    greeted.write_text("seen: 1\n", encoding="utf-8")
    os.environ.update(paths.as_environment())
    os.environ["DAGSTER_HOME"] = str(paths.dagster)
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    os.environ["DO_NOT_TRACK"] = "1"


def close_orphans(instance: dg.DagsterInstance, *, but: str | None = None) -> int:
    """Mark runs whose process was killed as failed; call it only while holding the run lock.

    A run is marked once it holds the lock, so that whoever holds it now knows: no marked run that
    is not finished has a process any more. One that is not marked may still start or wait for the
    lock; it is closed when nothing was heard of it for longer than that takes.

    Args:
        instance: The instance of the data home.
        but: The run that asks.

    Returns:
        How many runs were closed.
    """
    unfinished = dg.RunsFilter(statuses=list(UNFINISHED))
    overdue = datetime.now(tz=UTC) - TIME_TO_START
    orphans = [
        record.dagster_run
        for record in instance.get_run_records(filters=unfinished)
        if record.dagster_run.run_id != but
        and (
            HOLDS_LOCK.items() <= record.dagster_run.tags.items()
            or record.update_timestamp < overdue
        )
    ]
    for run in orphans:
        instance.report_run_failed(run, "The process of this run ended before the run did.")
    return len(orphans)
