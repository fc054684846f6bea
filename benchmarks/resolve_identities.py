"""Resolving records end to end against a bare Splink script's train, predict and cluster.

``python -m benchmarks.resolve_identities --records 1000000`` measures alone and tells memory and
quality too.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path

from benchmarks.measured import Ratio
from benchmarks.resolve_once import Resolution, resolve_in_child
from benchmarks.staged_records import stage_records

BUDGET = 1.3
MEMORY_BUDGET_GIB = 3.0
_REFERENCE = "bare Splink: train, predict, cluster"


def measure(folder: Path, *, people: int) -> Ratio:
    """Resolve so many records of the sample company in one home, run the bare script in another."""
    ours, bare = resolve_both(folder, people)
    return Ratio(f"resolve {people:,} records", ours.wall_s, _REFERENCE, bare.wall_s, BUDGET)


def resolve_both(folder: Path, records: int) -> tuple[Resolution, Resolution]:
    """Resolve the same records by Candor and by the bare script, one after the other."""
    made, truth = stage_records(folder, records)
    found = []
    for what in ("ours", "bare"):
        database = folder / f"resolve-{what}.duckdb"
        shutil.copy(made, database)
        found.append(resolve_in_child(what, database, artifacts=folder / "artifacts", truth=truth))
        database.unlink()
    shutil.rmtree(folder / "artifacts")
    return found[0], found[1]


def main() -> None:
    """Measure alone, at the size of the budget."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000)
    records = parser.parse_args().records
    with tempfile.TemporaryDirectory() as folder:
        ours, bare = resolve_both(Path(folder), records)
    what = f"resolve {records:,} records"
    for ratio in (
        Ratio(what, ours.wall_s, _REFERENCE, bare.wall_s, BUDGET),
        Ratio("the same, processor time", ours.cpu_s, _REFERENCE, bare.cpu_s, BUDGET),
    ):
        print(*ratio.cells(), sep=" | ")
    for who, run in (("Candor", ours), ("bare", bare)):
        print(
            f"{who}: at most {run.peak_bytes / 2**30:.2f} GiB resident, "
            f"F1 {run.f1:.3f}, precision {run.precision:.3f}"
        )
    print(f"the budget of resident memory is {MEMORY_BUDGET_GIB:.0f} GiB")


if __name__ == "__main__":
    main()
