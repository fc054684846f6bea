"""The events of a run, written through connections that stay open."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import dagster as dg
import pytest

from orchestration.event_log import KeptOpenEventLog
from orchestration.instance import open_instance
from settings import Paths


@dg.asset
def greeting() -> dg.MaterializeResult[None]:
    return dg.MaterializeResult(metadata={"rows": 3})


@dg.asset_check(asset=greeting)
def it_is_polite() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True)


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths.resolve({}, home=tmp_path / "home")


def _run(instance: dg.DagsterInstance) -> str:
    return dg.materialize([greeting, it_is_polite], instance=instance).run_id


def _events(folder: Path, shard: str) -> int:
    with sqlite3.connect(folder / f"{shard}.db") as other:
        return int(other.execute("select count(*) from event_logs").fetchone()[0])


def test_others_read_what_a_run_has_written_before_it_ends(paths: Paths) -> None:
    """So a kill loses none of it."""
    folder = paths.dagster / "history" / "runs"
    with open_instance(paths, keep_open=True) as ours:
        run_id = _run(ours)
        while_open = {shard: _events(folder, shard) for shard in (run_id, "index")}

        assert (folder / f"{run_id}.db-wal").stat().st_size > 0
    assert while_open == {shard: _events(folder, shard) for shard in (run_id, "index")}
    with open_instance(paths) as theirs:
        assert len(theirs.all_logs(run_id)) == while_open[run_id]
        assert theirs.get_latest_materialization_event(greeting.key) is not None
        assert theirs.get_run_by_id(run_id).is_success  # type: ignore[union-attr]


def test_of_runs_before_nothing_stays_open_and_of_no_run_afterwards(paths: Paths) -> None:
    folder = paths.dagster / "history" / "runs"
    with open_instance(paths, keep_open=True) as instance:
        first, second = _run(instance), _run(instance)

        assert {path.stem for path in folder.glob("*.db-wal")} == {second, "index"}
        assert len(instance.all_logs(first)) == len(instance.all_logs(second))
    assert not [*folder.glob("*.db-wal"), *folder.glob("*.db-shm")]


def test_the_ui_which_watches_the_file_of_a_run_is_told_of_each_event(paths: Paths) -> None:
    """What SQLite writes meanwhile goes to its log beside the file."""
    with open_instance(paths, keep_open=True) as instance:
        run_id = _run(instance)
        file = paths.dagster / "history" / "runs" / f"{run_id}.db"
        os.utime(file, (0, 0))

        instance.report_engine_event("again", instance.get_run_by_id(run_id))

        assert file.stat().st_mtime > 0


def test_a_power_cut_leaves_the_files_whole(paths: Paths) -> None:
    """SQLite keeps that promise for a log that is synchronised before it goes into the file."""
    with open_instance(paths, keep_open=True) as instance, _log(instance)._connect("index") as one:
        assert one.exec_driver_sql("pragma journal_mode").scalar() == "wal"
        assert one.exec_driver_sql("pragma synchronous").scalar() == 1  # normal


def _log(instance: dg.DagsterInstance) -> KeptOpenEventLog:
    log = instance.event_log_storage
    assert isinstance(log, KeptOpenEventLog)
    return log
