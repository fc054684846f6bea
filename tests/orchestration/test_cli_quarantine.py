"""``candor quarantine`` and ``candor day`` on a small company with a wrong mapping."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from ingestion import load_landing
from ingestion.earlier_loads import Reload, ask_again, is_retention_due, read_loads
from ingestion.load import LoadContext, load_again
from orchestration.company import Company
from orchestration.defs import days as day_jobs
from orchestration.defs.ingest import ingest
from orchestration.defs.jobs import drop_day, redo_day, restore_day
from orchestration.privacy_parts import open_suppressions
from orchestration.resources import CandorResource
from settings import Paths
from tests.command_line import Answer
from tests.ingestion.conftest import call, lines
from warehouse import Warehouse

NOW = datetime.fromisoformat("2026-11-24T12:00")
SOURCES = """\
sources:
  web: {kind: segment, files: "web/*", optional: true}
  crm: {kind: person_records, files: "crm/*", optional: true, id: Id, map: {full_name: Name}}
"""
CONTACTS = "Id,Key,Name\n1,k1,Ann\n,k2,Bo Private\n"
Candor = Callable[..., Answer]


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A company of two sources and two days, of which one row is refused."""
    folder = tmp_path_factory.mktemp("company")
    config, landing = folder / "config", folder / "landing"
    for made in (config, landing / "web", landing / "crm"):
        made.mkdir(parents=True)
    (config / "sources.yml").write_text(SOURCES)
    (landing / "crm/2026-07-05.csv").write_text(CONTACTS)
    (landing / "web/2026-07-05.jsonl").write_bytes(lines(call(messageId="a"), call(messageId="b")))
    copy = call(messageId="a", receivedAt="2026-11-01T10:00:09Z")
    (landing / "web/2026-07-06.jsonl").write_bytes(lines(copy))
    load(_paths(folder))
    return folder


@pytest.fixture
def paths(company: Path, tmp_path: Path) -> Paths:
    """A copy of the company."""
    return _paths(shutil.copytree(company, tmp_path / "company"))


def _paths(folder: Path) -> Paths:
    return Paths.resolve(
        {}, config=folder / "config", home=folder / "home", landing=folder / "landing"
    )


def load(paths: Paths) -> None:
    company = Company(paths)
    with company.open_warehouse() as warehouse:
        suppressed = open_suppressions(company, warehouse).suppressed
        load_landing(warehouse, company.sources, paths.landing, now=NOW, is_suppressed=suppressed)


def folders(paths: Paths) -> tuple[object, ...]:
    return ("--config", paths.config, "--home", paths.home, "--landing", paths.landing)


def events(paths: Paths) -> list[tuple[str, str]]:
    with Company(paths).open_warehouse() as warehouse:
        rows = warehouse.read("select event_id, file from raw.events order by all").to_pylist()
    return [(row["event_id"], row["file"]) for row in rows]


def test_refused_rows_are_listed_without_what_they_say(paths: Paths, candor: Candor) -> None:
    counted = candor("quarantine", "list", *folders(paths), "--json")
    listed = candor("quarantine", "show", *folders(paths), "--source", "crm", "--json")

    assert [(row["code"], row["rows"]) for row in json.loads(counted.out)] == [("no_key", 1)]
    assert [(row["file"], row["line"]) for row in json.loads(listed.out)] == [
        ("crm/2026-07-05.csv", 3)
    ]
    assert "Private" not in counted.out + listed.out


def test_a_source_that_nobody_knows_is_refused(paths: Paths, candor: Candor) -> None:
    answer = candor("quarantine", "list", *folders(paths), "--source", "nosuch")

    assert (answer.code, "known are crm, web" in answer.err) == (3, True)


def test_the_lists_are_readable_at_80_columns(paths: Paths, candor: Candor) -> None:
    answers = [
        candor("quarantine", "list", *folders(paths), width=80),
        candor("quarantine", "show", *folders(paths), width=80),
        candor("day", "list", *folders(paths), width=80),
    ]

    shown = [line for answer in answers for line in answer.out.splitlines()]
    assert max(map(len, shown)) <= 80
    assert all(word in answers[0].out for word in ("no_key", "2026-07-05", "crm"))
    assert all(word in answers[1].out for word in ("no_key", "2026-07-05.csv"))


def test_a_line_is_shown_by_place_and_only_on_demand_by_what_it_says(
    paths: Paths, candor: Candor
) -> None:
    row = ("quarantine", "show", *folders(paths), "--file", "crm/2026-07-05.csv", "--line", "3")

    place, raw = candor(*row), candor(*row, "--raw")

    assert str(paths.landing / "crm/2026-07-05.csv") in place.out
    assert "Private" not in place.out
    assert ",k2,Bo Private" in raw.out
    assert "Personal data" in raw.out


def test_a_line_that_was_not_refused_is_a_wrong_input(paths: Paths, candor: Candor) -> None:
    answer = candor(
        "quarantine",
        "show",
        *folders(paths),
        "--file",
        "crm/2026-07-05.csv",
        "--line",
        "2",
        "--raw",
    )

    assert answer.code == 3
    assert "Ann" not in answer.out + answer.err


def test_a_replay_after_a_correction_says_what_it_recovered(paths: Paths, candor: Candor) -> None:
    corrected = SOURCES.replace("id: Id", "id: Key")
    (paths.config / "sources.yml").write_text(corrected)

    answer = candor("quarantine", "replay", *folders(paths), "--json")

    assert answer.code == 0
    assert json.loads(answer.out) == {
        "files": 1, "recovered": 1, "newly_refused": 0, "refused": {}, "not_replayed": [],
    }  # fmt: skip
    assert json.loads(candor("quarantine", "list", *folders(paths), "--json").out) == []


def test_a_replay_tells_which_files_it_left(paths: Paths, candor: Candor) -> None:
    (paths.landing / "crm/2026-07-05.csv").unlink()

    answer = candor("quarantine", "replay", *folders(paths))

    assert answer.code == 0
    assert "no longer in the landing folder" in answer.out
    listed = [
        json.loads(candor("quarantine", "list", *folders(paths), *more, "--json").out)
        for more in ([], ["--earlier"])
    ]
    assert [len(rows) for rows in listed] == [0, 1]


def test_a_day_is_dropped_restored_and_redone(paths: Paths, candor: Candor) -> None:
    whole = events(paths)
    day = ("2026-07-05", *folders(paths))

    dropped = candor("day", "drop", *day, "--yes")
    without = events(paths)
    restored = candor("day", "restore", *day)
    redone = candor("day", "redo", *day, "--source", "web", "--json")

    assert "2 files with 3 rows are dropped" in dropped.out
    assert "1 files of other days were read again" in dropped.out
    assert without == [("a", "web/2026-07-06.jsonl")]
    assert "2 files with 3 rows are restored" in restored.out
    assert json.loads(redone.out)["rows"] == 2
    assert events(paths) == whole


def test_a_day_of_which_nothing_came_is_a_wrong_input(paths: Paths, candor: Candor) -> None:
    answer = candor("day", "redo", "2026-07-09", *folders(paths))

    assert answer.code == 3
    assert "2026-07-09 brought no file" in answer.err


def test_rows_that_retention_deleted_do_not_come_back_with_their_day(
    paths: Paths, candor: Candor
) -> None:
    (paths.config / "retention.yml").write_text("tables: {raw.events: {days: 1}}\n")

    candor("day", "redo", "2026-07-05", *folders(paths))

    assert events(paths) == []


@pytest.mark.parametrize("killed", ["before the files", "after the files"])
def test_the_next_load_finishes_the_retention_of_a_reload_that_was_killed(
    paths: Paths, monkeypatch: pytest.MonkeyPatch, killed: str
) -> None:
    for name, value in paths.as_environment().items():
        monkeypatch.setenv(name, value)
    (paths.config / "retention.yml").write_text("tables: {raw.events: {days: 1}}\n")
    company = Company(paths)
    with company.open_warehouse() as warehouse:  # what a kill leaves: no `finally` has run
        ask_again(warehouse, _load_ids(warehouse), Reload.DAY)
        if killed == "after the files":
            load_again(_context(company, warehouse), company.sources, paths.landing)
            assert is_retention_due(warehouse)

    dg.materialize([ingest], resources={"candor": CandorResource()})

    assert events(paths) == []
    with company.open_warehouse() as warehouse:
        assert not is_retention_due(warehouse)
        assert warehouse.scalar("select count(*) from privacy.retention_runs") == 1


def _load_ids(warehouse: Warehouse) -> list[str]:
    return [load.load_id for load in read_loads(warehouse)]


def _context(company: Company, warehouse: Warehouse) -> LoadContext:
    suppressed = open_suppressions(company, warehouse).suppressed
    return LoadContext(warehouse, NOW, suppressed, company.sources.default_region)


@pytest.mark.parametrize(
    ("jobs", "left"),
    [
        pytest.param([redo_day], 2, id="redo"),
        pytest.param([drop_day], 1, id="drop"),
        pytest.param([drop_day, restore_day], 2, id="restore"),
    ],
)
def test_a_day_is_redone_dropped_and_restored_from_the_ui(
    paths: Paths, monkeypatch: pytest.MonkeyPatch, jobs: list[dg.JobDefinition], left: int
) -> None:
    for name, value in paths.as_environment().items():
        monkeypatch.setenv(name, value)

    results = [_run(job, {"day": "2026-07-05"}) for job in jobs]

    assert len(events(paths)) == left
    metadata = _metadata(results[-1], "raw/events")
    assert metadata["dagster/row_count"] == left
    assert metadata["files"] == 2


def _run(job: dg.JobDefinition, config: Mapping[str, Any]) -> dg.ExecuteInProcessResult:
    op = {redo_day: day_jobs.load_day_again, drop_day: day_jobs.take_day_out,
          restore_day: day_jobs.bring_day_back}[job]  # fmt: skip
    return job.execute_in_process(
        run_config={"ops": {op.name: {"config": dict(config)}}},
        resources={"candor": CandorResource()},
    )


def _metadata(result: dg.ExecuteInProcessResult, key: str) -> dict[str, Any]:
    for event in result.all_events:
        if event.event_type is dg.DagsterEventType.ASSET_MATERIALIZATION:
            made = event.step_materialization_data.materialization
            if made.asset_key.to_user_string() == key:
                return {name: value.value for name, value in made.metadata.items()}
    raise AssertionError(key)


def test_a_replay_says_how_a_changed_file_is_loaded(candor: Candor, paths: Paths) -> None:
    (paths.landing / "crm/2026-07-05.csv").write_text(CONTACTS.replace("\n,k2", "\n2,k2"))

    answer = candor("quarantine", "replay", *folders(paths))
    again = candor("day", "redo", "2026-07-05", *folders(paths))

    assert "`candor day redo 2026-07-05`" in answer.out
    assert again.code == 0
    with Company(paths).open_warehouse() as warehouse:
        assert warehouse.scalar("select count(*) from raw.quarantine") == 0
