"""Which account records are one company."""

from __future__ import annotations

import re

import pytest

from identity.link_accounts import LEGAL_FORMS
from tests.conftest import ROOT
from tests.identity.conftest import Company

NAMES = (
    "Acme Inc.",
    "Acme Incorporated",
    "ACME, Inc",
    "Acme GmbH & Co. KG",
    "Acmé",
    "The Acme Co.",
)


@pytest.mark.parametrize("name", NAMES)
def test_a_record_without_a_domain_joins_the_one_company_of_its_name(
    company: Company, name: str
) -> None:
    company.account("lists", "acme.example", name="Acme", domain="acme.example")
    company.account("crm", "a1", created=2, name=name)

    assert len(set(company.accounts().values())) == 1


@pytest.mark.parametrize(
    "website",
    ["www.acme.example", "https://acme.example/about?x=1", "HTTP://WWW.Acme.Example:8080", "acme.example."],
)  # fmt: skip
def test_records_of_one_domain_are_one_company_whatever_their_names(
    company: Company, website: str
) -> None:
    company.account("crm", "a1", name="Acme Tools", website=website)
    company.account("lists", "x", name="Acme Holding", domain="acme.example")

    assert len(set(company.accounts().values())) == 1


def test_one_name_in_two_countries_is_two_companies(company: Company) -> None:
    company.account("lists", "1", name="Acme Inc", domain="acme.example", country="US")
    company.account("lists", "2", name="Acme GmbH", domain="acme-werke.example", country="DE")

    assert len(set(company.accounts().values())) == 2


def test_another_domain_of_one_name_in_one_country_is_the_same_company(company: Company) -> None:
    company.account("lists", "1", name="Acme Inc", domain="acme.example", country="US")
    company.account("lists", "2", name="ACME, Inc.", domain="acme-labs.example", country="us")

    assert len(set(company.accounts().values())) == 1


def test_a_country_that_is_not_known_links_no_domains(company: Company) -> None:
    company.account("lists", "1", name="Acme Inc", domain="acme.example", country="US")
    company.account("lists", "2", name="Acme Inc", domain="acme-labs.example")

    assert len(set(company.accounts().values())) == 2


def test_where_several_companies_have_the_name_a_record_without_domain_stands_alone(
    company: Company,
) -> None:
    company.account("lists", "1", name="Acme", domain="acme.example", country="US")
    company.account("lists", "2", name="Acme", domain="acme-werke.example", country="DE")
    company.account("crm", "a1", name="Acme")
    company.account("crm", "a2", name="Acme", country="DE")

    found = company.accounts()

    assert len(set(found.values())) == 3
    assert found["crm", "a2"] == found["lists", "2"]


def test_a_usual_name_is_not_one_company(company: Company) -> None:
    for number in range(4):
        company.account(
            "lists", str(number), name="City Hospital", domain=f"city{number}.example", country="US"
        )

    assert len(set(company.accounts().values())) == 4


@pytest.mark.parametrize("name", ["n/a", "Unknown", "GmbH", "-", None])
def test_a_name_that_says_nothing_links_nobody(company: Company, name: str | None) -> None:
    company.account("crm", "a1", name=name)
    company.account("crm", "a2", name=name)

    assert len(set(company.accounts().values())) == 2


def test_a_mailbox_provider_is_no_company(company: Company) -> None:
    company.warehouse.execute(
        "insert into staging.stg_raw__mail_domains values ('mail.example', 'free')"
    )
    company.account("crm", "a1", name="Baker", website="mail.example")
    company.account("crm", "a2", name="Butcher", website="https://mail.example")
    for number in range(3):
        company.record("crm", str(number), first_name="Ann", email=f"ann{number}@mail.example")
    company.resolve()

    found = company.accounts()

    assert set(found) == {("crm", "a1"), ("crm", "a2")}
    assert len(set(found.values())) == 2


def test_a_slip_in_a_providers_domain_is_no_company(company: Company) -> None:
    company.warehouse.execute(
        "insert into staging.stg_raw__mail_domains values ('mailbox.example', 'free')"
    )
    for number, name in enumerate(["Ann Lee", "Bob Roe"]):
        company.record("crm", str(number), full_name=name, email=f"{name[:3]}@mialbox.example")
    company.resolve()

    assert company.accounts() == {}


def test_a_domain_that_people_of_many_companies_write_from_is_a_provider(company: Company) -> None:
    for number, name in enumerate(["Ann Lee", "Bob Roe", "Eve Moe"]):
        employer = f"{name[:3].lower()}works.example"
        company.account("lists", employer, domain=employer)
        for source, domain in (("crm", employer), ("news", "letters.example")):
            company.record(
                source, str(number), full_name=name, email=f"{name[:3]}@{domain}", user_id=name
            )
    company.resolve()

    assert ("email_domains", "letters.example") not in company.accounts()


def test_a_domain_that_several_persons_write_from_is_a_company(company: Company) -> None:
    company.record("crm", "1", first_name="Ann", last_name="Lee", email="ann.lee@acme.example")
    company.record("crm", "2", first_name="Bob", last_name="Roe", email="bob.roe@acme.example")
    company.record("crm", "3", first_name="Eve", last_name="Moe", email="eve@moe.example")
    company.resolve()

    assert company.accounts() == {("email_domains", "acme.example"): "acme.example"}


def test_addresses_of_a_subdomain_belong_to_the_company(company: Company) -> None:
    company.account("crm", "a1", name="Acme", website="acme.example")
    company.record("crm", "1", first_name="Ann", last_name="Lee", email="ann.lee@eu.acme.example")
    company.record("crm", "2", first_name="Bob", last_name="Roe", email="bob.roe@eu.acme.example")
    company.resolve()

    assert company.accounts()["email_domains", "eu.acme.example"] == "a1"


@pytest.mark.parametrize(("second", "companies"), [("acme.example", 1), ("beta.example", 2)])
def test_a_record_without_a_domain_has_the_one_that_its_contacts_write_from(
    company: Company, second: str, companies: int
) -> None:
    company.account("crm", "a1", name="Acme")
    company.account("lists", "acme.example", domain="acme.example")
    for number, (name, domain) in enumerate([("Ann Lee", "acme.example"), ("Bob Roe", second)]):
        company.record(
            "contacts", str(number), full_name=name, email=f"{name[:3]}@{domain}", account_id="a1"
        )
    company.resolve()

    found = company.accounts()

    assert len({found["crm", "a1"], found["lists", "acme.example"]}) == companies


def test_the_record_that_persons_name_gives_the_id(company: Company) -> None:
    company.account("lists", "acme.example", domain="acme.example")
    company.account("crm", "a1", created=9, website="acme.example")
    company.record("contacts", "1", first_name="Ann", account_id="a1")
    company.account("crm", "7", name="Solo")
    company.account("lists", "7", name="Other")

    assert company.accounts() == {
        ("crm", "a1"): "a1", ("lists", "acme.example"): "a1",
        ("crm", "7"): "crm:7", ("lists", "7"): "lists:7",
    }  # fmt: skip


def test_an_id_stays_when_an_older_record_arrives(company: Company) -> None:
    company.account("crm", "a1", created=9, website="acme.example")
    before = company.accounts()
    company.account("lists", "older", created=1, domain="acme.example")

    assert company.accounts() == {**before, ("lists", "older"): "a1"}


def test_a_merge_leads_from_the_old_id_to_the_new(company: Company) -> None:
    company.account("crm", "a1", created=1, name="Acme Tools", website="acme.example")
    company.account("crm", "a2", created=2, name="Acme Werke")
    company.accounts()
    company.forget("staging.stg_raw__accounts", "account_id = 'a2'")
    company.account("crm", "a2", created=2, name="Acme Werke", website="acme.example")

    assert set(company.accounts().values()) == {"a1"}
    merged = company.rows("identity.accounts", "status = 'merged'")
    assert [(row["account_id"], row["merged_into"]) for row in merged] == [("a2", "a1")]


def test_a_chain_of_merges_leads_to_the_end(company: Company) -> None:
    for number in (1, 2, 3):
        company.account("crm", f"a{number}", created=number, website=f"w{number}.example")
    company.account("crm", "another", created=4, website="w1.example")
    company.accounts()
    for domain in ("w2.example", "w1.example"):
        company.warehouse.execute(
            f"update staging.stg_raw__accounts set website = '{domain}' where account_id in "
            + ("('a3')" if domain == "w2.example" else "('a2', 'a3')")
        )
        company.accounts()

    found = company.rows("identity.accounts", "status = 'merged'")
    assert {row["account_id"]: row["merged_into"] for row in found} == {"a2": "a1", "a3": "a1"}


def test_what_was_split_off_gets_an_id_of_its_own_and_the_rest_keeps_theirs(
    company: Company,
) -> None:
    for number in (1, 2, 3):
        company.account("crm", f"a{number}", created=number, website="acme.example")
    company.accounts()
    company.warehouse.execute(
        "update staging.stg_raw__accounts set website = 'other.example' where account_id = 'a1'"
    )

    found = company.accounts()

    assert found["crm", "a2"] == found["crm", "a3"] == "a1"
    assert found["crm", "a1"] not in {"a1", "a2", "a3"}


def test_order_and_repetition_change_nothing(company: Company, another: Company) -> None:
    rows = [
        ("crm", "a1", "Acme"),
        ("lists", "b", "ACME Inc"),
        ("crm", "c", "Beta"),
        ("x", "d", "The Beta"),
    ]
    for one, ordered in ((company, rows), (another, rows[::-1])):
        for source, account_id, name in ordered:
            one.account(source, account_id, name=name)

    assert company.accounts() == another.accounts() == company.accounts()
    assert company.rows("identity.account_records")[0]["run_id"] == "run-1"


def test_dbt_knows_the_same_legal_forms() -> None:
    macros = (ROOT / "dbt_project/macros/text.sql").read_text()
    listed = re.findall(r"'([a-z]+)'", macros.split("macro legal_forms()")[1])

    assert tuple(listed) == LEGAL_FORMS
