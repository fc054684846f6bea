"""Loading that is killed at any moment is made good by a plain load: no row lost, none twice."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pytest

from ingestion import TABLES, SourcesConfig, load_landing
from tests.conftest import ROOT
from tests.ingestion.conftest import NOW, Landing, nobody
from tests.trials.ingestion_good import RECORDS, segment_call
from warehouse import DuckDBWarehouse

KILLS = {"sample": 3, "full": 50}
# So small that a load is a dozen transactions.
BATCH_BYTES = 250_000
SOURCES: dict[str, Any] = {
    "web": {"kind": "segment", "files": "web/*", "optional": True},
    "crm": RECORDS["person_records"].source("crm/*"),
    "shop": RECORDS["orders"].source("shop/*"),
}
# Told to a process of its own; it says when it begins, so that Python's start is no target.
LOAD = f"""
import sys
from pathlib import Path
import ingestion.load
from tests.trials.test_ingestion_kill import load
ingestion.load.BATCH_BYTES = {BATCH_BYTES}
print("loading", flush=True)
load(Path(sys.argv[1]), Path(sys.argv[2]))
"""


@pytest.mark.timeout(1_800)
def test_a_killed_load_is_made_good_by_the_next(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    size = request.config.getoption("--trials")
    landing = _filled(tmp_path / "landing", Random(4))
    seconds = _loading(tmp_path / "undisturbed.duckdb", landing)
    wanted = _tables(tmp_path / "undisturbed.duckdb")
    assert wanted["raw.loads"].num_rows == len(list(landing.rglob("*.*")))
    moments, halfway = Random(6), 0

    for number in range(KILLS[size]):
        database = tmp_path / f"killed-{number}.duckdb"
        moment = moments.random() * seconds
        _loading(database, landing, kill_after_s=moment)
        done = _files_loaded(database)
        halfway += 0 < done < wanted["raw.loads"].num_rows
        load(database, landing)

        found = _tables(database)
        differing = [name for name, rows in wanted.items() if not rows.equals(found[name])]
        assert differing == [], f"killed after {moment:.2f} of {seconds:.2f} s, {done} files loaded"

    if size == "full":
        assert halfway >= KILLS[size] / 5, "hardly a kill fell between two transactions"


def load(database: Path, landing: Path) -> None:
    """Load all that is new, as a run does."""
    config = SourcesConfig.model_validate({"sources": SOURCES})
    with DuckDBWarehouse.open(database) as warehouse:
        load_landing(warehouse, config, landing, now=NOW, is_suppressed=nobody)


def _loading(database: Path, landing: Path, kill_after_s: float | None = None) -> float:
    """Load in another process, perhaps killed; return for how many seconds it loaded."""
    child = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", LOAD, str(database), str(landing)],
        cwd=ROOT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert child.stdout is not None
    with child:
        assert child.stdout.readline() == "loading\n"
        began = time.monotonic()
        try:
            assert child.wait(timeout=kill_after_s) == 0
        except subprocess.TimeoutExpired:
            child.kill()  # SIGKILL: no handler, no clean-up
        return time.monotonic() - began


def _filled(folder: Path, chance: Random) -> Path:
    """Files of events with copies across them, of records, and one that cannot be read."""
    landing = Landing(folder)
    for number in range(10):
        calls = [_call(chance, number) for _ in range(300)]
        body = b"\n".join(json.dumps(call).encode() for call in calls) + b"\n{broken\n"
        landing.put(f"web/{chance.randrange(100):02}-{number}.jsonl", body)
    landing.put("web/50-cut.jsonl.gz", b"").write_bytes(b"\x1f\x8b\x08 cut")
    for kind, folder_name in (("person_records", "crm"), ("orders", "shop")):
        rows = RECORDS[kind]
        for number in range(2):
            keys = [f"r{chance.randrange(300)}" for _ in range(200)]
            lines = [rows.csv_line(Random(key), key, 0) for key in keys]
            landing.put(f"{folder_name}/{number}.csv", b"\n".join([rows.csv_header, *lines, b"x"]))
    return folder


def _call(chance: Random, number: int) -> dict[str, Any]:
    """A call; every third has an id that other files have too, received at another time."""
    is_shared = chance.random() < 0.3
    key = f"shared-{chance.randrange(900)}" if is_shared else f"{number}-{chance.random()}"
    made = segment_call(chance, key)
    received = datetime.fromisoformat(made["receivedAt"]) + timedelta(seconds=chance.random())
    return {**made, "receivedAt": received.isoformat()}


def _files_loaded(database: Path) -> int:
    with DuckDBWarehouse.open(database) as warehouse:
        warehouse.create_missing(TABLES)
        return int(warehouse.scalar("select count(*) from raw.loads"))


def _tables(database: Path) -> dict[str, pa.Table]:
    """Every raw table with all its columns: the clock that both loads were given is the same."""
    with DuckDBWarehouse.open(database) as warehouse:
        return {
            str(table.name): warehouse.read(f"select * from {table.name.sql} order by all")
            for table in TABLES
        }
