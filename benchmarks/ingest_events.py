"""Loading events, against a bare ``read_json`` and ``create table`` of the same files."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from benchmarks.measured import Ratio, sample_landing, seconds
from ingestion import SourcesConfig, load_landing
from warehouse import DuckDBWarehouse

EVENT_FILES = "events/**/*.jsonl*"
CONFIG = SourcesConfig.model_validate(
    {"sources": {"web": {"kind": "segment", "files": EVENT_FILES}}}
)


def measure(folder: Path, *, people: int) -> Ratio:
    """Load the sample company's events into two new database files, ours and the bare one."""
    landing = sample_landing(folder, people)
    pattern = str(landing / EVENT_FILES).replace("'", "''")
    # The sample holds a few lines that are no JSON; the bare reader would stop at the first.
    options = "format = 'newline_delimited', ignore_errors = true"
    bare = f"create table events as from read_json('{pattern}', {options})"
    with DuckDBWarehouse.open(folder / "bare.duckdb") as warehouse:
        reference = seconds(lambda: warehouse.execute(bare))
        lines = warehouse.scalar("select count(*) from events")
    with DuckDBWarehouse.open(folder / "events.duckdb") as warehouse:
        ours = seconds(lambda: _load(warehouse, landing))
    return Ratio(f"load {lines:,} events", ours, "read_json, create table", reference, budget=2.0)


def _load(warehouse: DuckDBWarehouse, landing: Path) -> None:
    now = datetime.now(tz=UTC).replace(tzinfo=None)
    load_landing(warehouse, CONFIG, landing, now=now, is_suppressed=_nobody)


def _nobody(identifiers: pa.Table) -> pa.Table:
    return identifiers.slice(0, 0)
