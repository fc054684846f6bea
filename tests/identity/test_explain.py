"""Why records are one person, and decisions about it."""

from __future__ import annotations

import pytest

from identity import (
    InvalidDecisionError,
    RecordName,
    UnknownRecordError,
    Verdict,
    add_decision,
    explain_pair,
    explain_record,
)
from tests.identity.conftest import NOW, Company

ANN, SHOP, PHONE = RecordName("crm", "1"), RecordName("shop", "2"), RecordName("support", "3")
BOB = RecordName("crm", "4")


@pytest.fixture
def resolved(company: Company) -> Company:
    company.record("crm", "1", full_name="Ann Lee", email="ann@lee.example")
    company.record("shop", "2", full_name="Ann Lee", email="ann@lee.example", phone="206 555 0100")
    company.record("support", "3", full_name="Ann Lee", phone="(206) 555-0100")
    company.record("crm", "4", full_name="Bob Ray", email="bob@ray.example")
    company.resolve()
    return company


def test_every_link_of_a_person_is_shown_with_its_rule(resolved: Company) -> None:
    found = explain_record(resolved.warehouse, ANN)

    rules = set(found.links.column("rule").to_pylist())
    assert rules == {"same email", "same phone"}
    assert found.person_id == resolved.members()[("crm", "1")]


def test_two_records_hang_together_over_a_third(resolved: Company) -> None:
    chain = explain_pair(resolved.warehouse, ANN, PHONE)

    assert sorted(chain.column("rule").to_pylist()) == ["same email", "same phone"]


def test_links_hold_no_personal_value(resolved: Company) -> None:
    text = str(explain_record(resolved.warehouse, ANN).links.to_pylist())

    assert not any(value in text for value in ("ann", "Ann", "Lee", "206", "0100"))


def test_two_persons_are_explained_by_what_was_cut_between_them(resolved: Company) -> None:
    add_decision(resolved.warehouse, Verdict.CANNOT_LINK, ANN, SHOP, reason=None, now=NOW)
    resolved.resolve()

    between = explain_pair(resolved.warehouse, ANN, SHOP).to_pylist()

    assert [row["cut_reason"] for row in between if row["is_cut"]] == ["decision: cannot link"]


def test_who_is_nobodys_record_is_not_explained(resolved: Company) -> None:
    with pytest.raises(UnknownRecordError, match="no member of source 'crm'"):
        explain_record(resolved.warehouse, RecordName("crm", "99"))


def test_a_written_decision_holds_from_the_next_run_on(resolved: Company) -> None:
    add_decision(resolved.warehouse, Verdict.MUST_LINK, BOB, ANN, reason="they said so", now=NOW)

    resolved.resolve()

    assert resolved.are_one(("crm", "1"), ("crm", "4"))


@pytest.mark.parametrize("other", [ANN, RecordName("emails", "ann@lee.example")])
def test_a_decision_that_cannot_hold_is_refused(resolved: Company, other: RecordName) -> None:
    with pytest.raises(InvalidDecisionError):
        add_decision(resolved.warehouse, Verdict.MUST_LINK, ANN, other, reason=None, now=NOW)

    assert resolved.rows("identity.decisions") == []
