"""Why somebody entered or left: data, rule, identity, consent, model or erasure."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from audiences import compute_memberships
from audiences.config import Audience
from tests.audiences.conftest import AS_OF, EVERYONE, NOW, Company, audience

LATER = NOW + dt.timedelta(days=1)
US = {"trait": "country", "is": "US"}
LIKELY = {"score": {"model": "trial", "at_least": 0.5}}
BUILDER = {"persona": {"is": "Builder"}}


def _compute(company: Company, *audiences: Audience, run: str, now: Any = NOW) -> Any:
    return compute_memberships(company.warehouse, audiences, run_id=run, now=now)


def _causes(company: Company, run: str) -> dict[str, tuple[str, str]]:
    rows = company.rows("audiences.membership_changes", f"run_id = '{run}'")
    return {row["person_id"]: (row["change"], row["cause"]) for row in rows}


def _score(company: Company, person: str, score: float, *, days: int = 0) -> None:
    moment = AS_OF + dt.timedelta(days=days)
    company.insert(
        "prediction.propensity_scores",
        model_key="trial", person_id=person, as_of=moment, score=score,
    )  # fmt: skip


def _persona(company: Company, person: str, name: str, *, days: int = 0) -> None:
    moment = AS_OF + dt.timedelta(days=days)
    company.insert(
        "prediction.persona_members",
        person_id=person, persona_id=name, persona_name=name, confidence=0.9, as_of=moment,
    )  # fmt: skip


def _next_day(company: Company) -> None:
    company.warehouse.execute("update raw.as_of set as_of = as_of + interval 1 day")


def test_new_rules_are_told_from_new_data(company: Company) -> None:
    for name, country in (("stays", "US"), ("moves", "US"), ("away", "DE"), ("comes", "DE")):
        company.person(name, country=country)
    _compute(company, audience(US), run="r1")
    company.warehouse.execute("update marts.profiles set country = 'FR' where person_id = 'moves'")
    company.warehouse.execute("update marts.profiles set country = 'US' where person_id = 'comes'")
    german = {"any": [{"trait": "country", "is": "DE"}, {"trait": "person_id", "is": "comes"}]}

    _compute(company, audience(german), run="r2", now=LATER)

    assert _causes(company, "r2") == {
        "stays": ("exited", "rule"),
        "moves": ("exited", "data"),
        "away": ("entered", "rule"),
        "comes": ("entered", "data"),
    }


def test_the_rules_of_an_audience_that_is_referred_to_are_its_rules_as_well(
    company: Company,
) -> None:
    company.person("ann", country="US")
    ours = audience({"audience": "base"})
    _compute(company, audience(US, key="base"), ours, run="r1")

    other = audience({"trait": "country", "is": "DE"}, key="base")
    _compute(company, other, ours, run="r2", now=LATER)

    rows = company.rows("audiences.membership_changes", "run_id = 'r2'")
    assert {(row["audience_key"], row["cause"]) for row in rows} == {
        ("base", "rule"),
        ("everyone", "rule"),
    }


def test_old_rules_that_speak_of_what_is_gone_count_as_changed(company: Company) -> None:
    company.person("ann", country="US", job_title="x")
    _compute(company, audience({"trait": "job_title", "is": "x"}), run="r1")
    company.warehouse.execute("alter table marts.profiles drop column job_title")

    _compute(company, audience({"trait": "country", "is": "DE"}), run="r2", now=LATER)

    assert _causes(company, "r2") == {"ann": ("exited", "rule")}


@pytest.mark.parametrize("what", ["score", "persona"])
def test_another_publication_of_a_model_is_told_from_data(company: Company, what: str) -> None:
    for name in ("falls", "rises", "moves"):
        company.person(name, country="US")
        before, after = (0.1, 0.9) if name == "rises" else (0.9, 0.1)
        after = before if name == "moves" else after
        for days, score in ((0, before), (1, after)):
            if what == "score":
                _score(company, name, score, days=days)
            else:
                _persona(company, name, "Builder" if score > 0.5 else "Chief", days=days)
    rules = audience({"all": [US, LIKELY if what == "score" else BUILDER]})
    _compute(company, rules, run="r1")
    company.warehouse.execute("update marts.profiles set country = 'DE' where person_id = 'moves'")
    _next_day(company)

    _compute(company, rules, run="r2", now=LATER)

    assert _causes(company, "r2") == {
        "falls": ("exited", "model"),
        "rises": ("entered", "model"),
        "moves": ("exited", "data"),
    }


def test_whoever_gained_by_a_merge_entered_by_identity(company: Company) -> None:
    company.warehouse.execute(
        "create table identity.changes (person_id varchar, other_person_id varchar, "
        "changed_at timestamp)"
    )
    for name in ("kept", "gone", "other"):
        company.person(name)
    company.event("gone", "Download")
    twice = audience({"event": "Download", "at_least": 2})
    company.event("kept", "Download")
    _compute(company, twice, run="r1")
    company.merge("gone", into="kept")
    company.insert(
        "identity.changes", person_id="kept", other_person_id="gone", changed_at=LATER
    )  # fmt: skip
    for _ in range(2):
        company.event("other", "Download")

    _compute(company, twice, run="r2", now=LATER + dt.timedelta(hours=1))

    assert _causes(company, "r2") == {
        "kept": ("entered", "identity"),
        "other": ("entered", "data"),
    }


def test_an_erased_member_is_counted_and_not_named(company: Company) -> None:
    company.people(3)
    _compute(company, audience(EVERYONE), run="r1")
    for table in ("marts.profiles", "audiences.memberships", "audiences.membership_changes"):
        company.warehouse.execute(f"delete from {table} where person_id = 'p001'")

    (report,) = _compute(company, audience(EVERYONE), run="r2", now=LATER)
    _compute(company, audience(EVERYONE), run="r3", now=LATER + dt.timedelta(days=1))

    assert _causes(company, "r2") == {None: ("exited", "erasure")}
    assert (report.members, report.exited) == (2, 1)
    assert _causes(company, "r3") == {}


def test_an_audience_that_was_removed_reports_no_erasures_afterwards(company: Company) -> None:
    company.people(5)
    other = audience(US, key="other")
    _compute(company, audience(EVERYONE), other, run="r1")
    for number in (2, 3, 4):
        _compute(company, other, run=f"r{number}", now=NOW + dt.timedelta(days=number))

    assert {cause for _, cause in _causes(company, "r2").values()} == {"rule"}
    assert (_causes(company, "r3"), _causes(company, "r4")) == ({}, {})


def test_a_run_that_is_repeated_compares_with_its_own_first_pass(company: Company) -> None:
    company.people(3, country="US")
    _compute(company, audience(US), run="r1")
    company.warehouse.execute("update marts.profiles set country = 'DE' where person_id = 'p001'")

    for hours in (0, 1):
        _compute(company, audience(US), run="r2", now=LATER + dt.timedelta(hours=hours))

    assert _causes(company, "r2") == {"p001": ("exited", "data")}


@pytest.mark.parametrize("table", ["marts.profiles", "marts.events"])
def test_a_source_that_lost_all_its_rows_empties_no_audience(company: Company, table: str) -> None:
    company.person("ann")
    company.event("ann", "Download")
    did = audience({"event": "Download"})
    _compute(company, did, run="r1")
    company.warehouse.execute(f"delete from {table}")

    (report,) = _compute(company, did, run="r2", now=LATER)

    assert (report.status, company.members()) == ("held", {"ann"})
    assert report.notes == (f"{table} has no rows: its members stay until it has some again",)


def test_an_empty_source_keeps_nobody_who_took_their_consent_back(company: Company) -> None:
    company.person("ann")
    _compute(company, audience(EVERYONE), run="r1")
    company.warehouse.execute("delete from marts.profiles")
    company.consent("ann", "marketing", "denied")

    _compute(company, audience(EVERYONE), run="r2", now=LATER)

    assert company.members() == set()


def test_rules_have_one_name_as_long_as_they_are_the_same(company: Company) -> None:
    for run, rules in (("r1", US), ("r2", US), ("r3", EVERYONE)):
        _compute(company, audience(rules), run=run)

    names = [row["rules"] for row in sorted(company.rows("audiences.sizes"), key=_run)]

    assert names[0] == names[1] != names[2]


def _run(row: dict[str, Any]) -> str:
    return str(row["run_id"])
