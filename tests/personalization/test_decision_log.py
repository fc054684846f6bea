"""Nothing is shown that is not logged, every logged decision can be taken again, nothing is lost."""

from __future__ import annotations

import errno
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from personalization import (
    Artefact,
    DecisionLog,
    LogReport,
    ServingFiles,
    UnknownSlotError,
    decide,
    decide_and_log,
    load_decisions,
)
from personalization.decision_log import CURRENT, TAKEN, UNREADABLE
from personalization.inventory import DECISIONS
from tests.personalization.serving import SECRET, Site, asked, experiments, rows
from warehouse import DuckDBWarehouse, Location

GRANTED = "p00002"
BROKEN = '{"decision_id": "half\n[]\n{"decision_id": "no rows"}'


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    folder = tmp_path_factory.mktemp("logged")
    return Site.published(folder, holdout={"share": 0.1, "salt": "2026"})


@pytest.fixture
def artefact(site: Site) -> Iterator[Artefact]:
    opened = site.open()
    yield opened
    opened.close()


@pytest.fixture
def log(tmp_path: Path, site: Site) -> DecisionLog:
    site.warehouse.execute("delete from personalization.decisions")
    return DecisionLog(tmp_path / "log")


def test_a_decision_says_what_it_was_drawn_from_and_how_likely_it_was(
    site: Site, artefact: Artefact, log: DecisionLog
) -> None:
    decide_and_log(asked("hero", person_id=GRANTED), artefact, log)
    decide_and_log(asked("home", 2), artefact, log)
    load_decisions(site.warehouse, log, run_id="r9")

    found = rows(site.warehouse, "select * from personalization.decisions order by all")
    (row,) = (r for r in found if r["slot"] == "hero")
    assert (row["person_id"], row["unit_kind"]) == (GRANTED, "person")
    assert row["propensity"] == pytest.approx(1 / 3)
    assert set(json.loads(row["eligible"])) == {"b", "c", "control"}
    assert row["n_eligible"] == 3
    assert (row["run_id"], row["consent"], row["is_repeat"]) == ("r9", "granted", False)
    places = [r for r in found if r["slot"] == "home"]
    assert [r["position"] for r in places] == [1, 2, 3, 4, 5, 6]
    (drawn,) = (r for r in places if r["is_discovery"])
    # The block draws 15 % of its six places: the last one for nine pages in ten.
    assert drawn["propensity"] == pytest.approx(0.9 / drawn["n_eligible"])
    assert len(json.loads(drawn["eligible"])) == drawn["n_eligible"]
    assert drawn["action_id"] in json.loads(drawn["eligible"])
    assert {r["unit_id"] for r in places} == {r["person_id"] for r in places} == {None}


def test_ghosts_are_logged_as_such(site: Site, artefact: Artefact, log: DecisionLog) -> None:
    people = site.texts("select person_id from marts.consent_current where status = 'granted'")
    decisions = [
        decide_and_log(asked("home", number, person_id=person), artefact, log)
        for number, person in enumerate(people)
    ]

    load_decisions(site.warehouse, log, run_id="r1")

    ghosts = rows(
        site.warehouse,
        "select distinct person_id, arm from personalization.decisions where is_ghost",
    )
    held_out = {d.situation.unit.person_id for d in decisions if d.is_ghost and d.situation.unit}
    assert {row["person_id"] for row in ghosts} == held_out
    assert held_out
    assert {row["arm"] for row in ghosts} == {"holdout"}


def test_lines_that_come_twice_are_loaded_once_and_others_are_kept_apart(
    site: Site, artefact: Artefact, log: DecisionLog
) -> None:
    for number in (1, 2, 2):
        decide_and_log(asked("home", number), artefact, log)
    with (log.folder / CURRENT).open("a") as stream:
        stream.write(f"{BROKEN}\n")

    first = load_decisions(site.warehouse, log, run_id="r1")
    decide_and_log(asked("home", 1), artefact, log)
    second = load_decisions(site.warehouse, log, run_id="r2")
    third = load_decisions(site.warehouse, log, run_id="r3")

    assert first == LogReport(lines=6, loaded=2, known=1, unreadable=3)
    assert second == LogReport(lines=1, loaded=0, known=1, unreadable=0)
    assert third == LogReport(0, 0, 0, 0)
    assert (log.folder / UNREADABLE).read_text() == f"{BROKEN}\n"


def test_what_a_killed_run_took_away_is_loaded_by_the_next(
    site: Site, artefact: Artefact, log: DecisionLog
) -> None:
    decide_and_log(asked("home", 1), artefact, log)
    (log.folder / CURRENT).rename(log.folder / TAKEN)
    decide_and_log(asked("home", 2), artefact, log)

    report = load_decisions(site.warehouse, log, run_id="r1")

    assert report.loaded == 2
    assert sorted(path.name for path in log.folder.iterdir()) == []


def test_no_line_is_lost_while_runs_take_the_file_from_under_the_writers(
    site: Site, artefact: Artefact, log: DecisionLog
) -> None:
    decision = decide(asked("hero", person_id=GRANTED), artefact)
    lines, taken = 400, []

    def write() -> None:
        for _ in range(lines):
            log.append(decision)

    writers = [threading.Thread(target=write) for _ in range(4)]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        if (found := log.take()) is not None:
            taken.append(len(found.read_text().splitlines()))
            found.unlink()
    last = log.take()

    assert sum(taken) + (len(last.read_text().splitlines()) if last else 0) == 4 * lines
    assert len(taken) > 1


def test_what_cannot_be_logged_is_not_shown(
    artefact: Artefact, log: DecisionLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    decide_and_log(asked("home", 1), artefact, log)
    before = (log.folder / CURRENT).read_bytes()
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, content: write(descriptor, content[:40]))

    with pytest.raises(OSError, match="No space") as raised:
        decide_and_log(asked("home", 2), artefact, log)

    assert raised.value.errno == errno.ENOSPC
    assert (log.folder / CURRENT).read_bytes() == before
    with pytest.raises(UnknownSlotError):
        decide_and_log(asked("nowhere"), artefact, log)


def test_a_page_that_is_decided_while_the_log_is_erased_knows_the_person_no_more(
    site: Site, log: DecisionLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    units = []

    def decided_meanwhile(*_: object) -> None:
        opened = site.open()
        units.append(decide(asked("home", person_id=GRANTED), opened).situation.unit)
        opened.close()

    monkeypatch.setattr(DecisionLog, "rewrite", decided_meanwhile)
    keys = pa.table({"kind": ["person_id"], "value": [GRANTED]})

    ServingFiles(site.path, log, site.warehouse, SECRET).erase(keys)

    site.publish(experiments(holdout={"share": 0.1, "salt": "2026"}))
    assert set(units) == {None}


def test_a_line_of_somebody_who_is_no_longer_there_is_not_loaded(
    site: Site, artefact: Artefact, log: DecisionLog
) -> None:
    """A page that had the former file open wrote it after the erasure."""
    decide_and_log(asked("hero", 1, person_id="p00003"), artefact, log)
    decide_and_log(asked("hero", 2, person_id=GRANTED), artefact, log)
    decide_and_log(asked("hero", 3), artefact, log)
    gone = "from marts.current_person where person_id = 'p00003'"
    site.warehouse.execute(f"create temp table gone as {gone}; delete {gone}")

    report = load_decisions(site.warehouse, log, run_id="r1")

    site.warehouse.execute("insert into marts.current_person from gone; drop table gone")
    found = site.texts("select person_id from personalization.decisions order by all")
    assert (report.loaded, report.known, set(found)) == (2, 1, {GRANTED, "None"})


def test_what_a_killed_publishing_left_is_gone_after_an_erasure(
    site: Site, log: DecisionLog
) -> None:
    left = site.path.with_name(site.path.name + ".new")
    left.write_bytes(b"half of it")

    ServingFiles(site.path, log, site.warehouse, SECRET).erase(
        pa.table({"kind": ["person_id"], "value": ["p99999"]})
    )

    assert not left.exists()


def test_nobody_is_erased_while_the_key_of_the_hashes_is_lost(
    log: DecisionLog, tmp_path: Path
) -> None:
    """Without it browsers would be sought nowhere, and nothing found."""
    warehouse = DuckDBWarehouse.in_memory()
    warehouse.create_missing([DECISIONS])
    keys = pa.table({"kind": ["anonymous_id"], "value": ["ann-new"]})
    files = ServingFiles(tmp_path / "decisions.sqlite", log, warehouse, None)
    never_made = files.refusals(keys)
    reasons = []
    for name in (files.artefact, log.folder / CURRENT):
        name.parent.mkdir(parents=True, exist_ok=True)
        name.write_text("")
        reasons += files.refusals(keys)
        name.unlink()
    warehouse.execute(f"insert into {DECISIONS.name.sql} (decision_id) values ('d1')")
    reasons += files.refusals(keys)

    assert never_made == ()
    assert len(reasons) == 3
    assert "restore serving.key from the backup" in reasons[0]


def test_an_erased_person_is_in_no_file_and_in_no_decision_any_more(
    site: Site, artefact: Artefact, log: DecisionLog
) -> None:
    browser = {"anonymous_id": f"browser-{GRANTED}"}
    for number, known in enumerate(
        ({"person_id": GRANTED}, {"anonymous_id": "ann-new", "consent": "granted"})
    ):
        decide_and_log(asked("hero", number, **known), artefact, log)
    load_decisions(site.warehouse, log, run_id="r1")
    for number, person in enumerate((GRANTED, "p00003"), start=5):
        decide_and_log(asked("home", number, person_id=person), artefact, log)
    files = ServingFiles(site.path, log, site.warehouse, SECRET)
    keys = pa.table({
        "kind": ["person_id", "anonymous_id", "anonymous_id"],
        "value": [GRANTED, "ann-new", f"browser-{GRANTED}"],
    })  # fmt: skip

    found = files.find(keys)[0].rows
    files.erase(keys)
    after = files.find(keys)[0].rows

    assert isinstance(files, Location)
    assert found == 1 + 2 + 1 + 1  # a row, two keyed ids, a line, a decision of a browser alone
    assert after == 0
    for path in (site.path, log.folder / CURRENT):
        assert GRANTED.encode() not in path.read_bytes()
    assert "p00003" in (log.folder / CURRENT).read_text()
    fresh = site.open()
    assert decide(asked("home", **browser), fresh).situation.unit is None
    assert decide(asked("home", person_id="p00003"), fresh).arm in ("personalised", "holdout")
    fresh.close()
    site.publish(experiments(holdout={"share": 0.1, "salt": "2026"}))
