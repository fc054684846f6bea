"""Requests of another company's people: what goes, what stays and what is given, by what is true.

``make test`` carries out one request of each kind in one pass; ``--trials=full`` carries out all 60.
What an erasure took is judged by who the records truly belong to; it may miss only what identity
had not joined before.
"""

from __future__ import annotations

import csv
import json
import shutil
import zipfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.command_line import call_candor
from tests.conftest import ROOT
from tests.fernhill.conftest import Run

pytestmark = [pytest.mark.warehouse, pytest.mark.timeout(1_800)]

# Of what can be reached, in all 60 requests; what is missed is in several pieces for identity.
MIN_REACHED = 0.95
# Of some sixty records that archives give, where identity promises that .97 of all pairs are right;
# a plan shows what hangs by likeness alone.
MAX_FOREIGN = 0.05
_RECORDS = "data/raw.person_records.json"
SHARED = "address used by two people: must be held for review"
# What one row of each table names of the person, beside records: (columns of a record), device, address.
NAMED = {
    "raw.person_records": "source || '|' || source_record_id",
    "raw.orders": "person_source || '|' || person_record_id",
    "raw.tickets": "person_source || '|' || person_record_id",
    "raw.events": "'devices|' || anonymous_id",
    "raw.consent_events": "coalesce('devices|' || anonymous_id, lower(subject_email))",
}
Records = Mapping[str, frozenset[str]]


@dataclass(frozen=True)
class Truth:
    """Whom each request is about: all that is theirs, what of it can be reached, and a remark."""

    theirs: Records
    reachable: Records
    notes: Mapping[str, str]


@dataclass(frozen=True)
class Handled:
    """The company before and after its requests were carried out."""

    before: Path
    home: Path
    requests: Sequence[Mapping[str, Any]]
    standing: Mapping[str, Mapping[str, Any]]

    def ids(self, *kinds: str) -> list[str]:
        return [
            item["subject_request_id"]
            for item in self.requests
            if item["subject_request_type"] in kinds
        ]

    def read(self, sql: str) -> list[tuple[Any, ...]]:
        """Read both states, as schemas of the databases ``before`` and ``now``."""
        with duckdb.connect() as engine:
            engine.execute(f"attach '{self.before}' as before (read_only)")
            engine.execute(f"attach '{self.home / 'warehouse.duckdb'}' as now (read_only)")
            return list(engine.execute(sql).fetchall())


@pytest.fixture(scope="module")
def truth(fernhill: Path) -> Truth:
    theirs, reachable = defaultdict(set), defaultdict(set)
    notes: dict[str, str] = {}
    with (fernhill / "truth" / "dsr_expected.csv").open(newline="") as stream:
        for row in csv.DictReader(stream):
            request_id, record = (
                row["subject_request_id"],
                f"{row['source']}|{row['source_record_id']}",
            )
            notes[request_id] = row["note"] or notes.get(request_id, "")
            theirs[request_id].add(record)
            if row["reachable"] == "1":
                reachable[request_id].add(record)
    return Truth(
        {name: frozenset(found) for name, found in theirs.items()},
        {name: frozenset(found) for name, found in reachable.items()},
        notes,
    )


@pytest.fixture(scope="module")
def handled(
    run: Run, fernhill: Path, truth: Truth, tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> Handled:  # fmt: skip
    folder = tmp_path_factory.mktemp("requests")
    home, landing = folder / "home", folder / "landing"
    shutil.copytree(run.home, home)
    for source in sorted(fernhill.rglob("*")):
        if source.is_file() and source.parent.name != "truth":
            target = landing / source.relative_to(fernhill)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
    asked = landing / "privacy" / "dsr_requests.jsonl"
    requests = [json.loads(line) for line in asked.read_text().splitlines()]
    if request.config.getoption("--trials") == "sample":
        requests = _one_of_each(requests, truth)
        asked.write_text("".join(json.dumps(item) + "\n" for item in requests))
    before = folder / "before.duckdb"
    shutil.copyfile(home / "warehouse.duckdb", before)
    given = ("--config", str(ROOT / "tests" / "fernhill" / "config"), "--home", str(home),
             "--landing", str(landing))  # fmt: skip
    call_candor("privacy", "run", *given)
    rows = json.loads(call_candor("privacy", "list", "--json", *given).out)
    return Handled(before, home, requests, {row["request"]: row for row in rows})


def _one_of_each(requests: Sequence[Mapping[str, Any]], truth: Truth) -> list[Mapping[str, Any]]:
    """The first erasure for each way to name somebody and each remark, and the first question."""
    first: dict[tuple[str, ...], Mapping[str, Any]] = {}
    for item in requests:
        kind, named = item["subject_request_type"], item["subject_identities"][0]
        request_id = item["subject_request_id"]
        way = (named["identity_type"], named["identity_format"])
        if not truth.reachable.get(request_id):
            way = (truth.notes[request_id],)
        first.setdefault((kind, *way) if kind == "erasure" else ("question",), item)
    return list(first.values())


@pytest.fixture(scope="module")
def gone(handled: Handled) -> Mapping[str, list[tuple[Any, ...]]]:
    """By raw table what each row that is gone names; ``NAMED`` tells how."""
    tables = [name for (name,) in handled.read(
        "select schema_name || '.' || table_name from duckdb_tables() "
        "where database_name = 'before' and schema_name = 'raw' order by 1"
    )]  # fmt: skip
    return {
        name: handled.read(
            f"select {NAMED.get(name, 'null')} as named, count(*) from (from before.{name} "
            f"except all from now.{name}) group by all having count(*) > 0"
        )
        for name in tables
    }


def test_every_request_ends_and_what_two_people_share_is_held(
    handled: Handled, truth: Truth
) -> None:
    ended = {name: row["status"] for name, row in handled.standing.items()}

    assert ended == {
        name: "blocked" if truth.notes[name] == SHARED else "completed"
        for name in handled.ids("erasure", "access", "portability")
    }


def test_an_erasure_takes_all_that_identity_had_joined(
    handled: Handled, truth: Truth, gone: Mapping[str, list[tuple[Any, ...]]], request: pytest.FixtureRequest
) -> None:  # fmt: skip
    taken = _taken(gone)
    person = dict(handled.read(
        "select source || '|' || source_record_id, person_id from before.identity.members"
    ))  # fmt: skip
    wanted = {
        name: truth.reachable[name] for name in handled.ids("erasure") if name in truth.reachable
    }
    seen = {
        name
        for (name,) in handled.read(
            "select distinct 'devices|' || anonymous_id from before.raw.events"
        )
    }
    wanted = {name: {r for r in records if not r.startswith("devices|") or r in seen}
              for name, records in wanted.items()}  # fmt: skip

    for records in wanted.values():
        persons = {person[record] for record in records & taken}
        assert persons
        assert {record for record in records - taken if person[record] in persons} == set()
    if request.config.getoption("--trials") == "full":
        everything = set().union(*wanted.values())
        assert len(everything & taken) / len(everything) >= MIN_REACHED


def test_an_erasure_takes_nothing_of_anybody_else(
    handled: Handled, truth: Truth, gone: Mapping[str, list[tuple[Any, ...]]]
) -> None:
    theirs = set().union(*(truth.theirs.get(name, ()) for name in handled.ids("erasure")))
    addresses = {name for (name,) in handled.read(
        "select distinct lower(email) from before.raw.person_records "
        f"where source || '|' || source_record_id in ({', '.join(map(_quoted, theirs))})"
    )}  # fmt: skip
    # Sums of files follow their rows.
    others = {name: rows for name, rows in gone.items() if rows and name != "raw.loads"}

    assert set(others) <= set(NAMED)
    assert {named for rows in others.values() for named, _ in rows} - theirs - addresses == set()
    for name in gone:
        if name != "raw.loads":
            assert handled.read(f"from now.{name} except all from before.{name}") == []


def test_archives_hold_the_records_of_their_persons(handled: Handled, truth: Truth) -> None:
    found, foreign, expected = set(), set(), set()
    archives = handled.home / "archives"
    held = {name for name in handled.ids("access", "portability") if truth.notes[name] == SHARED}
    assert not any((archives / f"{name}.zip").exists() for name in held)
    for name in sorted({*handled.ids("access", "portability")} - held):
        with zipfile.ZipFile(archives / f"{name}.zip") as archive:
            # Of nobody who is known there is none.
            has_rows = _RECORDS in archive.namelist()
            rows = json.loads(archive.read(_RECORDS)) if has_rows else []
        given = {f"{row['source']}|{row['source_record_id']}" for row in rows}
        foreign |= given - truth.theirs[name]
        found |= given
        expected |= {item for item in truth.reachable.get(name, ()) if item[:8] != "devices|"}

    assert len(found & expected) / len(expected) >= MIN_REACHED
    assert len(foreign) / len(found) <= MAX_FOREIGN


def _taken(gone: Mapping[str, list[tuple[Any, ...]]]) -> set[str]:
    return {named for name in ("raw.person_records", "raw.events") for named, _ in gone[name]}


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
