from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from measurement import Holdout
from measurement.assignment import assign
from personalization import (
    ContentConfig,
    EmailReport,
    InvalidEmailBlockError,
    SendLimits,
    UnknownEmailBlockError,
    preview_arms,
    preview_person,
    preview_slots,
    write_email_blocks,
)
from personalization.half_lives import HalfLife, write_half_life
from personalization.held_out import is_held_out
from personalization.inventory_half_lives import HALF_LIVES
from tests.personalization.conftest import AS_OF, Company

DEFAULTS = ["archive", "events", "contact", "about", "careers"]
# All but a sliver of the people get personalised content; tests that need other arms say so.
PLAIN = {"size": 3, "discovery_share": 0, "defaults": DEFAULTS,
         "arms": {"personalised": 0.9998, "business_as_usual": 0.0001, "none": 0.0001}}  # fmt: skip
ARMS = {"personalised": 0.5, "business_as_usual": 0.3, "none": 0.2}


@dataclass(frozen=True, slots=True)
class Mailer:
    """A company whose persons have addresses, and one block."""

    company: Company

    def choose(self, *, days: float = 0, seed: int = 7, bans: tuple[str, ...] = (),
               holdout: Holdout | None = None, **block: Any) -> EmailReport:  # fmt: skip
        content = ContentConfig.model_validate(
            {"email_blocks": {"weekly": {**PLAIN, **block}}, "bans": list(bans)}
        )
        as_of = AS_OF + dt.timedelta(days=days)
        (report,) = write_email_blocks(
            self.company.warehouse,
            content,
            as_of=as_of,
            seed=seed,
            run_id="r1",
            limits=SendLimits(holdout, {"weekly": ["mail_tool"]}),
        )
        return report

    def person(self, *persons: str, status: str | None = "granted", **traits: object) -> None:
        self.company.person(*persons, status=status)
        for name, value in traits.items():
            self.company.warehouse.execute(
                f"update marts.profiles set {name} = $value where list_contains($who, person_id)",
                {"value": value, "who": list(persons)},
            )
        self.company.warehouse.execute(
            "insert into marts.contact_points by name select unnest($who::varchar[]) as person_id, "
            "'email' as identifier_type, 'someone' as identifier_value, false as is_shared",
            {"who": list(persons)},
        )
        self.company.warehouse.execute(
            "insert into marts.current_person select unnest($who::varchar[]) as person_id, person_id",
            {"who": list(persons)},
        )

    def handed_over(self, person: str, *, sync_key: str = "mail_tool",
                    at: dt.datetime = AS_OF + dt.timedelta(hours=3)) -> None:  # fmt: skip
        self.company.warehouse.execute(
            "create schema if not exists sync; create table if not exists sync.ledger "
            "(sync_key varchar, person_id varchar, status varchar, acknowledged_at timestamp)"
        )
        self.company.warehouse.execute(
            "insert into sync.ledger values ($sync_key, $person, 'acknowledged', $at)",
            {"sync_key": sync_key, "person": person, "at": at},
        )

    def mails(self, column: str = "content_id", where: str = "true") -> Mapping[str, list[Any]]:
        rows = self.company.warehouse.read(
            f"select person_id, {column} as value from personalization.email_blocks "
            f"where {where} order by person_id, send_date, slot"
        ).to_pylist()
        found: dict[str, list[Any]] = {}
        for row in rows:
            found.setdefault(row["person_id"], []).append(row["value"])
        return found


def _mailer(company: Company) -> Mailer:
    company.warehouse.execute(
        """
        create table marts.contact_points (
            person_id varchar, identifier_type varchar, identifier_value varchar, is_shared boolean
        );
        create table marts.current_person (person_id varchar, current_person_id varchar);
        alter table marts.profiles add column lifecycle_stage varchar;
        alter table marts.profiles add column days_since_last_seen bigint;
        """
    )
    return Mailer(company)


@pytest.fixture
def mailer(company: Company) -> Mailer:
    """Six items on two topics and two stages; a1 is read most, then a2 and b1."""
    mailer = _mailer(company)
    for number in (1, 2, 3):
        company.item(f"a{number}", "seo")
        company.item(f"b{number}", "privacy", stage="retention")
    mailer.person("p1", "p2", "p3")
    company.read("p2", "a1", "a2", "b1")
    company.read("p3", "a1", "a2", "b1", "b2")
    return mailer


CUSTOMERS = {"name": "customers", "stages": ["retention"],
             "when": [{"trait": "lifecycle_stage", "is": "customer"}]}  # fmt: skip
QUIET = {"name": "quiet", "topics": ["seo"],
         "when": [{"trait": "days_since_last_seen", "at_least": 30}]}  # fmt: skip


def test_what_a_rule_asks_for_comes_first_and_the_block_fills_the_rest(mailer: Mailer) -> None:
    mailer.person("c1", lifecycle_stage="customer")
    mailer.company.read("c1", "b1")

    mailer.choose(rules=[CUSTOMERS])

    assert mailer.mails()["c1"] == ["b2", "b3", "a1"]
    assert mailer.mails("fallback_level")["c1"] == ["rule", "rule", "block"]
    assert set(mailer.mails("rule")["c1"]) == {"customers"}


@pytest.mark.parametrize(("days", "first"), [(30.0, "a3"), (7.0, "a1")])
def test_what_is_popular_fades_as_it_does_on_pages(mailer: Mailer, days: float, first: str) -> None:
    readers = [f"r{number}" for number in range(9)]
    mailer.person(*readers)
    mailer.company.read_by(readers, "a3", days_ago=60)
    mailer.company.warehouse.create_missing([HALF_LIVES])
    chosen = HalfLife(days, 0, 30.0, (), "")
    write_half_life(mailer.company.warehouse, chosen, as_of=AS_OF, run_id="r1")

    mailer.choose()

    assert mailer.mails()["p1"][0] == first


def test_the_first_rule_that_fits_is_the_persons(mailer: Mailer) -> None:
    mailer.person("both", lifecycle_stage="Customer", days_since_last_seen=90)
    mailer.person("quiet", days_since_last_seen=30)
    mailer.person("neither", days_since_last_seen=29)

    mailer.choose(rules=[CUSTOMERS, QUIET])

    rules = {person: set(found) for person, found in mailer.mails("rule").items()}
    assert (rules["both"], rules["quiet"], rules["neither"]) == ({"customers"}, {"quiet"}, {None})


def test_a_rule_may_ask_for_the_persona_that_was_published_last(mailer: Mailer) -> None:
    mailer.company.warehouse.execute(
        """
        create schema prediction;
        create table prediction.persona_members as
        select * from (values
            ('p1', 'owners', 'Owners', timestamp '2026-05-01'),
            ('p1', 'makers', 'Makers', timestamp '2026-05-20'),
            ('p2', 'owners', 'Owners', timestamp '2026-05-20')
        ) as rows (person_id, persona_id, persona_name, as_of)
        """
    )

    mailer.choose(rules=[{"name": "owners", "when": [{"trait": "persona_id", "is": "owners"}]}])

    assert set(mailer.mails("rule")["p1"]) == {None}
    assert set(mailer.mails("rule")["p2"]) == {"owners"}


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        pytest.param({"trait": "lifecycle_stadge", "is": "x"}, "lifecycle_stadge", id="misspelt"),
        pytest.param({"trait": "lifecycle_stage", "at_least": 3}, "not a number", id="no number"),
        pytest.param({"trait": "persona_id", "less_than": 3}, "not a number", id="persona"),
    ],
)
def test_a_rule_over_a_column_that_cannot_answer_is_refused(
    mailer: Mailer, condition: dict[str, Any], said: str
) -> None:
    mailer.person("c1", lifecycle_stage="a secret")

    with pytest.raises(InvalidEmailBlockError, match=f"weekly, rule 'typo'.*{said}") as refused:
        mailer.choose(rules=[{"name": "typo", "when": [condition]}])

    assert "a secret" not in str(refused.value)


def test_where_everything_was_read_defaults_fill_the_slots(mailer: Mailer) -> None:
    mailer.person("done")
    mailer.company.read("done", "a1", "a2", "a3", "b1", "b2")

    report = mailer.choose()

    assert mailer.mails()["done"] == ["b3", "events", "contact"]
    assert mailer.mails("fallback_level")["done"] == ["block", "default", "default"]
    assert report.by_level["default"] == 3  # p3 has read all but two


@pytest.mark.parametrize("status", [None, "denied"])
def test_without_consent_it_is_business_as_usual_and_nothing_of_the_person(
    mailer: Mailer, status: str | None
) -> None:
    mailer.person("other", status=status, lifecycle_stage="customer")
    mailer.company.read("other", "a1")

    mailer.choose(rules=[CUSTOMERS], usual=["b3", "a1", "gone"])

    assert mailer.mails()["other"] == ["b3", "a1", "a2"]
    assert mailer.mails("fallback_level")["other"] == ["usual", "usual", "popular"]
    facts = "{'arm': arm, 'p': arm_probability, 'drawn': is_randomised, 'rule': rule, 'r': ranking}"
    assert mailer.mails(facts)["other"][0] == {
        "arm": "business_as_usual", "p": 1.0, "drawn": False, "rule": None, "r": "same_for_all"
    }  # fmt: skip


def test_business_as_usual_is_the_same_for_all(mailer: Mailer) -> None:
    mailer.person(*(f"n{number}" for number in range(60)))
    mailer.company.read("n1", "a1", "a2")

    mailer.choose(arms=ARMS, usual=["b3"])

    usual = mailer.mails(where="arm = 'business_as_usual'")
    assert len(usual) > 5
    assert {tuple(mail) for mail in usual.values()} == {("b3", "a1", "a2")}


def test_arms_are_those_that_the_hash_gives_with_their_exact_probability(mailer: Mailer) -> None:
    people = [f"n{number:03d}" for number in range(300)]
    mailer.person(*people)

    mailer.choose(arms=ARMS, salt="s1")

    arms, shares = mailer.mails("arm"), mailer.mails("arm_probability")
    for person in people:
        arm = assign(person, salt="email_block|weekly|s1", shares={
            "personalised": 0.5, "business_as_usual": 0.3, "none": 0.2})  # fmt: skip
        assert set(arms[person]) == {arm}
        assert set(shares[person]) == {ARMS[arm]}


def test_who_is_held_out_of_everything_gets_business_as_usual_and_is_in_no_comparison(
    mailer: Mailer,
) -> None:
    people = [f"n{number:03d}" for number in range(60)]
    mailer.person(*people, lifecycle_stage="customer")
    holdout = Holdout(share=0.3, salt="2026", unit="person")

    mailer.choose(holdout=holdout, rules=[CUSTOMERS])

    facts = mailer.mails("{'arm': arm, 'drawn': is_randomised, 'p': arm_probability, 'rule': rule}")
    held_out = [person for person in people if is_held_out(person, holdout)]
    assert 5 < len(held_out) < 40
    for person in held_out:
        assert facts[person][0] == {
            "arm": "business_as_usual", "drawn": False, "p": 1.0, "rule": None
        }  # fmt: skip
    assert all(facts[person][0]["drawn"] for person in set(people) - set(held_out))


def test_who_gets_no_block_is_stored_with_what_it_would_have_been(mailer: Mailer) -> None:
    mailer.person(*(f"n{number}" for number in range(60)))

    mailer.choose(arms=ARMS)

    ghosts = mailer.mails("is_ghost", "arm = 'none'")
    assert len(ghosts) > 3
    assert all(flags == [True] * 3 for flags in ghosts.values())
    assert not any(flag for flags in mailer.mails("is_ghost", "arm <> 'none'").values()
                   for flag in flags)  # fmt: skip
    # What they would have been sent rests as what is sent does: else they are shown another choice.
    mailer.choose(days=7, arms=ARMS)
    twice = mailer.mails(where="arm = 'none' and starts_with(person_id, 'n')")
    assert all(len(set(items)) == 6 for items in twice.values())


def test_drawn_slots_bear_the_probability_with_which_they_were_drawn(mailer: Mailer) -> None:
    people = [f"n{number:04d}" for number in range(2_000)]
    mailer.person(*people)

    mailer.choose(discovery_share=0.34)

    rows = mailer.company.warehouse.read(
        "select content_id, count(*) as n, min(propensity) as low, max(propensity) as high "
        "from personalization.email_blocks where is_discovery and starts_with(person_id, 'n') "
        "and arm = 'personalised' group by all"
    ).to_pylist()
    assert len(rows) >= 2
    for row in rows:
        assert row["low"] == row["high"]
        assert row["n"] / len(people) == pytest.approx(row["low"], abs=0.03)


def test_what_was_chosen_for_a_send_stays_until_the_next(mailer: Mailer) -> None:
    mailer.choose()
    first = dict(mailer.mails())
    mailer.company.read("p1", "a1", days_ago=-0.5)

    later = mailer.choose(days=1)

    assert later.chosen == 0
    assert mailer.mails() == first


@pytest.mark.parametrize(
    ("change", "person"),
    [
        pytest.param("delete from marts.content_items where content_id = 'a1'", "p1", id="gone"),
        pytest.param(
            "update marts.consent_current set status = 'denied' where person_id = 'p1'", "p1",
            id="withdrawn",
        ),
    ],
)  # fmt: skip
def test_what_may_not_be_sent_any_more_is_chosen_anew(
    mailer: Mailer, change: str, person: str
) -> None:
    mailer.company.read("p2", "a3")
    mailer.choose()
    mailer.company.warehouse.execute(change)

    report = mailer.choose(days=1)

    assert report.chosen == 1
    assert len(mailer.mails()[person]) == 3


def test_withdrawn_consent_takes_the_choice_and_its_reasons_away(mailer: Mailer) -> None:
    mailer.choose()
    mailer.choose(days=7)
    mailer.company.warehouse.execute(
        "update marts.consent_current set status = 'denied' where person_id = 'p2'"
    )

    mailer.choose(days=8)

    assert mailer.mails("arm", "send_date = '2026-06-08'")["p2"] == ["business_as_usual"] * 3
    assert set(mailer.mails("reason", "send_date = '2026-06-01'")["p2"]) == {
        "consent was withdrawn since"
    }
    assert "consent was withdrawn since" not in mailer.mails("reason")["p3"]


def test_another_configuration_is_chosen_for_at_once(mailer: Mailer) -> None:
    mailer.choose()

    report = mailer.choose(days=1, pins=["b3"])

    assert report.chosen == report.persons == 3
    assert mailer.mails()["p1"][0] == "b3"


@pytest.mark.parametrize(
    "change",
    [
        pytest.param("delete from marts.content_items where content_id = 'a1'", id="gone"),
        pytest.param("select 1", id="configuration"),
    ],
)
def test_what_a_sync_has_handed_over_stays_on_record(mailer: Mailer, change: str) -> None:
    mailer.choose()
    before = mailer.mails("{'c': content_id, 'arm': arm, 'p': arm_probability}")
    mailer.handed_over("p1")
    mailer.handed_over("p2", sync_key="another_tool")
    mailer.handed_over("p3", at=AS_OF - dt.timedelta(days=1))
    mailer.company.warehouse.execute(change)

    report = mailer.choose(days=1, pins=["b3"], arms=ARMS, salt="other")

    after = mailer.mails("{'c': content_id, 'arm': arm, 'p': arm_probability}")
    assert after["p1"] == before["p1"]
    assert report.chosen == 2
    assert after["p2"] != before["p2"]
    assert after["p3"] != before["p3"]


def test_withdrawn_consent_takes_back_what_was_handed_over(mailer: Mailer) -> None:
    mailer.choose()
    mailer.handed_over("p1")
    mailer.company.warehouse.execute(
        "update marts.consent_current set status = 'denied' where person_id = 'p1'"
    )

    mailer.choose(days=1)

    assert set(mailer.mails("arm")["p1"]) == {"business_as_usual"}


def test_what_was_sent_to_somebody_is_not_sent_again_after_a_merge(mailer: Mailer) -> None:
    mailer.person("old", "kept")
    mailer.choose()
    sent = set(mailer.mails()["old"])
    mailer.handed_over("old")
    for table in ("profiles", "consent_current", "contact_points"):
        mailer.company.warehouse.execute(f"delete from marts.{table} where person_id = 'old'")
    mailer.company.warehouse.execute(
        "update marts.current_person set current_person_id = 'kept' where person_id = 'old'; "
        "delete from personalization.email_blocks where person_id = 'kept'"
    )

    mailer.choose(days=1)
    mailer.company.warehouse.execute(
        "delete from personalization.email_blocks where person_id = 'kept'"
    )
    mailer.choose(days=7)

    assert set(mailer.mails()["old"]) == sent
    assert not set(mailer.mails(where="send_date = '2026-06-08'")["kept"]) & sent


def test_the_next_send_brings_other_content_and_keeps_the_last(mailer: Mailer) -> None:
    mailer.choose()

    mailer.choose(days=7)

    mails = mailer.mails()["p1"]
    assert len(mails) == 6
    assert not set(mails[:3]) & set(mails[3:])


def test_content_may_come_again_after_its_rest(mailer: Mailer) -> None:
    for week in range(3):
        mailer.choose(days=7 * week, rest_sends=1)

    mails = mailer.mails()["p1"]
    assert mails[:3] == mails[6:]


def test_who_has_no_address_of_their_own_gets_no_mail(mailer: Mailer) -> None:
    mailer.company.person("silent")
    mailer.person("family")
    mailer.company.warehouse.execute(
        "update marts.contact_points set is_shared = true where person_id = 'family'"
    )

    mailer.choose()

    assert mailer.mails().keys() == {"p1", "p2", "p3"}


def test_bans_and_defaults_are_never_content(mailer: Mailer) -> None:
    mailer.choose(bans=("a1", "b1"), defaults=["a2", "events", "contact"])

    shown = {item for mail in mailer.mails().values() for item in mail}
    assert "a1" not in shown
    assert "a2" not in mailer.mails(where="fallback_level <> 'default'").get("p1", [])


@pytest.mark.parametrize("missing", ["content_items", "content_engagement", "profiles"])
def test_a_company_with_next_to_nothing_gets_no_empty_slot(mailer: Mailer, missing: str) -> None:
    mailer.company.warehouse.execute(f"delete from marts.{missing}")

    mailer.choose(discovery_share=0.34, arms=ARMS)

    assert all(len(mail) == 3 and None not in mail for mail in mailer.mails().values())
    assert bool(mailer.mails()) == (missing != "profiles")


def test_the_same_day_gives_the_same_mails_on_any_machine(mailer: Mailer) -> None:
    mailer.person(*(f"n{number}" for number in range(40)))
    mailer.choose(discovery_share=0.34)
    first = mailer.mails()
    mailer.company.warehouse.execute("delete from personalization.email_blocks")

    mailer.choose(discovery_share=0.34)

    assert mailer.mails() == first


def test_in_a_company_made_by_chance_no_slot_is_empty_repeated_read_or_without_consent(
    mailer: Mailer,
) -> None:
    rng = np.random.default_rng(3)
    items = ["a1", "a2", "a3", "b1", "b2", "b3"]
    for status in ("granted", "denied", None):
        for number in range(30):
            person = f"{status}{number}"
            mailer.person(person, status=status, days_since_last_seen=int(rng.integers(0, 60)))
            read = rng.permutation(items)[: rng.integers(0, 7)].tolist()
            if read:
                mailer.company.read(person, *read)

    mailer.choose(size=4, arms=ARMS, rules=[QUIET], discovery_share=0.25, usual=["b3", "gone"])

    mails = mailer.mails()
    assert len(mails) == 93
    assert all(len(mail) == 4 == len({*mail} - {None}) for mail in mails.values())
    assert not _read_and_sent(mailer.company.warehouse)
    unasked = mailer.mails("{'arm': arm, 'rule': rule}", "not starts_with(person_id, 'granted')")
    usual = {"arm": "business_as_usual", "rule": None}
    assert all(
        slot == usual for person, mail in unasked.items() if person[0] != "p" for slot in mail
    )


def _read_and_sent(warehouse: Any) -> int:
    return int(
        warehouse.scalar(
            "select count(*) from personalization.email_blocks inner join marts.content_engagement "
            "using (person_id, content_id) where arm <> 'business_as_usual'"
        )
    )


def test_a_preview_says_who_gets_what_and_of_one_person_why(mailer: Mailer) -> None:
    mailer.person(*(f"n{number}" for number in range(60)))
    mailer.choose(arms=ARMS)
    warehouse = mailer.company.warehouse

    arms = preview_arms(warehouse, "weekly", known=["weekly"]).to_pylist()
    slots = preview_slots(warehouse, "weekly", known=["weekly"]).to_pylist()
    (person, *_) = mailer.mails(where="arm = 'personalised'")
    mine = preview_person(warehouse, "weekly", person, known=["weekly"]).to_pylist()

    assert sum(row["persons"] for row in arms) == 63
    assert {row["slot"] for row in slots} == {1, 2, 3}
    assert [row["content_id"] for row in mine] == mailer.mails()[person]
    with pytest.raises(UnknownEmailBlockError, match="weekly"):
        preview_arms(warehouse, "weakly", known=["weekly"])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param({"defaults": ["one", "one", "two"]}, "as many different defaults", id="few"),
        pytest.param({"pins": ["a", "b", "c", "d"]}, "more than size", id="pins"),
        pytest.param({"rules": [{"name": "r", "pins": ["a", "b", "c", "d"]}]}, "more than size",
                     id="pins of a rule"),
        pytest.param({"rules": [{"name": "r"}, {"name": "r"}]}, "same name", id="names"),
        pytest.param({"arms": {**ARMS, "none": 0.3}}, "add up to 1", id="shares"),
        pytest.param({"arms": {"personalised": 0.9, "business_as_usual": 0, "none": 0.1}},
                     "business_as_usual", id="nothing to compare with"),
        pytest.param({"pins": ["a"], "bans": ["a"]}, "both pinned and banned", id="ban"),
    ],
)  # fmt: skip
def test_a_block_that_cannot_work_is_refused(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        ContentConfig.model_validate({"email_blocks": {"weekly": {**PLAIN, **change}}})
