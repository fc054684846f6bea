"""A load that is killed at any moment is made good by the next: no row lost, none twice."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import pyarrow as pa
import pytest

from ingestion import SourcesConfig, load_landing
from sample import make_sample
from settings import load_config
from tests.conftest import ROOT
from tests.ingestion.conftest import NOW, nobody
from warehouse import DuckDBWarehouse

SEED = 5
KILLS = {"sample": 2, "full": 50}
PEOPLE = {"sample": 300, "full": 1_000}
LOADER = """
import sys
from pathlib import Path
import ingestion.load
from tests.trials.test_ingestion_kill import load
ingestion.load.BATCH_BYTES = 64 * 1024
load(Path(sys.argv[1]), Path(sys.argv[2]))
"""
JOURNAL = ("loaded_at",)


def load(landing: Path, database: Path) -> None:
    """Load the landing folder as `candor run` does."""
    sources = load_config(ROOT / "config" / "sources.yml", SourcesConfig)
    with DuckDBWarehouse.open(database) as warehouse:
        load_landing(warehouse, sources, landing, now=NOW, is_suppressed=nobody)


@pytest.mark.warehouse
@pytest.mark.timeout(3_000)
def test_a_killed_load_is_made_good_by_the_next(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    size = request.config.getoption("--trials")
    landing = tmp_path / "landing"
    make_sample(people=PEOPLE[size], seed=SEED, out=landing, truth=tmp_path / "truth")
    load(landing, tmp_path / "undisturbed.duckdb")
    expected = _tables(tmp_path / "undisturbed.duckdb")
    began = time.monotonic()
    _child(landing, tmp_path / "timed.duckdb").wait()
    seconds = time.monotonic() - began
    chance = Random(SEED)

    for number in range(KILLS[size]):
        database = tmp_path / f"killed-{number}.duckdb"
        moment = chance.uniform(0.2, 1.0) * seconds
        _kill_after(moment, _child(landing, database))
        load(landing, database)

        assert _differing(expected, _tables(database)) == [], f"killed after {moment:.2f} s"


def _child(landing: Path, database: Path) -> subprocess.Popen[bytes]:
    """A process that loads in many small transactions."""
    arguments = [sys.executable, "-W", "ignore", "-c", LOADER, str(landing), str(database)]
    return subprocess.Popen(
        arguments, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def _kill_after(seconds: float, process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()


def _tables(database: Path) -> dict[str, pa.Table]:
    with DuckDBWarehouse.open(database) as warehouse:
        names = warehouse.read(
            "select distinct table_name from information_schema.tables where table_schema = 'raw'"
        )["table_name"].to_pylist()
        return {name: _rows(warehouse, name) for name in sorted(names)}


def _rows(warehouse: DuckDBWarehouse, name: str) -> pa.Table:
    columns = warehouse.read(f"select * from raw.{name} limit 0").column_names
    kept = ", ".join(f'"{column}"' for column in columns if column not in JOURNAL)
    return warehouse.read(f"select {kept} from raw.{name} order by all").combine_chunks()


def _differing(expected: dict[str, pa.Table], found: dict[str, pa.Table]) -> list[str]:
    return [name for name, rows in expected.items() if not rows.equals(found.get(name))]
