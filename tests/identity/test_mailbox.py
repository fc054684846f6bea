"""A mailbox tells a surname, and is no agreement beyond it."""

from __future__ import annotations

import pytest

from identity.compare import COMPARED
from identity.model import DIFFERENT, level
from identity.prepare import RECORDS
from identity.resolve import compare_again
from tests.identity.conftest import Company


def read(company: Company, source: str) -> tuple[str | None, str | None]:
    row = company.warehouse.read(
        f"select first_name, last_name from {RECORDS} where source = '{source}'"
    ).to_pylist()[0]
    return row["first_name"], row["last_name"]


@pytest.mark.parametrize(
    ("first_name", "mailbox", "expected"),
    [
        ("Mary", "mary.lane42", ("mary", "lane")),
        ("Mary", "mlane", ("mary", "lane")),
        (None, "lane.mary", ("mary", "lane")),
        ("Rose", "mary.lane", ("rose", None)),
        ("Mary", "mary.unknown", ("mary", None)),
    ],
)
def test_a_missing_surname_is_read_from_the_mailbox(
    company: Company, first_name: str | None, mailbox: str, expected: tuple[str, str | None]
) -> None:
    company.record("crm", "1", first_name="Mary", last_name="Lane")
    company.record("news", "1", first_name=first_name, email=f"{mailbox}@mail.example")

    company.resolve()

    assert read(company, "news") == expected


@pytest.mark.parametrize(
    ("one", "other", "label"),
    [
        ("mary.lane42@a.example", "mary.lane42@b.example.org", "same mailbox and digits elsewhere"),
        ("mary.lane@a.example", "mary_lane@a.example", "same mailbox elsewhere"),
        ("mary.lane42@a.example", "mary.lane87@a.example", "same mailbox with other digits"),
        ("mary.lane42@a.example", "mary.lanr42@a.example", "one slip"),
    ],
)
def test_mailboxes_agree_in_more_than_their_letters(
    company: Company, one: str, other: str, label: str
) -> None:
    name = {"first_name": "Mary", "last_name": "Lane"}
    company.record("a", "1", email=one, **name)
    company.record("b", "1", email=other, **name)

    compare_again(
        company.warehouse, company.config, seed=7, artifacts=company.artifacts, default_region="US"
    )

    assert company.warehouse.scalar(f"select email from {COMPARED}") == level("email", label)


@pytest.mark.parametrize(
    ("mailbox", "first_name"),
    [("robert.lane42", "robert"), ("laner", None), ("lanefamily", None), ("lane", None)],
)
def test_a_missing_first_name_is_read_beside_the_surname(
    company: Company, mailbox: str, first_name: str | None
) -> None:
    company.record("crm", "1", last_name="Lane", email=f"{mailbox}@mail.example")

    company.resolve()

    assert read(company, "crm") == (first_name, "lane")


@pytest.mark.parametrize("mailbox", ["robert.lane42", "rlane"])
def test_a_family_line_does_not_join_whom_the_mailbox_names(company: Company, mailbox: str) -> None:
    phone = "206 555 0100"
    company.record("crm", "1", last_name="Lane", email=f"{mailbox}@mail.example", phone=phone)
    company.record("shop", "1", first_name="Mary", last_name="Lane", phone=phone)

    company.resolve()

    assert not company.are_one(("crm", "1"), ("shop", "1"))


def test_names_that_differ_as_the_mailboxes_do_show_no_slip(company: Company) -> None:
    for number, name in enumerate(("hanson", "hansen")):
        company.record("crm", str(number), first_name="John", last_name=name, email=f"john.{name}@a.example")  # fmt: skip
    company.resolve()

    compare_again(
        company.warehouse, company.config, seed=7, artifacts=company.artifacts, default_region="US"
    )

    assert company.warehouse.scalar(f"select email from {COMPARED}") == DIFFERENT
