"""A handful of people whose profiles can be computed by hand.

Ann works at Acme: a contact, a customer, a subscriber; she signs in as u1 on her laptop d1.
Bob subscribes from a provider's mailbox and shares the office tablet d2 with Ann.
d3 belongs to somebody who never signed in, d4 to a crawler, d5 to a program that poses.
"""

from __future__ import annotations

from typing import Any

from tests.dbt_project.project import Company, Row, moment

CHROME = "Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0.0.0"
SITE = "https://www.shop.example"


def fill(company: Company) -> None:
    """Put everything in that the tables of a run would hold before the marts."""
    company.add("raw.as_of", {"as_of": moment("2026-03-01")})
    company.add("raw.person_records", *records())
    company.add("raw.accounts", *accounts())
    company.add("raw.content_items", *content_items())
    company.add("raw.orders", *orders())
    company.add("raw.tickets", *tickets())
    company.add("raw.subscriptions", subscription())
    company.add("raw.deals", deal())
    company.add("raw.consent_events", *consents())
    company.add("raw.events", *events())
    add_identity(company)


def event(event_id: str, at: str, kind: str, /, **facts: Any) -> Row:
    """One call, received a second after it happened unless it says otherwise."""
    received = facts.pop("received_at", at)
    return {
        "event_id": event_id,
        "type": "track" if kind[0].isupper() else kind,
        "event": kind if kind[0].isupper() else None,
        "timestamp": moment(at),
        "received_at": moment(received),
        "loaded_at": moment("2026-03-01"),
        "source": "web_events",
        "user_agent": CHROME,
        **facts,
    }


def events() -> list[Row]:
    page = {"page_url": SITE + "/", "page_path": "/"}
    ann = {"anonymous_id": "d1", "device_type": "desktop", "locale": "en-US", **page}
    reading = {"page_path": "/guide", "page_url": SITE + "/guide", "content_id": "c1"}
    return [
        # Ann's first visit comes from a search and lasts until 10:31; the second is direct.
        event("e01", "2026-02-01 10:00", "page", **ann, page_referrer="https://www.google.com/"),
        event("e02", "2026-02-01 10:01", "page", **{**ann, **reading}),
        event(
            "e03",
            "2026-02-01 10:02",
            "Content Viewed",
            **{**ann, **reading},
            scroll_depth=0.5,
            time_on_page_s=60.0,
        ),
        event("e04", "2026-02-01 10:31", "Asset Downloaded", **{**ann, **reading}, user_id="u1"),
        event("e05", "2026-02-20 09:00", "page", **ann, user_id="u1"),
        event(
            "e06",
            "2026-02-20 09:01",
            "Demo Requested",
            **ann,
            user_id="u1",
            properties='{"email": "ann@acme.example", "form": "demo"}',
        ),
        event("e07", "2026-02-20 09:02", "group", **ann, user_id="u1", group_id="acme.example"),
        # The shared tablet: nobody's, unless someone signs in.
        event("e08", "2026-02-21 09:00", "page", anonymous_id="d2", **page),
        event("e09", "2026-02-21 09:01", "page", anonymous_id="d2", user_id="u1", **page),
        # Bob reads mail.
        event(
            "e10",
            "2026-02-22 08:00",
            "Email Delivered",
            email="bob@mail.example",
            source="email_events",
            user_agent=None,
        ),
        event(
            "e11",
            "2026-02-22 09:00",
            "Email Opened",
            email="bob@mail.example",
            source="email_events",
            user_agent=None,
        ),
        event(
            "e12",
            "2026-02-23 09:00",
            "Site Searched",
            anonymous_id="d3",
            search_query="ask ann@acme.example about prices",
            **page,
        ),
        event("e13", "2026-02-23 09:00", "page", anonymous_id="d4", user_agent="Googlebot/2.1"),
        *[
            event(f"f{n:02}", f"2026-02-24 09:00:{n:02}", "page", anonymous_id="d5", **page)
            for n in range(30)
        ],
    ]


def record(source: str, record_id: str, /, **facts: Any) -> Row:
    return {
        "source": source,
        "source_record_id": record_id,
        "record_hash": f"{source} {record_id} {facts.get('record_updated_at')}",
        "record_created_at": moment("2026-01-01"),
        "loaded_at": moment("2026-03-01"),
        "file": f"{source}.csv",
        **facts,
    }


def records() -> list[Row]:
    return [
        record(
            "crm_contacts",
            "1",
            first_name="Anne",
            last_name="Lee",
            email="ann@acme.example",
            job_title="Analyst",
            account_id="a1",
            record_updated_at=moment("2026-01-05"),
        ),
        record(
            "crm_contacts",
            "1",
            first_name="Ann",
            last_name="Lee",
            email="Ann@Acme.example ",
            job_title=" ",
            account_id="a1",
            record_updated_at=moment("2026-02-05"),
        ),
        record("billing", "c7", full_name="Lee, Ann", email="ann.lee@mail.example", city="Lima"),
        record("newsletter", "bob", first_name="Bob", email="bob@mail.example"),
    ]


def accounts() -> list[Row]:
    common = {"loaded_at": moment("2026-03-01"), "file": "accounts.csv"}
    return [
        {
            "source": "crm_accounts",
            "account_id": "a1",
            "name": "Acme",
            "website": "https://www.acme.example",
            "record_hash": "1",
            **common,
        },
        {
            "source": "companies",
            "account_id": "acme.example",
            "domain": "acme.example",
            "industry": "Tools",
            "employee_count": 99,
            "record_hash": "2",
            **common,
        },
    ]


def content_items() -> list[Row]:
    return [
        {
            "source": "content",
            "content_id": "c1",
            "title": "Guide",
            "topic": "pricing",
            "funnel_stage": "Decision",
            "record_hash": "1",
            "loaded_at": moment("2026-03-01"),
        }
    ]


def orders() -> list[Row]:
    common = {
        "source": "purchases",
        "person_source": "billing",
        "person_record_id": "c7",
        "currency": "USD",
        "loaded_at": moment("2026-03-01"),
    }
    return [
        {
            "order_id": "o1",
            "amount": 10.1,
            "status": "Paid",
            "ordered_at": moment("2026-01-10"),
            "record_hash": "1",
            **common,
        },
        {
            "order_id": "o2",
            "amount": 20.2,
            "status": "paid",
            "ordered_at": moment("2026-02-10"),
            "record_hash": "2",
            **common,
        },
        {
            "order_id": "o3",
            "amount": 99.0,
            "status": "failed",
            "ordered_at": moment("2026-02-11"),
            "record_hash": "3",
            **common,
        },
    ]


def tickets() -> list[Row]:
    return [
        {
            "source": "support",
            "ticket_id": "t1",
            "person_email": "bob@mail.example",
            "satisfaction": 4.0,
            "opened_at": moment("2026-02-12"),
            "record_hash": "1",
            "loaded_at": moment("2026-03-01"),
        }
    ]


def subscription() -> Row:
    return {
        "source": "billing_plans",
        "subscription_id": "s1",
        "person_source": "billing",
        "person_record_id": "c7",
        "plan": "Team",
        "status": "active",
        "billing_period": "annual",
        "amount": 1200.0,
        "currency": "usd",
        "started_at": moment("2026-01-10"),
        "record_hash": "1",
        "loaded_at": moment("2026-03-01"),
    }


def deal() -> Row:
    return {
        "source": "deals",
        "deal_id": "x1",
        "person_email": "bob@mail.example",
        "stage": "Proposal",
        "amount": 500.0,
        "currency": "USD",
        "record_hash": "1",
        "loaded_at": moment("2026-03-01"),
    }


def consent(number: int, at: str, status: str, /, **subject: str) -> Row:
    return {
        "consent_event_id": f"k{number}",
        "source": "consent",
        "purpose": "advertising",
        "status": status,
        "occurred_at": moment(at),
        "loaded_at": moment("2026-03-01"),
        **subject,
    }


def consents() -> list[Row]:
    return [
        consent(1, "2026-02-01", "granted", anonymous_id="d1"),
        consent(2, "2026-02-10", "denied", subject_email="ann@acme.example"),
        consent(3, "2026-02-11", "denied", anonymous_id="d2"),
        consent(4, "2026-02-12", "granted", person_source="newsletter", person_record_id="bob"),
    ]


def add_identity(company: Company) -> None:
    people = {
        "p_ann": [
            ("crm_contacts", "1"),
            ("billing", "c7"),
            ("users", "u1"),
            ("devices", "d1"),
            ("emails", "ann@acme.example"),
            ("emails", "ann.lee@mail.example"),
        ],
        "p_bob": [("newsletter", "bob"), ("emails", "bob@mail.example")],
        "p_visitor": [("devices", "d3")],
        "p_crawler": [("devices", "d4")],
        "p_poser": [("devices", "d5")],
    }
    members = [
        {"source": source, "source_record_id": record_id, "person_id": person_id}
        for person_id, nodes in people.items()
        for source, record_id in nodes
    ]
    always = {"valid_from": moment("1970-01-01")}
    company.add("identity.members", *members)
    company.add("identity.members_history", *[{**member, **always} for member in members])
    company.add(
        "identity.devices",
        {"anonymous_id": "d2", "is_shared": True, **always},
        *[
            {"anonymous_id": device, "person_id": person, "is_shared": False, **always}
            for device, person in [
                ("d1", "p_ann"),
                ("d3", "p_visitor"),
                ("d4", "p_crawler"),
                ("d5", "p_poser"),
            ]
        ],
    )
    company.add(
        "identity.persons",
        *[{"person_id": person_id, "status": "active"} for person_id in people],
        {"person_id": "p_old", "status": "merged", "merged_into": "p_ann"},
    )
    company.add("identity.identifiers", *identifiers())
    company.add(
        "identity.account_records",
        *[
            {
                "source": source,
                "account_record_id": record_id,
                "account_id": "a1",
                "domain": "acme.example",
            }
            for source, record_id in [("crm_accounts", "a1"), ("companies", "acme.example")]
        ],
    )
    company.add(
        "prediction.spine",
        *[
            {"person_id": person_id, "as_of": moment(as_of), "role": "scoring"}
            for person_id in people
            for as_of in ("2026-02-15", "2026-03-01")
        ],
    )
    company.add(
        "prediction.persona_members",
        {
            "person_id": "p_old",
            "persona_id": "buyers",
            "persona_name": "Buyers",
            "confidence": 0.9,
            "as_of": moment("2026-02-01"),
        },
    )


def identifiers() -> list[Row]:
    return [
        {
            "source": source,
            "source_record_id": record_id,
            "identifier_type": kind,
            "identifier_value": value,
            "is_shared": is_shared,
        }
        for source, record_id, kind, value, is_shared in [
            ("crm_contacts", "1", "email", "ann@acme.example", False),
            ("crm_contacts", "1", "phone", "+12025550100", True),
            ("billing", "c7", "email", "ann.lee@mail.example", False),
            ("newsletter", "bob", "email", "bob@mail.example", False),
            ("users", "u1", "user_id", "u1", False),
        ]
    ]
