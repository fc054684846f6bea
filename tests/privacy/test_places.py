"""What privacy itself keeps of people is found, searched and erased like everything else."""

from __future__ import annotations

from privacy.inventory import TABLES
from privacy.needles import Needles
from privacy.verify import scan_home
from tests.privacy.company import ANN, ANN_DEVICE, ANN_PHONE, Company

PLANTED = {
    "privacy.hold_records": {"source": "crm", "source_record_id": "ann-record-1"},
    "privacy.objections": {"email": ANN, "phone": ANN_PHONE, "anonymous_id": ANN_DEVICE},
    "privacy.objecting_persons": {"person_id": "p_ann_00001"},
}
VALUES = frozenset({ANN, ANN_PHONE, ANN_DEVICE, "ann-record-1", "p_ann_00001"})


def _plant(company: Company) -> None:
    for table, row in PLANTED.items():
        marks = ", ".join(f"${name}" for name in row)
        company.warehouse.execute(f"insert into {table} ({', '.join(row)}) values ({marks})", row)


def test_every_table_of_privacy_that_names_people_is_planted_here() -> None:
    assert {str(table.name) for table in TABLES if table.subjects} == set(PLANTED)


def test_the_search_sees_people_in_each_of_them(company: Company) -> None:
    _plant(company)

    found = scan_home(
        company.warehouse, [company.home], Needles(VALUES),
        warehouse_file=company.home / "warehouse.duckdb",
    )  # fmt: skip

    assert set(PLANTED) <= {trace.location for trace in found.traces}


def test_an_erasure_counts_and_empties_each_of_them(company: Company) -> None:
    _plant(company)
    company.ask(("email", ANN, "raw"))

    (receipt,) = company.erase().receipts

    erased = {place["location"] for place in receipt.facts["locations"]}
    assert set(PLANTED) <= erased
    assert [company.rows(table) for table in PLANTED] == [[], [], []]
