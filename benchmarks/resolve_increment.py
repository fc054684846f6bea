"""Resolving once more after one record of a hundred changed, against resolving all."""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path

from benchmarks.measured import Ratio
from benchmarks.resolve_once import Resolution, resolve_in_child
from benchmarks.staged_records import stage_records
from warehouse import DuckDBWarehouse

BUDGET = 0.05
# Of a hundred records one arrives or is edited: half of them each.
_ARRIVING_SQL = """
    delete from staging.stg_raw__person_records where hash(source_record_id) % 200 = 0
"""
_EDITED_SQL = """
    update staging.stg_raw__person_records set street = 'Moved Street 1', record_hash = 'edited'
    where hash(source_record_id) % 200 = 1
"""


def measure(folder: Path, *, people: int) -> Ratio:
    """Resolve so many records of the sample company, then one per cent of changes."""
    again, full = resolve_twice(folder, people)
    return Ratio(
        f"resolve 1 % changed of {people:,} records",
        again.wall_s,
        "all of them",
        full.wall_s,
        BUDGET,
    )


def resolve_twice(folder: Path, records: int) -> tuple[Resolution, Resolution]:
    """Resolve all but the arriving records, let them arrive, and resolve again."""
    made, _ = stage_records(folder, records)
    database, artifacts = folder / "increment.duckdb", folder / "artifacts-increment"
    shutil.copy(made, database)
    _change(database, "create table arriving as from staging.stg_raw__person_records "
            "where hash(source_record_id) % 200 = 0", _ARRIVING_SQL)  # fmt: skip
    full = resolve_in_child("ours", database, artifacts=artifacts)
    _change(database, "insert into staging.stg_raw__person_records from arriving",
            "drop table arriving", _EDITED_SQL)  # fmt: skip
    again = resolve_in_child("ours", database, artifacts=artifacts)
    database.unlink()
    shutil.rmtree(artifacts)
    return again, full


def _change(database: Path, *statements: str) -> None:
    with DuckDBWarehouse.open(database) as warehouse:
        for statement in statements:
            warehouse.execute(statement)
        warehouse.execute("checkpoint")


def main() -> None:
    """Measure alone, at the size of the budget."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000)
    records = parser.parse_args().records
    with tempfile.TemporaryDirectory() as folder:
        again, full = resolve_twice(Path(folder), records)
    for what, ours, whole in (
        (f"resolve 1 % changed of {records:,} records", again.wall_s, full.wall_s),
        ("the same, processor time", again.cpu_s, full.cpu_s),
    ):
        print(*Ratio(what, ours, "all of them", whole, BUDGET).cells(), sep=" | ")
    print(f"at most {again.peak_bytes / 2**30:.2f} GiB resident")


if __name__ == "__main__":
    main()
