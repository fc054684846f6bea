from __future__ import annotations

import datetime as dt

from identity.inventory import PREPARED
from identity.prepare import RECORDS, prepare_records
from tests.identity.conftest import NOW, Company

_AMBIGUOUS = "04/05/1990"


def _dates(company: Company) -> list[dt.date | None]:
    """Of the records whose date may be read in two ways, by source."""
    rows = company.rows(RECORDS, "source_record_id = 'last'")
    return [row["birth_date"] for row in sorted(rows, key=lambda row: row["source"])]


def test_each_source_has_its_own_order_of_day_and_month_and_keeps_it(company: Company) -> None:
    for day in range(13, 23):
        company.record("american", f"{day}", birth_date=f"07/{day}/1980")
        company.record("british", f"{day}", birth_date=f"{day}/07/1980")
    for source in ("american", "british", "new"):
        company.record(source, "last", birth_date=_AMBIGUOUS)

    reading = prepare_records(company.warehouse, default_region="US")
    together = _dates(company)
    company.forget("staging.stg_raw__person_records", "source_record_id <> 'last'")
    prepare_records(company.warehouse, default_region="US", reading=reading)

    assert together == _dates(company) == [dt.date(1990, 4, 5), dt.date(1990, 5, 4), None]


def test_nobody_is_born_after_the_day_of_the_run(company: Company) -> None:
    day = NOW.date()
    for source, days in (("crm", 1), ("shop", 0), ("web", 9999)):
        company.record(source, "last", birth_date=str(day + dt.timedelta(days)))

    company.resolve()

    rows = sorted(company.rows(PREPARED.name.sql), key=lambda row: row["source"])
    assert [row["birth_date"] for row in rows] == [None, day, None]


def test_words_that_are_nobodys_name_are_no_name(company: Company) -> None:
    company.record("shop", "1", first_name="MR.", last_name="Occupant")
    company.record("shop", "2", first_name="Son", last_name="Guest")

    prepare_records(company.warehouse, default_region="US")

    names = [(row["first_name"], row["last_name"]) for row in company.rows(RECORDS)]
    assert sorted(names, key=str) == [("son", "guest"), (None, None)]
