"""Load events once, in a process of its own: ``python -m benchmarks.load_once ours|bare …``.

A process that does nothing else tells how much memory and processor time its load takes.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from ingestion import SourcesConfig, load_landing
from warehouse import DuckDBWarehouse, literal

EVENT_FILES = "events/**/*.jsonl*"
CONFIG = SourcesConfig.model_validate(
    {"sources": {"web": {"kind": "segment", "files": EVENT_FILES}}}
)
# A file of good lines to read the columns from.
EXAMPLE = "example.jsonl"


@dataclass(frozen=True, slots=True)
class Load:
    """One load.

    Attributes:
        wall_s: Seconds by the clock.
        cpu_s: Seconds of processor time, of the user and the system.
        peak_bytes: The most memory that was resident.
        rows_in: Lines; the other three are what became of them, as far as it is told.
    """

    wall_s: float
    cpu_s: float
    peak_bytes: int
    rows_in: int
    loaded: int = 0
    deduplicated: int = 0
    quarantined: int = 0


def load_in_child(what: str, database: Path, landing: Path) -> Load:
    """Run one load in a new process."""
    command = [sys.executable, "-m", "benchmarks.load_once", what, str(database), str(landing)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return Load(**json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    what, database, landing = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    act = {"ours": _ours, "bare": _bare}[what]
    with DuckDBWarehouse.open(database) as warehouse:
        began, cpu = time.perf_counter(), _cpu_s()
        counts = act(warehouse, landing)
        wall_s, cpu_s = time.perf_counter() - began, _cpu_s() - cpu
    # Linux tells KiB.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps(asdict(Load(wall_s, cpu_s, peak, *counts))))


def _ours(warehouse: DuckDBWarehouse, landing: Path) -> tuple[int, ...]:
    now = datetime.now(tz=UTC).replace(tzinfo=None)
    done = load_landing(warehouse, CONFIG, landing, now=now, is_suppressed=_nobody)
    return done.rows_in, done.rows_loaded, done.rows_deduplicated, done.rows_quarantined


def _bare(warehouse: DuckDBWarehouse, landing: Path) -> tuple[int, ...]:
    """What a person would write: one statement, with the columns that the reader finds itself.

    It finds them in good lines only: where one is broken, it gives up and makes a single column.
    """
    found = warehouse.read(
        f"describe from read_json({literal(str(landing / EXAMPLE))}, format = 'newline_delimited')"
    ).to_pylist()
    columns = ", ".join(
        f"{literal(one['column_name'])}: {literal(one['column_type'])}" for one in found
    )
    warehouse.execute(
        f"create table events as from read_json({literal(str(landing / EVENT_FILES))}, "
        f"format = 'newline_delimited', ignore_errors = true, columns = {{{columns}}})"
    )
    return (warehouse.scalar("select count(*) from events"),)


def _nobody(identifiers: pa.Table) -> pa.Table:
    return identifiers.slice(0, 0)


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
