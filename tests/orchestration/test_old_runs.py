"""Finished runs are forgotten by age, with their events and logs."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from orchestration.instance import close_orphans, open_instance
from orchestration.old_runs import remove_old_runs
from settings import Paths


@dg.op
def say() -> None:
    """Leave something in the log."""
    print("somebody@mail.example")  # noqa: T201 - what is to be forgotten


@dg.job
def talk() -> None:
    """Say it."""
    say()


@dg.asset
def told() -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Say it of a table."""
    return dg.MaterializeResult(metadata={"who": "somebody@mail.example"})


@dg.asset_check(asset=told)
def fine() -> dg.AssetCheckResult:
    """Find it well."""
    return dg.AssetCheckResult(passed=True)


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Paths:
    for name in ("DAGSTER_HOME", "CANDOR_HOME", "CANDOR_CONFIG"):
        monkeypatch.setenv(name, str(tmp_path))  # put back what opening an instance sets
    return Paths.resolve({}, config=tmp_path / "config", home=tmp_path / "home")


def test_what_a_kill_leaves_goes_the_next_time(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with open_instance(paths) as instance:
        ended = talk.execute_in_process(instance=instance).run_id
        after = datetime.now(tz=UTC).replace(tzinfo=None) + timedelta(seconds=1)
        with monkeypatch.context() as patched:
            patched.setattr(shutil, "rmtree", killed)
            with pytest.raises(KeyboardInterrupt):
                remove_old_runs(instance, paths, before=after)

        assert remove_old_runs(instance, paths, before=after) == 1
        assert list(instance.get_runs()) == []
    assert not (paths.dagster / "storage" / ended).exists()
    assert not list((paths.dagster / "history" / "runs").glob(f"{ended}*"))


def test_ended_runs_go_by_age_with_events_and_logs_and_others_stay(paths: Paths) -> None:
    with open_instance(paths) as instance:
        ended = talk.execute_in_process(instance=instance).run_id
        dg.materialize([told], instance=instance)
        begun = instance.create_run_for_job(talk, status=dg.DagsterRunStatus.STARTED).run_id
        now = datetime.now(tz=UTC).replace(tzinfo=None)
        young = remove_old_runs(instance, paths, before=now - timedelta(days=1))
        logs = paths.dagster / "storage" / ended
        had_logs, had_events = (
            logs.exists(),
            (paths.dagster / "history" / "runs" / f"{ended}.db").exists(),
        )

        last = instance.get_latest_materialization_event(told.key)
        removed = remove_old_runs(instance, paths, before=now + timedelta(seconds=1))

        assert (young, removed) == (0, 2)
        # Dagster keeps a copy of a table's last materialization beside the events of its run.
        assert last is not None
        assert instance.get_latest_materialization_event(told.key) is None
        assert (had_logs, had_events) == (True, True)
        assert [run.run_id for run in instance.get_runs()] == [begun]
    assert not logs.exists()
    assert not list((paths.dagster / "history" / "runs").glob(f"{ended}*"))


def test_what_younger_runs_checked_stays_and_so_does_a_younger_report(paths: Paths) -> None:
    check = dg.AssetCheckKey(told.key, "fine")
    reported = dg.AssetKey("reported")
    with open_instance(paths) as instance:

        def seen() -> tuple[list[str], bool, bool]:
            history = instance.event_log_storage.get_asset_check_execution_history(check, limit=9)
            found = map(instance.get_latest_materialization_event, (told.key, reported))
            return ([one.run_id for one in history], *(event is not None for event in found))  # type: ignore[return-value]

        dg.materialize([told, fine], instance=instance)
        between = datetime.now(tz=UTC).replace(tzinfo=None)
        job = dg.define_asset_job("ask", selection=dg.AssetSelection.checks(fine))
        asked = dg.Definitions(assets=[told], asset_checks=[fine], jobs=[job]).resolve_job_def(
            "ask"
        )
        young = asked.execute_in_process(instance=instance).run_id
        instance.report_runless_asset_event(dg.AssetMaterialization(reported))
        removed = remove_old_runs(instance, paths, before=between)
        after = seen()
        remove_old_runs(instance, paths, before=between + timedelta(days=1))

        assert (removed, after) == (1, ([young], False, True))
        assert seen() == ([], False, False)


def test_a_run_that_never_held_the_lock_is_closed_when_it_is_overdue_and_not_before(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_instance(paths) as instance:
        asking, killed = (
            instance.create_run_for_job(talk, status=dg.DagsterRunStatus.STARTING).run_id
            for _ in range(2)
        )
        young = close_orphans(instance, but=asking)
        monkeypatch.setattr("orchestration.instance.TIME_TO_START", timedelta(seconds=-60))

        overdue = close_orphans(instance, but=asking)

        states = {run.run_id: run.status for run in instance.get_runs()}
    assert (young, overdue) == (0, 1)
    assert states == {
        asking: dg.DagsterRunStatus.STARTING,
        killed: dg.DagsterRunStatus.FAILURE,
    }
