"""Of a record the newest file holds, also where it says again what an older one had said."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from ingestion.days import Day, drop_day, redo_day, restore_day
from ingestion.load import LoadContext
from tests.ingestion.conftest import NOW, Landing, nobody

LEAD, CUSTOMER = ("1,,lead,,\n2,,Ben,,\n", "1,,customer,,\n2,,Ben,,\n")
# As staging ranks them, see version_rank in dbt_project/macros/versions.sql.
NEWEST = """
    select full_name from raw.person_records where source_record_id = '{}'
    order by record_updated_at desc nulls last, loaded_at desc, file desc limit 1
"""


def put(landing: Landing, name: str, rows: str, *, day: int = 1) -> Path:
    path = landing.put(f"crm/{name}", f"Id,User,Name,Email,Phone\n{rows}".encode())
    modified = datetime.fromisoformat("2026-07-01T12:00").timestamp() + day * 86_400
    os.utime(path, (modified, modified))
    return path


def newest(landing: Landing, record: str = "1") -> str:
    return str(landing.values(NEWEST.format(record))[0])


def loads(landing: Landing) -> Sequence[tuple[int, int, int]]:
    """Rows in, loaded, deduplicated of each load."""
    return [(count[1], count[2], count[3]) for count in landing.counts()]


def test_a_value_that_comes_back_in_the_same_file_holds_again(landing: Landing) -> None:
    for number, rows in enumerate((LEAD, CUSTOMER, LEAD)):
        put(landing, "c.csv", rows, day=number)
        landing.load(NOW + timedelta(days=number))
    assert newest(landing) == "lead"

    put(landing, "c.csv", f"{LEAD}3,,Cy,,\n", day=4)
    landing.load(NOW + timedelta(days=4))

    assert newest(landing) == "lead"
    assert loads(landing) == [(2, 2, 0), (2, 1, 1), (2, 1, 1), (3, 1, 2)]
    assert landing.load(NOW + timedelta(days=5)).files == 0


@pytest.mark.parametrize("runs", [1, 3])
def test_a_value_that_comes_back_in_a_later_snapshot_holds_again(
    landing: Landing, runs: int
) -> None:
    for number, rows in enumerate((LEAD, CUSTOMER, LEAD)):
        put(landing, f"2026-07-0{number + 1}.csv", rows)
        if runs > 1:
            landing.load(NOW + timedelta(days=number))
    landing.load(NOW + timedelta(days=4))

    assert newest(landing) == "lead"
    assert loads(landing) == [(2, 2, 0), (2, 1, 1), (2, 1, 1)]
    hashes = landing.values("select record_hash from raw.person_records")
    assert len(set(hashes)) == len(hashes) == 4


def test_a_file_that_was_only_moved_brings_nothing_back(landing: Landing) -> None:
    first = put(landing, "a.csv", LEAD, day=1)
    landing.load()
    put(landing, "b.csv", CUSTOMER, day=2)
    landing.load(NOW + timedelta(days=1))

    first.rename(first.with_name("z.csv"))

    assert landing.load(NOW + timedelta(days=2)).files == 0
    assert newest(landing) == "customer"


def test_a_record_with_several_rows_in_a_file_does_not_grow(landing: Landing) -> None:
    several = "1,,Ann,,\n1,,Anna,,\n"
    for number in range(4):
        put(landing, "c.csv", several + "".join(f"{n},,Ben,,\n" for n in range(2, number + 3)))
        landing.load(NOW + timedelta(days=number))

    assert landing.values("select full_name from raw.person_records where source_record_id = '1'"
                          " order by 1") == ["Ann", "Anna"]  # fmt: skip


def test_a_date_of_the_last_change_counts_more_than_the_order_of_files(landing: Landing) -> None:
    landing.sources = {"crm": {**landing.sources["crm"], "updated_at": "Phone"}}
    early, late = "1,,lead,,2026-01-01\n", "1,,customer,,2026-02-01\n"
    for number, rows in enumerate((early, late, early)):
        put(landing, "c.csv", rows, day=number)
        landing.load(NOW + timedelta(days=number))

    assert newest(landing) == "customer"
    assert landing.values("select count(*) from raw.person_records") == [2]


def test_a_day_on_which_a_value_came_back_can_be_redone_dropped_and_restored(
    landing: Landing,
) -> None:
    for number, rows in enumerate((LEAD, CUSTOMER, LEAD)):
        put(landing, f"2026-07-0{number + 1}.csv", rows)
        landing.load(NOW + timedelta(days=number))
    context = LoadContext(landing.warehouse, NOW + timedelta(days=9), nobody, "US")
    given = (context, landing.config, landing.folder)
    before = landing.rows("from raw.person_records order by all")

    for day in (1, 2, 3):
        redo_day(*given, Day(date(2026, 7, day)))
        assert landing.rows("from raw.person_records order by all") == before, day
    drop_day(*given, Day(date(2026, 7, 3)))
    assert newest(landing) == "customer"
    restore_day(*given, Day(date(2026, 7, 3)))
    assert newest(landing) == "lead"
    drop_day(*given, Day(date(2026, 7, 1)))
    assert (newest(landing), newest(landing, "2")) == ("lead", "Ben")
