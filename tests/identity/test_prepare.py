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


def test_a_number_is_read_as_it_is_dialled_in_the_country_of_its_record(company: Company) -> None:
    company.record("shop", "1", phone="612 345 678", country="es")
    company.record("shop", "2", phone="612 345 678")
    company.record("shop", "3", phone="(212) 867-5309", country="N/A")
    company.record("shop", "4", phone="07700 900123", country="UK")
    company.record("shop", "5", phone="0170 1234567", country="Germany")
    company.record("shop", "6", phone="98450 12345", country="IND")
    company.record("shop", "7", phone="(212) 867-5309", country="Narnia")
    company.record("shop", "8", phone="+1 212 867 5309", country="Narnia")

    prepare_records(company.warehouse, default_region="US")

    phones = {row["source_record_id"]: row["phone"] for row in company.rows(RECORDS)}
    assert phones == {
        "1": "+34612345678", "2": None, "3": "+12128675309", "4": "+447700900123",
        "5": "+491701234567", "6": "+919845012345", "7": None, "8": "+12128675309",
    }  # fmt: skip


def test_a_house_has_its_number_before_its_street_or_behind_it(company: Company) -> None:
    given = {
        "12 Main Street": ("12", "main street"), "Main Street 12": ("12", "main street"),
        "Main Street, 12a": ("12", "main street"), "Main street 12 / 3": ("12", "main street"),
        "Straße des 17. Juni 135": ("135", "straße des 17 juni"), "Rua 25 de Março 100": ("100", "rua 25 de marco"),
        "Calle 45 # 12-34": ("12", "calle 45"), "5th Avenue 12": ("12", "5th avenue"),
        "Flat 3, 12 High Street": ("12", "high street"), "Apt 2, 40 Main St": ("40", "main st"),
        "High Street, Flat 3": ("", "high street flat 3"), "Main Street 12, Apt. 4": ("12", "main street apt 4"),
        "P.O. Box 123": (None, None), "Postfach 1200": (None, None), "PO Box 7, 12 Main Street": ("12", "main street"),
    }  # fmt: skip
    for street in given:
        company.record("shop", street, street=street)

    prepare_records(company.warehouse, default_region="US")

    rows = company.rows(RECORDS)
    assert {row["source_record_id"]: (row["house_number"], row["street"]) for row in rows} == given


def test_words_that_are_nobodys_name_are_no_name(company: Company) -> None:
    company.record("shop", "1", first_name="MR.", last_name="Occupant")
    company.record("shop", "2", first_name="Son", last_name="Guest")

    prepare_records(company.warehouse, default_region="US")

    names = [(row["first_name"], row["last_name"]) for row in company.rows(RECORDS)]
    assert sorted(names, key=str) == [("son", "guest"), (None, None)]
