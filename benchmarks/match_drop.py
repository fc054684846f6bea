"""Lists of California's deletion platform against profiles: 100,000 hashes, 1,000,000 profiles, 60 s."""

from __future__ import annotations

import argparse
import datetime as dt
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.measured import seconds
from identity.inventory import TABLES as IDENTITY
from ingestion.inventory import TABLES as RAW
from privacy import (
    ConsentConfig,
    Drop,
    ErasureContext,
    KeyRing,
    RequestFolder,
    SubjectRequest,
    Suppressions,
)
from privacy import drop_hashes as hashes
from privacy.drop_files import ITEMS, DropLists
from privacy.inventory import TABLES as PRIVACY
from warehouse import DuckDBWarehouse, Warehouse

BUDGET_S = 60.0
CONFIG = ConsentConfig.model_validate({"purposes": {"advertising": {"description": "ads"}}})


def measure(folder: Path, *, people: int, listed: int) -> tuple[float, int, int]:
    """Seconds to take three lists of ``listed`` hashes in all; items and persons found.

    Half of the hashes name somebody. Making the requests is part of it, writing their files is not.
    """
    with DuckDBWarehouse.open(folder / f"drop-{people}.duckdb") as warehouse:
        _fill(warehouse, people)
        lists = DropLists(warehouse.read(_LISTS, {"listed": listed}).cast(ITEMS), ())
        drop = Drop(_context(warehouse, folder), CONFIG, _Nowhere(folder), "benchmark")
        reports: list[Any] = []
        took = seconds(lambda: reports.append(drop.take(lists)))
        return took, reports[0].found, reports[0].requests


class _Nowhere(RequestFolder):
    """Takes requests and keeps none: a file for each measures the disk."""

    def add(self, request: SubjectRequest) -> None:
        """Keep nothing."""


def _fill(warehouse: Warehouse, people: int) -> None:
    warehouse.create_missing([*RAW, *IDENTITY, *PRIVACY])
    for statement in _FILL:
        warehouse.execute(statement, {"people": people} if "$people" in statement else None)


def _context(warehouse: Warehouse, home: Path) -> ErasureContext:
    return ErasureContext(
        warehouse=warehouse, tables=(), locations=(), destinations=None,
        suppressions=Suppressions(warehouse, KeyRing(home / "keys")), request_places=(), home=home,
        roots=(home,), warehouse_file=None, customer_id_sources=(), default_region="US",
        now=dt.datetime.fromisoformat("2026-09-01"), run_id="benchmark",
    )  # fmt: skip


_FILL = (
    """
    insert into raw.person_records by name
    select 'crm' as source, i::varchar as source_record_id, 'Given' || i % 997 as first_name,
        'Family' || i as last_name, strftime(date '1950-01-01' + (i % 20000)::integer, '%Y-%m-%d')
            as birth_date, lpad((i % 90000)::varchar, 5, '1') as postal_code
    from range($people) as t(i)
    """,
    """
    insert into identity.identifiers by name
    select 'crm' as source, i::varchar as source_record_id, 'email' as identifier_type,
        'someone' || i || '@mail.example' as identifier_value, false as is_shared
    from range($people) as t(i)
    union all
    select 'crm', i::varchar, 'phone', '+1' || (2000000000 + i), false from range($people) as t(i)
    """,
    """
    insert into identity.members by name
    select 'crm' as source, i::varchar as source_record_id, 'p' || i as person_id
    from range($people) as t(i)
    """,
)

# A third each of addresses, numbers, and names with birth date and ZIP; every second is nobody's.
_NDZ = hashes.joined_sql(
    hashes.name_sql("first_name"), hashes.name_sql("last_name"),
    hashes.birth_date_sql("birth_date::date"), hashes.zip_sql("postal_code"),
)  # fmt: skip
_LISTS = f"""
    with taken as (
        select *, row_number() over () as number
        from raw.person_records limit ($listed / 6)::bigint
    ),
    found as (
        select number, 'Email' as list_type,
            {hashes.hash_sql("'someone' || source_record_id || '@mail.example'")} as hash from taken
        union all
        select number, 'Phone',
            {hashes.hash_sql("(2000000000 + source_record_id::bigint)::varchar")} from taken
        union all
        select number, 'NDZ', {_NDZ} from taken
    ),
    everybody as (
        select number, list_type, hash from found
        union all
        select -number, list_type, base64(unhex(sha256('nobody' || number || list_type))) from found
    )
    select list_type || number as item_id, list_type, hash, list_type || '.csv' as file
    from everybody
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--listed", type=int, default=100_000)
    asked = parser.parse_args()
    with TemporaryDirectory() as folder:
        took, found, requests = measure(Path(folder), people=asked.people, listed=asked.listed)
    print(
        f"{asked.listed:,} hashes against {asked.people:,} profiles: {took:.1f} s "
        f"(budget {BUDGET_S:.0f} s); {found:,} items found, {requests:,} erasures asked for"
    )


if __name__ == "__main__":
    main()
