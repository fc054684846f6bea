"""Who is responsible sees where every request stands and what it waits for."""

from __future__ import annotations

from datetime import timedelta

from privacy import read_standing
from tests.privacy.company import ANN, FAMILY_MAIL, NOW, Company, Evidence, FakeDestinations


def test_a_blocked_request_says_why_and_until_when_it_is_due(company: Company) -> None:
    company.ask(("email", ANN, "raw"))
    company.erase(destinations=FakeDestinations({"ads": 1}, [Evidence("ads", "unanswered")]))

    (found,) = read_standing(company.warehouse)

    assert (found.status, found.step) == ("blocked", "suppressed")
    assert found.reasons == ("destination ads (weekly) is unanswered: None",)
    assert f"{found.due_at:%Y-%m-%d}" == "2026-12-20"


def test_an_open_request_is_overdue_after_its_deadline_and_a_closed_one_never(
    company: Company,
) -> None:
    company.ask(("email", ANN, "raw"))
    company.erase(destinations=FakeDestinations({"ads": 1}, []))
    (blocked,) = read_standing(company.warehouse)
    company.erase()
    (completed,) = read_standing(company.warehouse)

    later = NOW + timedelta(days=60)
    assert [blocked.is_overdue(NOW), blocked.is_overdue(later)] == [False, True]
    assert not completed.is_overdue(later)


def test_what_is_due_first_comes_first(company: Company) -> None:
    company.ask(("email", ANN, "raw"), number=2)
    company.ask(("email", FAMILY_MAIL, "raw"), number=1)
    company.erase()

    assert [item.status for item in read_standing(company.warehouse)] == ["blocked", "completed"]
