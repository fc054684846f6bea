"""People approve requests, take more time for them, and call them off; the log says who and why."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from privacy import (
    PersonalNoteError,
    RequestActError,
    RequestDesk,
    RetentionConfig,
    UnknownRequestError,
    read_standing,
    read_steps,
    serve_access,
    verify_audit,
)
from privacy.deadlines import deadline, extended_deadline
from tests.privacy.company import ANN, BEN, NOW, Company, FakeDestinations

ID = "00000000-0000-4000-8000-000000000001"
APPROVAL = f"it waits for approval: candor privacy approve {ID}"


def desk(company: Company, *, now: datetime = NOW) -> RequestDesk:
    found = RequestDesk(company.warehouse, company.home, now, "jo")
    found.receive(company.request_file.read())
    return found


def standing(company: Company) -> Any:
    (found,) = read_standing(company.warehouse)
    return found


def test_nobody_is_erased_before_somebody_approves(company: Company) -> None:
    company.ask(("email", ANN, "raw"))

    assert company.erase(needs_approval=True).blocked == {ID: [APPROVAL]}
    assert any(row[0] == "p_ann_00001" for row in company.rows("marts.profiles"))

    desk(company).approve(ID)

    assert not company.erase(needs_approval=True).blocked
    assert standing(company).status == "completed"


def test_nobody_is_told_what_is_held_before_somebody_approves(company: Company) -> None:
    company.ask(("email", ANN, "raw"), kind="access")
    context = company.context(needs_approval=True)

    before = serve_access(company.request_file.read(), context, RetentionConfig())
    desk(company).approve(ID)
    after = serve_access(company.request_file.read(), context, RetentionConfig())

    assert (before.archives, before.blocked) == ({}, {ID: [APPROVAL]})
    assert list(after.archives) == [ID]


def test_without_the_setting_nothing_waits_for_approval(company: Company) -> None:
    company.ask(("email", ANN, "raw"))

    assert not company.erase().blocked


@pytest.mark.parametrize("reason", [f"wrote from {ANN}", "called from (206) 555-7870", " "])
def test_a_reason_that_names_somebody_would_stay_for_ever_and_is_refused(
    company: Company, reason: str
) -> None:
    """In the audit log it would be a trace that no erasure of the person can take out."""
    company.ask(("email", ANN, "raw"))

    for act in (desk(company).extend, desk(company).cancel):
        with pytest.raises(PersonalNoteError, match="nothing was noted"):
            act(ID, reason=reason)
    with pytest.raises(PersonalNoteError, match="--by"):
        replace(desk(company), by=reason)
    assert "extended" not in {taken.step for taken in read_steps(company.warehouse, ID)}
    assert standing(company).is_open


def test_a_cancelled_request_is_not_carried_out_and_its_body_names_nobody(
    company: Company,
) -> None:
    company.ask(("email", ANN, "raw"))
    company.ask(("email", BEN, "raw"), number=2)

    desk(company).cancel(ID, reason="sent twice")
    report = company.erase()

    assert [receipt.subject_request_id[-1] for receipt in report.receipts] == ["2"]
    assert any(row[0] == "p_ann_00001" for row in company.rows("marts.profiles"))
    assert ANN not in company.request_file.path.read_text()


def test_a_request_that_has_begun_to_erase_cannot_be_cancelled(company: Company) -> None:
    company.ask(("email", ANN, "raw"))
    company.erase(destinations=FakeDestinations({"ads": 1}, []))

    with pytest.raises(RequestActError, match="suppressed"):
        desk(company).cancel(ID, reason="changed my mind")


def test_an_erasure_that_was_killed_before_it_was_recorded_cannot_be_cancelled(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its plan names the person, and the person may be suppressed already."""
    company.ask(("email", ANN, "raw"))

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("privacy.suppression.Suppressions.add", killed)
        with pytest.raises(KeyboardInterrupt):
            company.erase()

    with pytest.raises(RequestActError, match="has begun"):
        desk(company).cancel(ID, reason="sent twice")
    assert [receipt.subject_request_id for receipt in company.erase().receipts] == [ID]


@pytest.mark.parametrize(
    ("regulation", "submitted", "due"),
    [
        ("gdpr", "2026-11-30", "2027-02-28"),
        ("gdpr", "2027-11-30", "2028-02-29"),
        ("gdpr", "2026-03-31", "2026-06-30"),
        ("gdpr", "2026-10-15", "2027-01-15"),
        ("ccpa", "2026-01-01", "2026-04-01"),
        ("ccpa", "2028-01-01", "2028-03-31"),
    ],
)
def test_more_time_is_what_the_law_allows(regulation: str, submitted: str, due: str) -> None:
    asked = datetime.fromisoformat(submitted)

    assert extended_deadline(regulation, asked) == datetime.fromisoformat(due)
    assert extended_deadline(regulation, asked) > deadline(regulation, asked)


def test_who_asked_by_a_clock_that_is_ahead_is_answered_from_the_day_on_which_it_came(
    company: Company,
) -> None:
    company.ask(("email", ANN, "raw"))
    before = NOW.replace(day=10)

    desk(company, now=before)  # it says that it was asked for on the twentieth

    assert standing(company).submitted_at == before
    assert f"{standing(company).due_at:%Y-%m-%d}" == "2026-12-10"


def test_time_is_extended_once_and_before_the_deadline(company: Company) -> None:
    company.ask(("email", ANN, "raw"))

    due_at = desk(company).extend(ID, reason="many sources")

    assert f"{due_at:%Y-%m-%d}" == "2027-02-20" == f"{standing(company).due_at:%Y-%m-%d}"
    with pytest.raises(RequestActError, match="extended before"):
        desk(company).extend(ID, reason="more")


def test_after_the_deadline_it_is_too_late_to_extend(company: Company) -> None:
    company.ask(("email", ANN, "raw"))

    with pytest.raises(RequestActError, match="deadline has passed"):
        desk(company, now=NOW + timedelta(days=40)).extend(ID, reason="late")


@pytest.mark.parametrize("act", ["approve", "extend", "cancel"])
def test_what_is_closed_or_unknown_cannot_be_decided_about(company: Company, act: str) -> None:
    company.ask(("email", ANN, "raw"))
    company.erase()
    named = {} if act == "approve" else {"reason": "x"}

    with pytest.raises(RequestActError, match="completed"):
        getattr(desk(company), act)(ID, **named)
    with pytest.raises(UnknownRequestError, match="there is no request"):
        getattr(desk(company), act)("00000000-0000-4000-8000-000000000009", **named)


def test_the_log_says_who_decided_what_and_why(company: Company) -> None:
    company.ask(("email", ANN, "raw"))
    desk(company).extend(ID, reason="many sources")
    desk(company).cancel(ID, reason="sent twice")

    steps = {taken.step: taken.detail for taken in read_steps(company.warehouse, ID)}

    assert steps["extended"]["by"] == "jo"
    assert steps["cancelled"] == {"by": "jo", "reason": "sent twice"}
    audited = {row[1] for row in company.rows("privacy.audit_log")}
    assert {"received", "extended", "cancelled"} <= audited
    assert verify_audit(company.warehouse) >= 3


@pytest.mark.parametrize(
    ("days", "warning"),
    [
        (0, None),
        (10, None),
        (15, "50% of the time used"),
        (24, "75% of the time used"),
        (28, "90% of the time used"),
        (31, "overdue"),
    ],
)
def test_a_deadline_warns_as_it_comes_near(
    company: Company, days: int, warning: str | None
) -> None:
    company.ask(("email", ANN, "raw"))
    desk(company)

    asked = standing(company).submitted_at

    assert standing(company).warning(asked + timedelta(days=days)) == warning
