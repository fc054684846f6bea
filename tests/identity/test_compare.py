"""How the values of two records agree."""

from __future__ import annotations

import pyarrow as pa
import pytest

from identity.compare import level_case
from identity.model import COMPARISONS, DIFFERENT, level
from identity.prepare import RECORDS, prepare_records
from identity.train import usable_comparisons
from tests.identity.conftest import Company
from warehouse import DuckDBWarehouse

_FIELDS = (
    "first_name", "given_name", "initial", "middle_name", "last_name", "birth_date", "house_number", "street",
    "city", "postal_code",
)  # fmt: skip


def _level(field: str, one: dict[str, str | None], other: dict[str, str | None]) -> int:
    """The level of a pair whose fields that are not named are unknown; all names are rare."""
    comparison = next(item for item in COMPARISONS if item.name == field)
    pair = {f"{name}_l": one.get(name) for name in _FIELDS} | {
        f"{name}_r": other.get(name) for name in _FIELDS
    }
    rows = pa.Table.from_pylist([pair], pa.schema([(name, pa.string()) for name in pair]))
    warehouse = DuckDBWarehouse.in_memory()
    with warehouse.view("pairs", rows):
        dated = "select * replace (birth_date_l::date as birth_date_l, birth_date_r::date as birth_date_r), "
        return int(
            warehouse.scalar(
                f"select {level_case(comparison)} from "
                f"({dated} 2 as first_name_count_l, 2 as first_name_count_r, "
                f"2 as last_name_count_l, 2 as last_name_count_r from pairs)"
            )
        )


@pytest.mark.parametrize(
    ("one", "other", "label"),
    [
        ("maria fernanda", "maria", "initial or second name"),
        ("fernanda", "maria fernanda", "initial or second name"),
        ("jean pierre", "jean claude", None),
        ("maria fernanda", "fern", None),
    ],
)
def test_who_goes_by_one_of_several_first_names_has_no_other_name(
    one: str, other: str, label: str | None
) -> None:
    found = _level(
        "first_name", {"first_name": one, "given_name": one, "initial": one[0]},
        {"first_name": other, "given_name": other, "initial": other[0]},
    )  # fmt: skip

    assert found == (level("first_name", label) if label else 0)


@pytest.mark.parametrize(
    ("one", "other"), [("karl", "karen"), ("charlie", "christopher"), ("marlon", "marvin")]
)
def test_first_names_of_twins_and_brothers_differ_although_they_begin_alike(
    one: str, other: str
) -> None:
    found = _level(
        "first_name", {"first_name": one, "given_name": one, "initial": one[0]},
        {"first_name": other, "given_name": other, "initial": other[0]},
    )  # fmt: skip

    assert found == DIFFERENT


@pytest.mark.parametrize(
    ("one", "other", "label"),
    [
        ("de souza", "de carvalho", None),
        ("van der berg", "van der laan", None),
        ("oliveira junior", "santos junior", None),
        ("de la cruz", "cruz", "one part of two"),
        ("garcia gonzalez", "garcia", "one part of two"),
        ("simmons", "smiions", "two slips"),
        ("simmons", "hernandez", None),
        ("petersen", "peterhoff", None),
        ("ross", "rohs", "similar"),
        ("ross", "rouch", None),
    ],
)
def test_particles_are_no_surname_and_two_slips_are_told_from_another_surname(
    one: str, other: str, label: str | None
) -> None:
    found = _level("last_name", {"last_name": one}, {"last_name": other})

    assert found == (level("last_name", label) if label else 0)


@pytest.mark.parametrize(
    ("one", "other", "label"),
    [
        ("1964-11-03", "1964-01-01", "year alone known"),
        ("1964-01-01", "1964-11-03", "year alone known"),
        ("1964-01-01", "1964-01-01", "same"),
        ("1964-11-03", "1964-08-25", None),
        ("1964-11-03", "1965-01-01", None),
    ],
)
def test_the_first_of_january_of_a_birth_year_is_no_other_birth_date(
    one: str, other: str, label: str | None
) -> None:
    found = _level("birth_date", {"birth_date": one}, {"birth_date": other})

    assert found == (level("birth_date", label) if label else 0)


def test_places_are_compared_where_no_record_has_a_city(company: Company) -> None:
    for street in ("Main Street", "Mill Lane"):
        company.record("shop", street, street=f"12 {street}")

    prepare_records(company.warehouse, default_region="US")

    assert [item.name for item in usable_comparisons(company.warehouse, RECORDS)] == ["address"]


@pytest.mark.parametrize(
    ("street", "label"),
    [(None, "same postal code, street unknown"), ("mill lane", "same postal code")],
)
def test_another_house_of_a_postal_code_is_told_from_one_that_nobody_knows(
    street: str | None, label: str
) -> None:
    found = _level(
        "address", {"postal_code": "62701", "street": "main street", "house_number": "1"},
        {"postal_code": "62701", "street": street, "house_number": "9"},
    )  # fmt: skip

    assert found == level("address", label)


@pytest.mark.parametrize(
    ("one", "other", "label"),
    [
        ("ann@gmail.com", "ann@maple.example", "a provider's and an employer's"),
        ("ann@maple.example", "ann@oak.example", "two employers'"),
        ("ann81@gmail.com", "ann54@icloud.com", None),
    ],
)
def test_two_addresses_at_providers_are_not_as_one_at_work_and_one_at_home(
    company: Company, one: str, other: str, label: str | None
) -> None:
    company.record("crm", "a", email=one)
    company.record("shop", "b", email=other)
    prepare_records(company.warehouse, default_region="US")
    (mailboxes,) = (item for item in COMPARISONS if item.name == "mailboxes")

    found = company.warehouse.scalar(
        f"select {level_case(mailboxes)} from (select "
        "one.mailbox_is_free as mailbox_is_free_l, other.mailbox_is_free as mailbox_is_free_r, "
        "one.email_domain as email_domain_l, other.email_domain as email_domain_r "
        f"from {RECORDS} as one, {RECORDS} as other "
        "where one.source = 'crm' and other.source = 'shop')"
    )

    assert found == (level("mailboxes", label) if label else DIFFERENT)
