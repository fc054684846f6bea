"""What a page is shown: by whom, by chance, and always the same."""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from personalization import (
    Artefact,
    MissingArtefactError,
    SlotKeyTwiceError,
    UnknownSlotError,
    decide,
    publish_artefact,
    recommend,
)
from personalization.artefact import keyed
from personalization.decide import Earlier, choose, draw, uniform
from tests.personalization.serving import (
    AS_OF,
    AT,
    CONTENT,
    SECRET,
    Site,
    asked,
    experiments,
    write_variant_policies_without_events,
)

GRANTED_PEOPLE = "select person_id from marts.consent_current where status = 'granted'"
GRANTED, DENIED, SILENT = "p00002", "p00010", "p00011"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return Site.published(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def artefact(site: Site) -> Iterator[Artefact]:
    opened = site.open()
    yield opened
    opened.close()


def test_a_person_is_shown_their_own_list_with_its_probabilities(
    site: Site, artefact: Artefact
) -> None:
    decision = decide(asked("home", person_id=GRANTED), artefact)

    stored = site.warehouse.read(
        "select content_id, propensity, is_discovery, reason from personalization.recommendations "
        f"where person_id = '{GRANTED}' and block = 'home' order by rank"
    ).to_pylist()
    assert [a.action_id for a in decision.shown] == [row["content_id"] for row in stored]
    assert [a.propensity for a in decision.shown] == [row["propensity"] for row in stored]
    assert [a.reason for a in decision.shown] == [row["reason"] for row in stored]
    assert decision.arm == "personalised"
    assert decision.facts.consent_version == "2026-05-01T00:00:00"


@pytest.mark.parametrize(
    "known",
    [
        pytest.param({"person_id": GRANTED}, id="person"),
        pytest.param({"user_id": f"user-{GRANTED}"}, id="user"),
        pytest.param({"anonymous_id": f"browser-{GRANTED}"}, id="browser"),
    ],
)
def test_a_person_is_found_by_any_of_their_ids(artefact: Artefact, known: dict[str, str]) -> None:
    decision = decide(asked("home", **known), artefact)

    assert decision.situation.unit is not None
    assert decision.situation.unit.person_id == GRANTED


def test_only_who_agreed_is_known(artefact: Artefact) -> None:
    asking = [asked("home", person_id=person) for person in (GRANTED, DENIED, "nobody", None)]

    assert [artefact.knows(request) for request in asking] == [True, False, False, False]


@pytest.mark.parametrize(
    "known",
    [
        pytest.param({"person_id": DENIED}, id="denied"),
        pytest.param({"person_id": SILENT}, id="never-answered"),
        pytest.param({"anonymous_id": f"browser-{DENIED}"}, id="browser-of-who-denied"),
        pytest.param({"person_id": GRANTED, "consent": "denied"}, id="denies-just-now"),
        pytest.param({"anonymous_id": "new"}, id="nobody-knows"),
    ],
)
@pytest.mark.parametrize("slot", ["home", "hero"])
def test_without_consent_the_answer_does_not_depend_on_who_asks(
    artefact: Artefact, slot: str, known: dict[str, str]
) -> None:
    decision = decide(asked(slot, **known), artefact)

    nobody = decide(asked(slot), artefact)
    assert decision.situation == nobody.situation
    assert decision.actions == nobody.actions
    assert decision.situation.unit is None
    assert decision.facts.consent in ("denied", "unknown")


def test_who_has_not_agreed_sees_the_baseline(artefact: Artefact) -> None:
    decision = decide(asked("hero", person_id=DENIED), artefact)

    assert [(a.action_id, a.propensity) for a in decision.shown] == [("control", 1.0)]
    assert decision.fallback_level == "contextual"


def test_the_topic_of_the_page_leads_where_nothing_is_known(site: Site, artefact: Artefact) -> None:
    topics = {
        row["content_id"]: row["topic"]
        for row in site.warehouse.read("select * from marts.content_items").to_pylist()
    }

    decision = decide(asked("home", topic="crm"), artefact)
    other = decide(asked("home", topic="never heard of"), artefact)

    best = [a for a in decision.shown if not a.is_discovery]
    assert {topics[a.action_id] for a in best[:5]} == {"crm"}
    assert (decision.fallback_level, other.fallback_level) == ("context", "popular")


def test_what_the_visit_has_seen_does_not_come_again(artefact: Artefact) -> None:
    for known in ({}, {"person_id": GRANTED}):
        first = decide(asked("home", **known), artefact)
        seen = tuple(a.action_id for a in first.shown[:3])

        again = decide(asked("home", 2, seen=seen, **known), artefact)

        assert not set(seen) & {a.action_id for a in again.shown}
        assert len({a.action_id for a in again.shown}) == 6


def test_a_known_reader_is_never_shown_what_they_have_read(site: Site, artefact: Artefact) -> None:
    read = {
        row["person_id"]: set(row["items"])
        for row in site.warehouse.read(
            "select person_id, list(content_id) as items from marts.content_engagement group by all"
        ).to_pylist()
    }
    popular = {item.content_id for item in artefact.meta.slots["home"].lists[""]}
    readers = [p for p in site.texts(GRANTED_PEOPLE) if read.get(p, set()) & popular]
    assert len(readers) > 20

    for person in readers:
        first = decide(asked("home", person_id=person), artefact)
        seen = tuple(a.action_id for a in first.shown)
        again = decide(asked("home", 2, person_id=person, seen=seen), artefact)

        assert len(again.shown) == 6
        assert not {a.action_id for a in again.shown} & (read[person] | set(seen))


def test_who_has_read_everything_stays_personalised_and_sees_nothing_again(tmp_path: Path) -> None:
    site = Site.published(tmp_path, people=20, items=8)
    site.warehouse.execute(
        "insert into marts.content_engagement "
        "select 'p00002', content_id, 0.8, timestamp '2026-05-20', timestamp '2026-05-20' "
        "from marts.content_items"
    )
    recommend(site.warehouse, CONTENT, as_of=AS_OF, seed=7, run_id="r2")
    site.publish(experiments())
    artefact = site.open()

    decision = decide(asked("home", person_id="p00002"), artefact)
    artefact.close()

    assert decision.arm == "personalised"
    assert decision.actions == ()


def test_places_drawn_for_nobody_in_particular_are_as_likely_as_they_say(
    artefact: Artefact,
) -> None:
    """Six places of which 15 % are drawn: nine pages in ten draw the last one."""
    pages = 4_000
    lists = [decide(asked("home", number), artefact).shown for number in range(pages)]

    last = Counter(actions[-1].action_id for actions in lists)
    chances = {
        actions[-1].action_id: {
            a[-1].propensity for a in lists if a[-1].action_id == actions[-1].action_id
        }
        for actions in lists
    }
    drawn = sum(action.is_discovery for actions in lists for action in actions)
    assert drawn / (6 * pages) == pytest.approx(0.15, abs=0.01)
    assert {len(found) for found in chances.values()} == {1}
    assert sum(max(found) for found in chances.values()) == pytest.approx(1)
    for content_id, (chance,) in chances.items():
        error = 4 * (chance * (1 - chance) / pages) ** 0.5
        assert last[content_id] / pages == pytest.approx(chance, abs=error)


def test_the_same_person_meets_the_same_variant_on_every_page(artefact: Artefact) -> None:
    for number in range(2, 9):
        person = f"p{number:05d}"
        arms = {decide(asked("hero", n, person_id=person), artefact).arm for n in range(20)}

        assert len(arms) == 1


def test_variants_are_drawn_as_often_as_their_logged_probability(site: Site) -> None:
    site.publish(experiments(), b=0.7, c=0.2, control=0.1)
    artefact = site.open()
    drawn: Counter[str] = Counter()
    for number in range(3_000):
        request = asked("hero", anonymous_id=f"x{number}", consent="granted")
        decision = decide(request, artefact)
        (action,) = decision.actions
        drawn[action.action_id] += 1
        assert action.propensity == decision.facts.slot.shares[action.action_id]  # type: ignore[union-attr]
    artefact.close()
    site.publish(experiments())

    assert drawn["b"] / 3_000 == pytest.approx(0.7, abs=0.03)
    assert drawn["c"] / 3_000 == pytest.approx(0.2, abs=0.03)


def test_a_visit_keeps_its_variant_though_the_shares_have_changed(site: Site) -> None:
    artefact = site.open()
    first = decide(asked("hero", anonymous_id="new", consent="granted"), artefact)
    artefact.close()
    (action,) = first.actions
    others = {arm: 1.0 for arm in ("b", "c", "control") if arm != action.action_id}
    site.publish(experiments(), **{action.action_id: 0.0, **others})
    artefact = site.open()
    earlier = Earlier(first.decision_id, first.arm, action.action_id, action.propensity)

    again = decide(
        asked("hero", 2, person_id=GRANTED, earlier=earlier), artefact
    )  # and has signed in meanwhile
    afresh = decide(asked("hero", 3, anonymous_id="new", consent="granted"), artefact)
    artefact.close()
    site.publish(experiments())

    assert again.actions[0].action_id == action.action_id
    assert again.actions[0].propensity == action.propensity
    assert afresh.actions[0].action_id != action.action_id


def test_a_variant_that_is_no_arm_is_not_kept(artefact: Artefact) -> None:
    earlier = Earlier("d", "evil", "evil", 1.0)

    decision = decide(asked("hero", person_id=GRANTED, earlier=earlier), artefact)

    assert decision.actions[0].action_id in {"b", "c", "control"}
    assert decision.situation.earlier is None


def test_the_held_out_get_nothing_and_what_they_would_have_got_is_kept(site: Site) -> None:
    site.publish(experiments(holdout={"share": 0.3, "salt": "2026"}))
    artefact = site.open()
    people = site.texts(GRANTED_PEOPLE)

    by_slot = {
        slot: {p for p in people if decide(asked(slot, person_id=p), artefact).arm == "holdout"}
        for slot in ("home", "mail", "hero")
    }
    ghost = decide(asked("home", person_id=min(by_slot["home"])), artefact)
    artefact.close()
    site.publish(experiments())

    assert by_slot["home"] == by_slot["mail"] <= by_slot["hero"]
    assert len(by_slot["home"]) / len(people) == pytest.approx(0.3, abs=0.1)
    assert ghost.is_ghost
    assert ghost.shown == ()
    assert len(ghost.actions) == 6


def test_a_company_is_drawn_together_where_the_unit_is_the_account(site: Site) -> None:
    site.publish(experiments(hero={"unit": "account"}))
    artefact = site.open()
    rows = site.warehouse.read(
        "select account_id, list(person_id) as people from marts.profiles "
        "inner join marts.consent_current using (person_id) "
        "where status = 'granted' and account_id is not null group by all"
    ).to_pylist()

    arms = [
        {decide(asked("hero", person_id=p), artefact).arm for p in row["people"]} for row in rows
    ]
    artefact.close()
    site.publish(experiments())

    assert max(len(row["people"]) for row in rows) > 1
    assert {len(found) for found in arms} == {1}
    assert len(set.union(*arms)) > 1


def test_colleagues_in_two_segments_are_drawn_with_the_same_shares(site: Site) -> None:
    configured = experiments(hero={"unit": "account"})
    write_variant_policies_without_events(site.warehouse, configured)
    site.warehouse.execute(
        "update personalization.variant_policies "
        "set probability = case when (arm = 'b') = (segment = 'big') then 0.8 else 0.1 end, "
        "state = 'paused', reason = 'paused: probably harmful (97% by who met it)'"
    )
    publish_artefact(site.warehouse, site.path, CONTENT, configured, secret=SECRET, as_of=AS_OF)
    artefact = site.open()
    companies = site.warehouse.read(
        "select list(person_id) as people, count(distinct employee_count) as sizes "
        "from marts.profiles inner join marts.consent_current using (person_id) "
        "where status = 'granted' and account_id is not null group by account_id"
    ).to_pylist()

    drawn = [
        {decide(asked("hero", person_id=p), artefact).actions[0].action_id for p in row["people"]}
        for row in companies
    ]
    why = decide(asked("hero", person_id=companies[0]["people"][0]), artefact).actions[0].reason
    artefact.close()
    site.publish(experiments())

    # Who is still shown a paused arm is not told that it harms.
    assert why.startswith("shown to few")
    assert sum(row["sizes"] > 1 for row in companies) > 5
    assert {len(found) for found in drawn} == {1}


def test_the_holdout_of_accounts_holds_the_same_people_out_of_every_slot(site: Site) -> None:
    site.publish(experiments(holdout={"share": 0.4, "salt": "s", "unit": "account"}))
    artefact = site.open()
    people = site.texts(GRANTED_PEOPLE)

    out = {
        slot: {p for p in people if decide(asked(slot, person_id=p), artefact).is_ghost}
        for slot in ("home", "mail")
    }
    by_account = {
        (row["account_id"] or row["person_id"], row["person_id"] in out["home"])
        for row in site.warehouse.read("select * from marts.profiles").to_pylist()
        if row["person_id"] in people
    }
    artefact.close()
    site.publish(experiments())

    assert out["home"] == out["mail"]
    assert 0 < len(out["home"]) < len(people)
    assert len(by_account) == len({account for account, _ in by_account})


@pytest.mark.parametrize(
    ("days", "is_stale"), [pytest.param(6.9, False, id="fresh"), pytest.param(7.1, True, id="old")]
)
def test_what_was_published_too_long_ago_says_nothing_of_a_person(
    site: Site, days: float, is_stale: bool
) -> None:
    configured, published = experiments(), AT - dt.timedelta(days=days)
    publish_artefact(
        site.warehouse, site.path, CONTENT, configured, secret=SECRET, as_of=AS_OF, now=published
    )
    artefact = site.open()
    people = site.texts(GRANTED_PEOPLE)

    found = [
        decide(asked(slot, person_id=p), artefact) for slot in ("home", "hero") for p in people
    ]
    artefact.close()
    site.publish(configured)

    assert {decision.situation.unit is None for decision in found} == {is_stale}
    assert {decision.fallback_level == "stale" for decision in found} == {is_stale}
    heroes = found[len(people) :]
    assert ({decision.arm for decision in heroes} == {"control"}) == is_stale
    assert all("too old" in d.actions[0].reason for d in heroes) == is_stale
    assert all(decision == choose(decision.situation, decision.facts) for decision in found)


def test_the_artefact_holds_keyed_ids_and_nobody_who_has_not_agreed(site: Site) -> None:
    content = site.path.read_bytes()
    with sqlite3.connect(site.path) as connection:
        people = {row[0] for row in connection.execute("select person_id from persons")}
        keys = {row[0] for row in connection.execute("select key from keys")}

    assert DENIED not in people
    assert SILENT not in people
    assert keyed(SECRET, "anonymous_id", f"browser-{GRANTED}") in keys
    assert keyed(SECRET, "anonymous_id", f"browser-{DENIED}") not in keys
    assert b"browser-" not in content
    assert b"user-p" not in content
    assert site.path.stat().st_mode & 0o077 == 0


def test_an_open_artefact_answers_though_a_new_one_was_published(site: Site) -> None:
    artefact = site.open()

    site.publish(experiments())

    assert decide(asked("home", person_id=GRANTED), artefact).arm == "personalised"
    artefact.close()


def test_the_same_company_gives_the_same_artefact(site: Site, artefact: Artefact) -> None:
    before = artefact.meta

    site.publish(experiments())

    assert site.open().meta == before


def test_an_unknown_slot_is_refused_with_the_known_ones(artefact: Artefact) -> None:
    with pytest.raises(UnknownSlotError, match="hero, home, mail"):
        decide(asked("hone"), artefact)


def test_a_block_and_an_experiment_must_not_share_a_key(site: Site) -> None:
    both = experiments()
    both.experiments["home"] = both.experiments["hero"]

    with pytest.raises(SlotKeyTwiceError, match="home"):
        site.publish(both)


def test_no_artefact_is_told_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "other.sqlite").write_text("no database")

    for name in ("none.sqlite", "other.sqlite"):
        with pytest.raises(MissingArtefactError, match="candor run"):
            Artefact.open(tmp_path / name, SECRET)


def test_draws_are_uniform_and_cut_where_the_shares_say() -> None:
    drawn = sorted(uniform("salt", str(number)) for number in range(10_000))
    shares = {"b": 0.25, "a": 0.5, "off": 0.0, "z": 0.25}

    assert max(abs(value - n / 10_000) for n, value in enumerate(drawn)) < 0.02
    assert [draw(shares, u) for u in (0.0, 0.49, 0.5, 0.74, 0.75, 0.9999)] == [
        "a", "a", "b", "b", "z", "z",
    ]  # fmt: skip
