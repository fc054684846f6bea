from __future__ import annotations

from typing import Any

import pytest

from tests.dbt_project.project import Company, moment

pytestmark = pytest.mark.warehouse


def profile(company: Company, person_id: str) -> dict[str, Any]:
    (found,) = company.read(f"select * from marts.profiles where person_id = '{person_id}'")
    return found


def test_a_profile_gathers_what_all_records_say(small: Company) -> None:
    ann = profile(small, "p_ann")

    assert {key: ann[key] for key in ("first_name", "last_name", "city", "job_title")} == {
        "first_name": "Ann",
        "last_name": "Lee",
        "city": "Lima",
        "job_title": None,
    }


def test_a_profile_shows_the_company_of_the_person(small: Company) -> None:
    ann = profile(small, "p_ann")

    assert (ann["account_id"], ann["company_name"], ann["industry"], ann["employee_count"]) == (
        "a1",
        "Acme",
        "Tools",
        99,
    )


def test_a_profile_counts_what_the_person_did(small: Company) -> None:
    ann = profile(small, "p_ann")

    counted = {key: value for key, value in ann.items() if key.endswith("_count")}
    assert counted == {
        "employee_count": 99,
        "session_count": 3,
        "event_count": 8,
        "page_view_count": 4,
        "content_view_count": 1,
        "download_count": 1,
        "search_count": 0,
        "email_delivered_count": 0,
        "email_opened_count": 0,
        "email_clicked_count": 0,
        "order_count": 2,
        "ticket_count": 0,
        "open_ticket_count": 0,
        "topic_count": 1,
        "running_subscription_count": 1,
        "open_deal_count": 0,
        "won_deal_count": 0,
    }


def test_a_subscription_and_a_deal_are_of_the_person_and_of_the_company(small: Company) -> None:
    ann, bob = profile(small, "p_ann"), profile(small, "p_bob")
    acme = small.read("select monthly_revenue, open_deal_count from marts.accounts")

    assert (ann["subscription_plan"], ann["monthly_revenue"]) == ("Team", 100)
    assert ann["monthly_revenue_currency"] == "USD"
    assert (bob["open_deal_count"], bob["open_deal_amount"]) == (1, 500)
    assert acme == [{"monthly_revenue": 100, "open_deal_count": 0}]


def test_a_refused_charge_is_not_spent(small: Company) -> None:
    assert profile(small, "p_ann")["total_spent"] == pytest.approx(30.3)


def test_a_profile_tells_how_the_person_came_first_and_last(small: Company) -> None:
    ann = profile(small, "p_ann")

    assert (ann["first_channel"], ann["last_channel"]) == ("organic_search", "direct")


def test_a_delivered_mail_is_not_an_act_of_the_person(small: Company) -> None:
    assert profile(small, "p_bob")["first_seen_at"] == moment("2026-02-22 09:00")


def test_a_merged_persons_persona_is_shown_with_the_survivor(small: Company) -> None:
    assert profile(small, "p_ann")["persona_name"] == "Buyers"


@pytest.mark.parametrize(
    ("person_id", "is_known", "is_bot"),
    [
        pytest.param("p_bob", True, False, id="subscriber"),
        pytest.param("p_visitor", False, False, id="anonymous visitor"),
        pytest.param("p_crawler", False, True, id="crawler"),
        pytest.param("p_poser", False, True, id="program that poses as a browser"),
    ],
)
def test_programs_and_strangers_are_told_apart(
    small: Company, person_id: str, is_known: bool, is_bot: bool
) -> None:
    found = profile(small, person_id)

    assert (found["is_known"], found["is_bot"]) == (is_known, is_bot)


def test_a_shared_device_belongs_to_whoever_signs_in(small: Company) -> None:
    events = small.read("select event_id, person_id from marts.events where anonymous_id = 'd2'")

    assert {row["event_id"]: row["person_id"] for row in events} == {"e08": None, "e09": "p_ann"}


def test_a_visit_ends_after_half_an_hour_of_silence(small: Company) -> None:
    visits = small.read(
        "select started_at, ended_at, landing_path, exit_path, event_count, page_view_count "
        "from marts.sessions where anonymous_id = 'd1' order by started_at"
    )

    assert visits == [
        {
            "started_at": moment("2026-02-01 10:00"),
            "ended_at": moment("2026-02-01 10:31"),
            "landing_path": "/",
            "exit_path": "/guide",
            "event_count": 4,
            "page_view_count": 2,
        },
        {
            "started_at": moment("2026-02-20 09:00"),
            "ended_at": moment("2026-02-20 09:02"),
            "landing_path": "/",
            "exit_path": "/",
            "event_count": 3,
            "page_view_count": 1,
        },
    ]


def test_mail_is_no_visit(small: Company) -> None:
    assert profile(small, "p_bob")["session_count"] == 0


def test_the_latest_decision_of_any_device_or_address_holds(small: Company) -> None:
    current = small.read("select person_id, status, decided_at from marts.consent_current")

    assert sorted(current, key=lambda row: row["person_id"]) == [
        {"person_id": "p_ann", "status": "denied", "decided_at": moment("2026-02-10")},
        {"person_id": "p_bob", "status": "granted", "decided_at": moment("2026-02-12")},
    ]


def test_the_newest_unshared_address_is_preferred(small: Company) -> None:
    preferred = small.read(
        "select person_id, identifier_value from marts.contact_points where is_preferred"
    )

    assert sorted(tuple(row.values()) for row in preferred) == [
        ("p_ann", "ann@acme.example"),
        ("p_bob", "bob@mail.example"),
    ]


def test_no_address_is_carried_along_in_what_was_typed_or_sent(small: Company) -> None:
    leaks = small.read(
        "select event_id from marts.events where concat_ws(' ', columns(*)) like '%@%'"
    )

    assert leaks == []


def test_two_records_of_one_company_are_one_account(small: Company) -> None:
    found = small.read(
        "select account_id, name, domain, industry, member_count from marts.accounts"
    )

    assert found == [
        {
            "account_id": "a1",
            "name": "Acme",
            "domain": "acme.example",
            "industry": "Tools",
            "member_count": 1,
        }
    ]


def test_every_field_says_where_it_comes_from(small: Company) -> None:
    reasons = small.read(
        "select field, source, reason from marts.profile_sources where person_id = 'p_ann'"
    )

    assert {row["field"]: (row["source"], row["reason"]) for row in reasons} == {
        "first_name": ("crm_contacts", "all sources agree"),
        "last_name": ("crm_contacts", "all sources agree"),
        "city": ("billing", "only source of this field"),
        "account_id": ("crm_contacts", "only source of this field"),
    }


def test_an_id_that_was_merged_leads_to_the_survivor(small: Company) -> None:
    found = small.read(
        "select current_person_id from marts.current_person where person_id = 'p_old'"
    )

    assert found == [{"current_person_id": "p_ann"}]
