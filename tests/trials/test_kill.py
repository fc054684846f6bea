"""A run that is killed at any moment leaves nothing that the next run does not put right."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pytest

from tests.conftest import ROOT
from warehouse import DuckDBWarehouse, TableName

# Columns that say when or by which run a row was written, which two runs cannot share.
VOLATILE = {
    "run_id", "loaded_at", "assigned_at", "created_at", "changed_at", "entered_at", "trained_at",
    "acknowledged_at", "batch_id", "refused_at", "started_at", "finished_at", "change_id", "known_from",
    "known_to", "stored_at", "scanned_at", "scanned_until", "fingerprint", "input_fingerprint", "row_fingerprint",
    "counted_at",
}  # fmt: skip
# Tables that record runs rather than results.
JOURNALS = {"sync.runs", "sync.batches", "sync.row_results", "identity.runs", "identity.churn",
            "audiences.sizes", "privacy.audit_log", "privacy.retention_runs",
            "sync.settled", "sync.settled_parts"}  # how rows stand by the batches that wrote them  # fmt: skip
# What a profile tells of scores and personas is what the run before published.
EARLIER = {"marts.profiles": {"scores", "persona_id", "persona_name"}}
KILLS = {"sample": 1, "full": 12}


@pytest.mark.warehouse
@pytest.mark.timeout(3_000)
def test_a_killed_run_is_made_good_by_the_next(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    landing = tmp_path / "landing"
    _candor("sample", "--people", "300", "--seed", "11", "--out", str(landing))
    began = time.monotonic()
    _candor(*_run(tmp_path / "undisturbed", landing))
    seconds = time.monotonic() - began
    moments = random.Random(3)

    for number in range(KILLS[request.config.getoption("--trials")]):
        home = tmp_path / f"killed-{number}"
        moment = moments.uniform(0.15, 0.95) * seconds
        _kill_after(moment, *_run(home, landing))
        _candor(*_run(home, landing))

        differing = _differing(tmp_path / "undisturbed", home)
        assert differing == [], f"killed after {moment:.1f} of {seconds:.1f} s"


def _run(home: Path, landing: Path) -> tuple[str, ...]:
    config = str(ROOT / "config")
    return ("run", "--home", str(home), "--landing", str(landing), "--config", config)


def _candor(*arguments: str) -> None:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("candor")), *arguments],
        capture_output=True, text=True, check=False, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]


def _kill_after(seconds: float, *arguments: str) -> None:
    process = subprocess.Popen(
        [str(Path(sys.executable).with_name("candor")), *arguments],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT, start_new_session=True,
    )  # fmt: skip
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _differing(one: Path, other: Path) -> list[str]:
    first, second = _tables(one), _tables(other)
    return sorted(
        name for name in first.keys() | second.keys() if first.get(name) != second.get(name)
    )


def _tables(home: Path) -> dict[str, pa.Table]:
    with DuckDBWarehouse.open(home / "warehouse.duckdb") as warehouse:
        columns = warehouse.columns().to_pylist()
        stored = [row for row in columns if row["table_type"] == "BASE TABLE"]
        names = {f"{row['table_schema']}.{row['table_name']}" for row in stored} - JOURNALS
        return {name: _stable_rows(warehouse, name, stored) for name in sorted(names)}


def _stable_rows(warehouse: DuckDBWarehouse, name: str, columns: list[dict[str, str]]) -> pa.Table:
    kept = [
        f'"{row["column_name"]}"'
        for row in columns
        if f"{row['table_schema']}.{row['table_name']}" == name
        and row["column_name"] not in VOLATILE | EARLIER.get(name, set())
    ]
    if not kept:
        return pa.table({})
    # How often a person's consent was learnt of depends on the loads; what is known in the end does not.
    known = "known_to is null" if name == "marts.consent_history" else "true"
    return warehouse.read(
        f"select {', '.join(kept)} from {TableName.parse(name).sql} where {known} order by all"
    )
