"""After an erasure the person can be searched for again, by what they are known by outside."""

from __future__ import annotations

from datetime import timedelta

import pytest

from privacy import (
    BackupFolder,
    IdentityType,
    SharedIdentityError,
    SubjectIdentity,
    SubjectRequest,
    make_request,
    search_again,
    verify,
)
from tests.privacy.company import ANN, ANN_PHONE, BEN, FAMILY_MAIL, FAMILY_PHONE, NOW, Company


def test_who_is_held_is_found_by_key_and_nothing_is_changed(company: Company) -> None:
    before = {table: company.rows(table) for table in ("raw.person_records", "marts.profiles")}
    found = search_again(_named(IdentityType.EMAIL, ANN), company.context())

    assert not found.is_clean
    by_key = {trace.location: trace.rows for trace in found.rows}
    assert (by_key["raw.person_records"], by_key["marts.profiles"]) == (2, 2)
    assert found.scan is None
    assert {table: company.rows(table) for table in before} == before


@pytest.fixture
def erased(company: Company, monkeypatch: pytest.MonkeyPatch) -> Company:
    """Ann is gone; what the search proves of itself is tested where it is made."""
    company.ask(("email", ANN, "raw"))
    assert company.erase().receipts
    monkeypatch.setattr(verify, "prove_recall", lambda: 1)
    return company


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (IdentityType.EMAIL, f" {ANN.upper()} "),
        (IdentityType.PHONE, ANN_PHONE),
        (IdentityType.USER_ID, "ann-user-77"),
        (IdentityType.CUSTOMER_ID, "ann-record-1"),
    ],
)
def test_who_was_erased_is_not_found_and_a_trace_that_came_later_is(
    erased: Company, kind: IdentityType, value: str
) -> None:
    request = _named(kind, value)
    clean = search_again(request, erased.context())
    (erased.home / "notes.txt").write_text(f"call {value.strip()} back")
    found = search_again(request, erased.context())

    assert clean.is_clean
    assert not found.is_clean
    assert found.scan
    assert [trace.location for trace in found.scan.traces] == ["home/notes.txt"]


def test_a_longer_address_that_another_request_names_is_no_trace(erased: Company) -> None:
    (erased.home / "notes.txt").write_text(f"write to mary-{ANN}")
    request = _named(IdentityType.EMAIL, ANN)

    assert not search_again(request, erased.context()).is_clean
    assert search_again(request, erased.context(), waiting=[f"mary-{ANN}"]).is_clean


@pytest.mark.parametrize(
    ("kind", "value"), [(IdentityType.PHONE, FAMILY_PHONE), (IdentityType.EMAIL, FAMILY_MAIL)]
)
def test_what_is_left_to_somebody_else_names_nobody(
    erased: Company, kind: IdentityType, value: str
) -> None:
    with pytest.raises(SharedIdentityError, match=f"as {kind} is shared by several persons"):
        search_again(_named(kind, value), erased.context())

    ann = _named(IdentityType.EMAIL, ANN).subject_identities
    shared = _named(kind, value)
    both = shared.model_copy(update={"subject_identities": (*ann, *shared.subject_identities)})
    found = search_again(both, erased.context())
    assert (found.is_clean, found.rows, found.shared) == (True, (), (kind,))


def test_what_several_hold_unmarked_names_nobody(company: Company) -> None:
    company.warehouse.execute("update identity.identifiers set is_shared = false")
    with pytest.raises(SharedIdentityError):
        search_again(_named(IdentityType.PHONE, FAMILY_PHONE), company.context())


def test_who_has_a_value_today_and_the_backups_are_told(erased: Company) -> None:
    backups = BackupFolder(erased.home / "backups")
    made = backups.make({}, now=NOW - timedelta(days=1))
    ben = search_again(_named(IdentityType.EMAIL, BEN), erased.context(backups=backups))
    ann = search_again(_named(IdentityType.EMAIL, ANN), erased.context(backups=backups))

    assert not ben.is_clean
    assert ben.person_ids == ("p_ben_00001",)
    assert (ann.is_clean, ann.backups) == (True, (made,))


def test_a_short_id_is_sought_by_key_alone(erased: Company) -> None:
    found = search_again(_named(IdentityType.CUSTOMER_ID, "7"), erased.context())
    assert found.is_clean
    assert found.scan
    assert found.scan.values == 0


def _named(kind: IdentityType, value: str) -> SubjectRequest:
    identity = SubjectIdentity(identity_type=kind, identity_value=value, identity_format="raw")
    return make_request([identity], "erasure", regulation="gdpr", now=NOW)
