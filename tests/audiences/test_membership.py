from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest

from audiences import compute_memberships, preview, why
from audiences.config import Audience
from measurement.assignment import assign
from tests.audiences.conftest import AS_OF, EVERYONE, NOW, Company, audience

LATER = NOW + dt.timedelta(days=1)
US = {"trait": "country", "is": "US"}


def _compute(company: Company, *audiences: Audience, run: str = "r1", now: Any = NOW) -> Any:
    return compute_memberships(company.warehouse, audiences, run_id=run, now=now)


def _causes(company: Company, run: str) -> set[tuple[str, str, str, str]]:
    rows = company.rows("audiences.membership_changes", f"run_id = '{run}'")
    return {(row["person_id"], row["change"], row["cause"], row["detail"]) for row in rows}


def test_running_again_with_nothing_new_changes_nothing(company: Company) -> None:
    company.people(3)
    _compute(company, audience(EVERYONE))
    before = company.rows("audiences.memberships"), company.rows("audiences.membership_changes")

    _compute(company, audience(EVERYONE), run="r2", now=LATER)

    after = company.rows("audiences.memberships"), company.rows("audiences.membership_changes")
    assert after == before


def test_who_stays_keeps_the_day_of_entry(company: Company) -> None:
    company.person("old")
    _compute(company, audience(EVERYONE))
    company.person("new")

    _compute(company, audience(EVERYONE), run="r2", now=LATER)

    rows = company.rows("audiences.memberships")
    assert {row["person_id"]: row["entered_at"] for row in rows} == {"old": NOW, "new": LATER}


def test_a_member_has_a_reason_for_each_clause(company: Company) -> None:
    company.person("ann", country="US")
    company.event("ann", "Download")
    include = {"all": [US, {"event": "Download", "within_days": 2}]}
    trial = {"event": "Trial", "within_days": 1}

    _compute(company, audience(include, exclude={"any": [trial, {"not": US}]}))

    (row,) = company.rows("audiences.memberships")
    assert json.loads(row["reasons"]) == [
        {"clause": "country is US", "met": True},
        {"clause": "Download at least once in 2 days", "met": True, "found": 1},
        {"clause": "not: Trial at least once in 1 day", "met": True, "found": 0},
    ]


@pytest.mark.parametrize("status", ["denied", "revoked", None])
def test_whoever_did_not_grant_every_purpose_is_no_member(
    company: Company, status: str | None
) -> None:
    company.person("ann", consent=("marketing",))
    if status:
        company.consent("ann", "advertising", status)

    (report,) = _compute(company, audience(EVERYONE, purposes=["marketing", "advertising"]))

    assert (report.matched, report.suppressed, report.members) == (1, 1, 0)
    assert company.rows("audiences.suppressed_members")[0]["reason"] == (
        f"consent:advertising:{'denied' if status else 'unknown'}"
    )


def test_an_audience_with_a_legal_basis_needs_no_consent(company: Company) -> None:
    company.person("ann", consent=())

    _compute(company, audience(EVERYONE, purposes=[], legal_basis="contract"))

    assert company.members() == {"ann"}


def test_bots_and_merged_persons_are_never_members(company: Company) -> None:
    company.person("human")
    company.person("crawler", is_bot=True)
    company.person("double")
    company.warehouse.execute(
        "update identity.persons set status = 'merged', merged_into = 'human' "
        "where person_id = 'double'"
    )

    _compute(company, audience(EVERYONE))

    assert company.members() == {"human"}


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ("update marts.profiles set country = 'DE'", "data: no longer meets the rules"),
        ("update marts.consent_current set status = 'denied'", "consent: consent missing"),
        (
            "delete from marts.profiles where person_id = 'ann'",
            "data: no longer a person who may be a member",
        ),
        (
            "update identity.persons set status = 'merged' where person_id = 'ann'",
            "identity: merged into another person",
        ),
        (
            "update identity.persons set status = 'retired' where person_id = 'ann'",
            "identity: nothing belongs to the id any more",
        ),
    ],
)
def test_an_exit_says_its_cause(company: Company, change: str, cause: str) -> None:
    company.person("ann", country="US")
    company.person("bea", country="DE")
    _compute(company, audience(US))
    company.warehouse.execute(change)

    _compute(company, audience(US), run="r2")

    assert _causes(company, "r2") == {("ann", "exited", *cause.split(": "))}


def test_members_of_an_audience_that_is_gone_leave_it(company: Company) -> None:
    company.person("ann")
    _compute(company, audience(EVERYONE))

    _compute(company, run="r2")

    assert _causes(company, "r2") == {("ann", "exited", "rule", "the audience was removed")}


def test_an_entry_after_a_missing_consent_says_so(company: Company) -> None:
    company.person("ann", consent=())
    _compute(company, audience(EVERYONE))
    company.consent("ann", "marketing", "granted")

    _compute(company, audience(EVERYONE), run="r2")

    assert _causes(company, "r2") == {("ann", "entered", "consent", "consent given")}


def test_the_hold_out_is_drawn_by_the_person(company: Company) -> None:
    people = company.people(60)
    hold_out = {"share": 0.3, "salt": "spring"}

    _compute(company, audience(EVERYONE, hold_out=hold_out))

    arms = {row["person_id"]: row["arm"] for row in company.rows("audiences.memberships")}
    shares = {"holdout": 0.3, "treatment": 0.7}
    assert arms == {name: assign(name, salt="spring", shares=shares) for name in people}


def test_colleagues_are_held_out_together(company: Company) -> None:
    for number in range(40):
        company.person(f"p{number:02d}", account_id=f"acc{number % 4}")

    _compute(company, audience(EVERYONE, hold_out={"share": 0.5, "salt": "x", "unit": "account"}))

    arms = company.warehouse.read(
        "select account_id, count(distinct arm) as arms from audiences.memberships "
        "inner join marts.profiles using (person_id) group by account_id"
    )
    assert arms["arms"].to_pylist() == [1, 1, 1, 1]


def test_an_audience_without_its_model_keeps_its_members_but_for_consent(company: Company) -> None:
    company.people(3)
    _compute(company, audience(EVERYONE))
    company.consent("p001", "marketing", "denied")

    (report,) = _compute(
        company, audience({"score": {"model": "trial", "at_least": 0.2}}), run="r2"
    )

    assert report.status == "held"
    assert "no model is published yet" in report.notes[0]
    assert company.members() == {"p000", "p002"}


@pytest.mark.parametrize(("minimum", "status"), [(3, "ready"), (4, "too_small")])
def test_an_audience_below_its_minimum_is_too_small(
    company: Company, minimum: int, status: str
) -> None:
    company.people(3)

    (report,) = _compute(company, audience(EVERYONE, minimum_size=minimum))

    assert report.status == status


def test_windows_end_at_the_moment_the_warehouse_knows(company: Company) -> None:
    company.person("late")
    company.event("late", "Download", days_ago=-0.1)  # after as_of, before now

    _compute(company, audience({"event": "Download"}))

    assert company.members() == set()


def test_a_wrong_audience_leaves_every_table_as_it_was(company: Company) -> None:
    company.people(2)
    _compute(company, audience(EVERYONE))

    with pytest.raises(ValueError, match="contry"):
        _compute(company, audience({"trait": "contry", "is": "x"}, key="bad"), run="r2")

    assert company.members() == {"p000", "p001"}


def test_a_preview_counts_without_writing(company: Company) -> None:
    people = company.people(4)
    company.consent("p003", "marketing", "denied")
    company.insert(
        "marts.contact_points",
        person_id="p000",
        identifier_type="phone",
        identifier_value="+12025550100",
        is_shared=True,
    )
    company.warehouse.execute(
        "update marts.contact_points set denied_purposes = case person_id "
        "when 'p001' then 'ads, marketing' else 'ads' end where identifier_type = 'email'"
    )
    _compute(company, audience({"trait": "person_id", "is": people[0]}, key="other"))

    seen = preview(company.warehouse, audience(EVERYONE), now=NOW)

    assert (seen.matched, seen.members, seen.held_out) == (4, 3, 0)
    assert seen.suppressed == {"consent:marketing:denied": 1}
    assert seen.reach == {"email": 2}
    assert seen.overlap == {"other": 1}
    assert company.members() == set()


def test_a_preview_names_the_events_that_nobody_has_ever_done(company: Company) -> None:
    company.person("ann")
    company.event("ann", "Asset Downloaded")
    steps = {"sequence": {"steps": [{"event": "Asset Downloaded"}, {"event": "Aset Downloaded"}]}}

    seen = preview(company.warehouse, audience({"any": [{"event": "*"}, steps]}), now=NOW)

    assert seen.unseen == {
        "Aset Downloaded": "did you mean 'Asset Downloaded'? known: Asset Downloaded"
    }


def test_a_score_of_a_rule_is_called_so(company: Company) -> None:
    company.person("ann")
    for days, source in ((9, "model"), (1, "rule")):
        company.insert(
            "prediction.propensity_scores", model_key="paid", person_id="ann", score=0.3,
            as_of=AS_OF - dt.timedelta(days=days), source=source,
        )  # fmt: skip
    likely = audience({"score": {"model": "paid", "at_least": 0.1}})

    seen = preview(company.warehouse, likely, now=NOW)
    (told,) = why(company.warehouse, [likely], "ann", now=NOW)["rules"].to_pylist()

    assert seen.funnel[-1] == ("paid score (rule) is at least 0.1", 1)
    assert [line["clause"] for line in json.loads(told)] == ["paid score (rule) is at least 0.1"]


def test_why_tells_what_is_met_and_what_is_missing(company: Company) -> None:
    company.person("ann", country="DE", consent=())
    audiences = [audience({"any": [US, {"trait": "country", "is": "DE"}]})]
    _compute(company, *audiences)

    (row,) = why(company.warehouse, audiences, "ann", now=NOW).to_pylist()

    assert (row["is_match"], row["is_member"]) == (True, False)
    assert row["lacking"] == "consent:marketing:unknown"
    assert json.loads(row["rules"]) == [
        {"depth": 0, "clause": "any of", "holds": True, "found": None},
        {"depth": 1, "clause": "country is US", "holds": False, "found": "DE"},
        {"depth": 1, "clause": "country is DE", "holds": True, "found": "DE"},
    ]


def test_why_shows_rules_as_they_are_nested(company: Company) -> None:
    company.person("ann", country="US")
    company.event("ann", "Trial")
    asked = audience({"all": [{"audience": "base"}, {"not": {"event": "Trial"}}]}, key="asked")
    base = audience(US, key="base", exclude={"any": [{"event": "Left"}, {"event": "Trial"}]})

    rows = why(company.warehouse, [asked, base], "ann", now=NOW).to_pylist()

    told = {row["audience_key"]: json.loads(row["rules"]) for row in rows}
    assert [(line["depth"], line["clause"], line["holds"]) for line in told["asked"]] == [
        (0, "all of", False),
        (1, "fits the audience base", False),
        (2, "country is US", True),
        (2, "none of", False),
        (3, "Left at least once", False),
        (3, "Trial at least once", True),
        (1, "none of", False),
        (2, "Trial at least once", True),
    ]
    assert {row["audience_key"]: row["is_match"] for row in rows} == {"asked": False, "base": False}


def test_why_finds_a_person_by_an_id_of_the_past(company: Company) -> None:
    company.person("ann")
    company.insert("marts.current_person", person_id="old", current_person_id="ann")

    (row,) = why(company.warehouse, [audience(EVERYONE)], "old", now=NOW).to_pylist()

    assert row["is_match"]


def test_the_persona_that_counts_is_the_latest_not_the_surest(company: Company) -> None:
    company.person("ann")
    for days, name, confidence in ((7, "old", 0.9), (0, "new", 0.6)):
        company.insert(
            "prediction.persona_members", person_id="ann", persona_id=name, persona_name=name,
            confidence=confidence, as_of=AS_OF - dt.timedelta(days=days),
        )  # fmt: skip

    _compute(company, audience({"persona": {"is": "new"}}))

    assert company.members() == {"ann"}


def test_a_merged_person_goes_on_with_the_older_stay(company: Company) -> None:
    company.person("old", country="US")
    company.person("new", country="DE")
    _compute(company, audience(US))
    company.merge("old", into="new")
    company.warehouse.execute("update marts.profiles set country = 'US'")

    _compute(company, audience(US), run="r2", now=NOW + dt.timedelta(days=1))

    (row,) = company.rows("audiences.memberships")
    assert (row["person_id"], row["entered_at"]) == ("new", NOW)
    assert _causes(company, "r2") == {
        ("old", "exited", "identity", "merged into another person"),
        ("new", "entered", "identity", "merged with a member"),
    }


@pytest.mark.parametrize("unit", ["person", "account"])
def test_a_merge_changes_no_arm(company: Company, unit: str) -> None:
    half = audience(US, hold_out={"share": 0.5, "salt": "x", "unit": unit})
    company.people(20, country="US")
    _compute(company, half)
    drawn = {row["person_id"]: row["arm"] for row in company.rows("audiences.memberships")}
    for number in range(20):
        company.person(f"later{number}", country="US")
        company.merge(f"p{number:03d}", into=f"later{number}")

    for run in ("r2", "r3"):
        company.warehouse.execute("delete from audiences.membership_changes")  # as retention does
        _compute(company, half, run=run, now=NOW + dt.timedelta(days=1))

    found = {row["person_id"]: row["arm"] for row in company.rows("audiences.memberships")}
    assert found == {f"later{number}": drawn[f"p{number:03d}"] for number in range(20)}


def test_who_left_and_comes_again_after_a_merge_is_in_the_arm_of_their_first_stay(
    company: Company,
) -> None:
    half = audience(US, hold_out={"share": 0.5, "salt": "x"})
    company.people(20, country="US")
    _compute(company, half)
    drawn = _arms(company)
    company.warehouse.execute("update marts.profiles set country = 'DE'")
    _compute(company, half, run="r2", now=NOW + dt.timedelta(days=1))
    for number in range(20):
        company.person(f"later{number}", country="US")
        company.merge(f"p{number:03d}", into=f"later{number}")

    _compute(company, half, run="r3", now=NOW + dt.timedelta(days=2))

    assert set(drawn.values()) == {"treatment", "holdout"}
    assert _arms(company) == {f"later{number}": drawn[f"p{number:03d}"] for number in range(20)}


def test_a_change_of_account_changes_no_arm(company: Company) -> None:
    half = audience(US, hold_out={"share": 0.5, "salt": "x", "unit": "account"})
    company.people(20, country="US")
    _compute(company, half)
    drawn = _arms(company)
    company.warehouse.execute("update marts.profiles set account_id = 'of ' || person_id")
    company.warehouse.execute("delete from audiences.membership_changes")

    _compute(company, half, run="r2", now=NOW + dt.timedelta(days=1))

    assert set(drawn.values()) == {"treatment", "holdout"}
    assert _arms(company) == drawn


def test_another_salt_draws_anew(company: Company) -> None:
    company.people(20, country="US")
    _compute(company, audience(US, hold_out={"share": 0.5, "salt": "x"}))
    drawn = _arms(company)

    _compute(company, audience(US, hold_out={"share": 0.5, "salt": "y"}), run="r2")

    assert _arms(company) != drawn


def _arms(company: Company) -> dict[str, str]:
    return {row["person_id"]: row["arm"] for row in company.rows("audiences.memberships")}


def test_an_audience_without_its_model_keeps_a_merged_member(company: Company) -> None:
    likely = {"score": {"model": "trial", "at_least": 0.5}}
    company.person("old")
    company.insert(
        "prediction.propensity_scores", model_key="trial", person_id="old", as_of=AS_OF, score=0.9
    )
    _compute(company, audience(likely))
    company.warehouse.execute("delete from prediction.propensity_scores")
    company.person("new")
    company.merge("old", into="new")

    _compute(company, audience(likely), run="r2")

    assert company.members() == {"new"}


def test_a_score_of_accounts_is_met_by_the_members_of_a_likely_account(company: Company) -> None:
    """By the likeliest of several, as last published; whoever belongs nowhere has none.

    What was computed from one member alone is that member's, and no colleague's.
    """
    for name, accounts in {"ann": "a", "bob": "ab", "cyd": "bc", "dan": "", "eve": "c"}.items():
        company.person(name)
        for account in accounts:
            company.insert("marts.account_members", account_id=account, person_id=name)
    for account, days, score, decile in (
        ("a", 0, 0.7, 1), ("b", 0, 0.2, 6), ("b", 9, 0.9, 1), ("c", 0, 0.8, 1),
    ):  # fmt: skip
        company.insert(
            "prediction.account_scores", model_key="buys", account_id=account, score=score,
            decile=decile, as_of=AS_OF - dt.timedelta(days=days),
            person_id="eve" if account == "c" else None,
        )  # fmt: skip

    _compute(
        company,
        audience({"score": {"model": "buys", "at_least": 0.5, "decile": 1}}),
        audience({"score": {"model": "buys", "at_most": 0.3}}, key="unlikely"),
    )

    assert (company.members(), company.members("unlikely")) == (
        {"ann", "bob", "eve"},
        {"cyd"},
    )


def test_the_size_of_a_run_is_dated_by_what_the_warehouse_knew(company: Company) -> None:
    _compute(company, audience(EVERYONE))

    assert company.rows("audiences.sizes")[0]["as_of"] == AS_OF
