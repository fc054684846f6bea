"""Any day of any company can be redone, dropped and restored.

Random days hold copies of each other's events and records. Redone, a day leaves every table as it
was; dropped, it leaves what would be there had it never come; restored, it is there again.
"""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ingestion.days import Day, drop_day, redo_day, restore_day
from ingestion.inventory import AS_OF, DROPPED_LOADS, TABLES
from ingestion.load import LoadContext
from tests.conftest import ROOT
from tests.ingestion.conftest import SOURCES, Landing, call, lines, nobody
from warehouse import DuckDBWarehouse

DAYS = tuple(date(2026, 7, day) for day in (5, 6, 7))
LATER = datetime.fromisoformat("2026-12-01")
# Which of equal copies stands, and by which load, is bookkeeping.
BOOKKEEPING = {"load_id", "file", "line", "position", "refused_at"}
KINDS = {name: SOURCES[name] for name in ("web", "crm", "consents")}


@dataclass(frozen=True)
class Made:
    """Files by day, each with its content."""

    files: Mapping[date, Mapping[str, bytes]]


def seeds(config: pytest.Config) -> Sequence[int]:
    return range(60 if config.getoption("--trials") == "full" else 1)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "seed" in metafunc.fixturenames:
        metafunc.parametrize("seed", seeds(metafunc.config))


def test_days_can_be_redone_dropped_and_restored(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    made = Made({day: _files_of(chance, day) for day in DAYS})
    day = Day(chance.choice(DAYS), chance.choice([None, None, *KINDS]))
    whole = _loaded(tmp_path / "whole", made, but=None)
    before = _tables(whole)
    context = LoadContext(whole.warehouse, LATER, nobody, "US")

    redo_day(context, whole.config, whole.folder, day)
    assert _tables(whole) == before

    drop_day(context, whole.config, whole.folder, day)
    whole.load(LATER)
    assert _tables(whole) == _tables(_loaded(tmp_path / "without", made, but=day))

    restore_day(context, whole.config, whole.folder, day)
    assert _tables(whole) == before


def _files_of(chance: random.Random, day: date) -> dict[str, bytes]:
    """Several sources' files, of several names each; every one has something of its own."""
    files = {f"web/{day}/own.jsonl": lines(_call(f"own-{day}"))}
    for number in range(chance.randint(0, 2)):
        events = [_event(chance) for _ in range(chance.randint(1, 6))]
        own = _call(f"{day}-{number}")
        files[f"web/{day}/{number}.jsonl"] = lines(own, *events)
    people = [_person(chance) for _ in range(chance.randint(0, 5))]
    files[f"crm/{day}.csv"] = "\n".join(
        ["Id,User,Email,Phone,Name", f"own-{day},,,,", *people, ""]
    ).encode()
    decisions = [_decision(chance) for _ in range(chance.randint(0, 3))]
    own_decision = {"who": {"device": str(day)}, "purpose": "p", "status": "granted", "at": "2026"}
    files[f"consent/{day}.jsonl"] = lines(own_decision, *decisions)
    return files


def _event(chance: random.Random) -> dict[str, Any] | bytes:
    if chance.random() < 0.15:
        return b'{"broken'
    second, event = chance.randint(0, 3), chance.choice(["Seen", "Seen", "Read"])
    return _call(f"m{chance.randint(0, 5)}", event=event, receivedAt=f"2026-07-01T10:00:0{second}Z")


def _call(message_id: str, **changes: Any) -> dict[str, Any]:
    moment = "2026-07-01T10:00:00Z"
    times = dict.fromkeys(("originalTimestamp", "sentAt", "receivedAt"), moment)
    return call(**{"messageId": message_id, **times, **changes})


def _person(chance: random.Random) -> str:
    number = chance.choice(["", "1", "2", "3"])
    return f"{number},,,,{chance.choice(['Ann', 'Bo'])}"


def _decision(chance: random.Random) -> dict[str, Any]:
    return {
        "who": {"device": chance.choice(["d1", "d2"])},
        "purpose": "p",
        "status": chance.choice(["granted", "denied", "perhaps"]),
        "at": chance.choice(["2026-06-01", "2026-06-02"]),
    }


def _loaded(folder: Path, made: Made, *, but: Day | None) -> Landing:
    """A company that loaded each day on the next one."""
    return _load_days(Landing(_made(folder), sources=KINDS), made, but=but)


def _load_days(landing: Landing, made: Made, *, but: Day | None) -> Landing:
    for day, files in made.files.items():
        for name, content in files.items():
            if but is None or not _is_of(but, day, name):
                landing.put(name, content)
        landing.load(datetime.combine(day, datetime.min.time()) + timedelta(days=1))
    return landing


def _is_of(meant: Day, day: date, name: str) -> bool:
    folder = {"web": "web", "crm": "crm", "consent": "consents"}[name.partition("/")[0]]
    return meant.received_date == day and meant.source in {None, folder}


def _tables(landing: Landing) -> dict[str, list[str]]:
    """What every table says; of the loads that each adds up."""
    found = {}
    for table in TABLES:
        if table in (AS_OF, DROPPED_LOADS):
            continue
        names = [name for name in table.column_names if name not in BOOKKEEPING]
        if table.name.name == "loads":
            good = "rows_loaded + rows_deduplicated"
            names = ["source", "file", "rows_in", good, "rows_quarantined", "loaded_at", "reload",
                     f"rows_in = {good} + rows_quarantined"]  # fmt: skip
        listed = ", ".join(name if " " in name else f'"{name}"' for name in names)
        rows = landing.rows(f"select {listed} from {table.name.sql}")
        found[str(table.name)] = sorted(str(list(row.values())) for row in rows)
    stored = {str(table.name): len(found[str(table.name)]) for table in TABLES if table.key
              and "load_id" in table.column_names and table is not DROPPED_LOADS}  # fmt: skip
    stored.pop("raw.loads")
    assert sum(stored.values()) == sum(landing.values("select rows_loaded from raw.loads"))
    return found


KILLED = """
import sys
from datetime import date
from pathlib import Path
import ingestion.load
from ingestion.days import Day, drop_day, redo_day, restore_day
from ingestion.load import LoadContext
from tests.ingestion.conftest import Landing, nobody
from tests.trials.test_days import DAYS, KINDS, LATER
from warehouse import DuckDBWarehouse

ingestion.load.BATCH_BYTES = 1  # every file a transaction of its own
folder = Path(sys.argv[1])
with DuckDBWarehouse.open(folder / "w.duckdb") as warehouse:
    landing = Landing(folder, warehouse, KINDS)
    context = LoadContext(warehouse, LATER, nobody, "US")
    print("ready", flush=True)
    while True:
        for act in (redo_day, drop_day, restore_day):
            act(context, landing.config, folder, Day(DAYS[0]))
"""


def test_whatever_kills_it_the_next_load_makes_the_day_whole(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    folder = tmp_path / "landing"
    made = Made({day: _files_of(chance, day) for day in DAYS})
    with DuckDBWarehouse.open(_made(folder) / "w.duckdb") as warehouse:
        before = _tables(_load_days(Landing(folder, warehouse, KINDS), made, but=None))
    dropped = _tables(_loaded(tmp_path / "without", made, but=Day(DAYS[0])))

    _kill_after(chance.uniform(0, 3), folder)

    with DuckDBWarehouse.open(folder / "w.duckdb") as warehouse:
        landing = Landing(folder, warehouse, KINDS)
        landing.load(LATER)
        is_dropped = bool(landing.rows("from raw.dropped_loads"))
        assert _tables(landing) == (dropped if is_dropped else before)


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _kill_after(seconds: float, folder: Path) -> None:
    command = [sys.executable, "-c", KILLED, str(folder)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(seconds)
        process.kill()
        assert process.wait() == -9
