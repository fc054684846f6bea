from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

import measurement.inventory
from measurement import Counts, Experiment, ExperimentsConfig, Holdout, Sample
from measurement.lift import minimum_detectable
from personalization import (
    Capability,
    ContentConfig,
    Plans,
    ReadinessReport,
    assess_readiness,
    overview_rows,
    readiness_page,
    summary_rows,
    write_readiness,
)
from personalization.readiness import (
    choose_start,
    judge_email,
    judge_identity,
    judge_models,
    judge_personas,
    judge_recommendations,
    judge_search,
)
from personalization.readiness_experiments import (
    detectable,
    holdout_share,
    judge_hero,
    judge_holdout,
    judge_segments,
)
from personalization.readiness_facts import _COUNTS, Facts, ModelFact, OutcomeFact, read_facts
from personalization.readiness_report import ContentGap
from prediction import PredictionsConfig
from tests.personalization.conftest import AS_OF, Company
from warehouse import DuckDBWarehouse

GROUPS = ModelFact("personas", "champion", "mixture", "", 400, 0)
# A company for which everything is a hybrid; tests change one thing.
GOOD = Facts(
    counts={
        **dict.fromkeys(_COUNTS, 0),
        "persons": 5_000, "known_persons": 2_000, "records": 3_000, "sources": 3,
        "likely_links": 50, "proven_links": 60, "granted": 2_000, "active_30": 1_500,
        "granted_30": 1_500, "granted_90": 4_000, "came_back": 1_200, "items": 100, "described_items": 100,
        "readings": 4_000, "readers": 900, "readers_twice": 500, "searches": 800,
        "searchers_30": 90, "search_clicks": 500, "listed_clicks": 300, "mailable": 1_900,
        "mailable_readers": 200, "email_clicks": 70,
    },
    models=[ModelFact("trial", "champion", "ridge_logistic", "passed", 300, 2_000), GROUPS],
    events=[], outcomes=[],
)  # fmt: skip


def _with(**counts: int) -> Facts:
    return replace(GOOD, counts={**GOOD.counts, **counts})


def _told(found: Capability) -> str:
    return "; ".join(found.missing)


@pytest.mark.parametrize(
    ("counts", "level", "said"),
    [
        pytest.param({}, "hybrid", "needs 46,000 more readings", id="hybrid"),
        pytest.param({"readings": 580}, "rules", "needs 420 more readings", id="readings"),
        pytest.param({"readers_twice": 20}, "rules", "needs 5 more readers of two items", id="readers"),
        pytest.param({"readings": 60_000, "readers_twice": 1_000}, "full", "", id="full"),
        pytest.param({"items": 0}, "not_yet", "no published content", id="no content"),
        pytest.param({"granted": 0}, "hybrid", "nobody has granted personalization", id="consent"),
        pytest.param({"described_items": 88}, "hybrid", "12 items lack a topic", id="undescribed"),
    ],
)  # fmt: skip
def test_what_a_block_of_pages_is_ready_for(counts: dict[str, int], level: str, said: str) -> None:
    (found,) = judge_recommendations(_with(**counts), {"home": (90, 6)}, {})

    assert (found.subject, found.level) == ("home", level)
    assert said in _told(found)


@pytest.mark.parametrize(("offered", "level"), [(2, "hybrid"), (0, "not_yet")])
def test_a_block_that_lets_too_little_through_says_so(offered: int, level: str) -> None:
    (found,) = judge_recommendations(GOOD, {"home": (offered, 6)}, {})

    assert found.level == level
    assert f"{offered} published items pass its filters, and it has 6 places" in _told(found)


@pytest.mark.parametrize(
    ("readings", "before", "level"),
    [(999, None, "rules"), (999, "hybrid", "hybrid"), (800, "full", "hybrid"), (799, "hybrid", "rules"),
     (1_000, "rules", "hybrid")],
)  # fmt: skip
def test_a_level_is_left_later_than_it_is_entered(
    readings: int, before: str | None, level: str
) -> None:
    known = {("recommendations", "home"): before} if before else {}

    (found,) = judge_recommendations(_with(readings=readings), {"home": (90, 6)}, known)

    assert found.level == level


@pytest.mark.parametrize(
    ("model", "level", "said"),
    [
        pytest.param(ModelFact("m", "champion", "ridge_logistic", "passed", 300, 900), "hybrid",
                     "needs 200 more persons who did it", id="ridge"),
        pytest.param(ModelFact("m", "champion", "boosted_trees", "passed", 700, 900), "full", "",
                     id="trees"),
        pytest.param(
            ModelFact("m", "champion", "rule",
                      "the rule answers; needs 43 more persons who did it", 57, 900),
            "rules", "needs 43 more persons who did it", id="rule"),
        pytest.param(ModelFact("m", "insufficient", "none", "nothing answers", 3, 900), "not_yet",
                     "nothing answers", id="nothing"),
        pytest.param(ModelFact("m", "insufficient", "none", "", 0, 0), "not_yet",
                     "has granted the model's purpose (predictions.yml); needs 100 more", id="nobody"),
        pytest.param(ModelFact("m", "", "", "", 0, 0), "not_yet",
                     "no run has looked at it yet: candor run; needs 100 more", id="never run"),
    ],
)  # fmt: skip
def test_what_a_model_is_ready_for(model: ModelFact, level: str, said: str) -> None:
    (found,) = judge_models(replace(GOOD, models=[model, GROUPS]), {})

    assert found.level == level
    assert said in _told(found)
    assert "the rule answers" not in _told(found)


def test_without_a_model_it_says_what_could_be_predicted() -> None:
    events = [OutcomeFact("Demo Requested", 120), OutcomeFact("Trial Started", 57)]

    (found,) = judge_models(replace(GOOD, models=[GROUPS], events=events), {})

    assert found.level == "not_yet"
    assert "Demo Requested: 120 persons did it, enough to learn" in found.missing
    assert "Trial Started: 57 persons did it, needs 43 more" in found.missing


@pytest.mark.parametrize(
    ("counts", "level", "said"),
    [
        pytest.param({}, "hybrid", "needs 700 more clicked queries", id="hybrid"),
        pytest.param({"listed_clicks": 1_000}, "full", "", id="full"),
        pytest.param({"searches": 0}, "not_yet", "no searches arrive", id="none"),
        pytest.param({"search_clicks": 0, "listed_clicks": 0}, "hybrid", "no search clicks arrive",
                     id="no clicks"),
        pytest.param({"listed_clicks": 0}, "hybrid", "without the list of results", id="no lists"),
        pytest.param({"readers_twice": 3}, "rules", "needs 22 more readers", id="no readers"),
    ],
)  # fmt: skip
def test_what_search_is_ready_for(counts: dict[str, int], level: str, said: str) -> None:
    found = judge_search(_with(**counts), {})

    assert found.level == level
    assert said in _told(found)


@pytest.mark.parametrize(
    ("counts", "blocks", "level", "said"),
    [
        pytest.param({}, ["weekly"], "hybrid", "needs 46,000", id="hybrid"),
        pytest.param({"mailable": 0}, ["weekly"], "not_yet", "address of their own", id="nobody"),
        pytest.param({"mailable_readers": 5}, ["weekly"], "rules", "needs 20 more readers of three",
                     id="few"),
        pytest.param({"email_clicks": 0}, ["weekly"], "hybrid", "no e-mail clicks arrive", id="blind"),
        pytest.param({}, [], "hybrid", "no e-mail block", id="none configured"),
    ],
)  # fmt: skip
def test_what_an_email_block_is_ready_for(
    counts: dict[str, int], blocks: list[str], level: str, said: str
) -> None:
    (found,) = judge_email(_with(**counts), blocks, {})

    assert found.level == level
    assert said in _told(found)


@pytest.mark.parametrize(
    ("counts", "level", "said"),
    [
        pytest.param({}, "hybrid", "needs 40 more links", id="hybrid"),
        pytest.param({"proven_links": 100}, "full", "", id="full"),
        pytest.param({"sources": 1}, "rules", "needs 1 more source", id="one source"),
        pytest.param({"persons": 0}, "not_yet", "no event and no record", id="nobody"),
        pytest.param({"known_persons": 0}, "hybrid", "nobody is known", id="all anonymous"),
    ],
)  # fmt: skip
def test_what_identity_is_ready_for(counts: dict[str, int], level: str, said: str) -> None:
    found = judge_identity(_with(**counts), {})

    assert found.level == level
    assert said in _told(found)


@pytest.mark.parametrize(
    ("status", "reason", "level", "said"),
    [
        pytest.param("published", "", "full", "", id="published"),
        pytest.param("provisional", "", "hybrid", "provisional", id="provisional"),
        pytest.param("", "needs 88 more readers", "rules", "needs 88 more readers", id="refused"),
    ],
)
def test_what_personas_are_ready_for(status: str, reason: str, level: str, said: str) -> None:
    facts = replace(GOOD, models=[replace(GROUPS, reason=reason)])

    found = judge_personas(facts, {}, status=status)

    assert found.level == level
    assert said in _told(found)


EXPERIMENT = Experiment.model_validate({
    "exposure": {"event": "Experiment Viewed"}, "baseline": "control", "held_out": "holdout",
    "metrics": {"demo": {"event": "Demo Requested", "within_days": 14}},
    "variants": {"metric": "demo"},
    "segments": [{"name": "big", "when": [{"trait": "country", "is": "US"}]}, {"name": "small"}],
})  # fmt: skip


def _table(**rows: Mapping[str, tuple[int, int]]) -> dict[str, dict[str, Counts]]:
    return {
        segment: {arm: Counts(*pair) for arm, pair in arms.items()}
        for segment, arms in rows.items()
    }


BIG = {"control": (400, 40), "b": (300, 30), "holdout": (400, 11)}


@pytest.mark.parametrize(
    ("table", "level", "said"),
    [
        pytest.param(_table(**{"global": BIG, "big": BIG}), "full", "", id="full"),
        pytest.param(_table(**{"global": BIG, "big": {"control": (200, 20), "b": (150, 15)}}),
                     "hybrid", "segment big: needs 10 more conversions", id="segments too small"),
        pytest.param(_table(**{"global": {"control": (400, 40), "b": (207, 30)}}), "rules",
                     "needs 43 more persons in a second variant", id="persons"),
        pytest.param(_table(**{"global": {"control": (400, 40), "holdout": (900, 90)}}), "rules",
                     "needs 250 more persons", id="the hold-out is no variant"),
        pytest.param(_table(**{"global": {}}), "rules", "needs 25 more conversions", id="nobody"),
    ],
)  # fmt: skip
def test_what_variants_are_ready_for(
    table: dict[str, dict[str, Counts]], level: str, said: str
) -> None:
    (found,) = judge_hero({"hero": EXPERIMENT}, {"hero": table}, GOOD, {})

    assert found.level == level
    assert said in _told(found)


def test_segments_are_hidden_until_each_arm_has_ten_with_and_without() -> None:
    table = _table(**{"global": BIG, "big": BIG, "small": {"control": (50, 12), "b": (40, 6)}})

    (found,) = judge_segments({"hero": EXPERIMENT}, {"hero": table})

    assert found.level == "hybrid"
    assert found.missing == ("segment small, arm b: needs 4 more persons with the outcome",)


def test_every_segment_that_lacks_something_is_named() -> None:
    segments = [{"name": f"s{number}", "when": EXPERIMENT.segments[0].when} for number in range(7)]
    many = Experiment.model_validate({**EXPERIMENT.model_dump(by_alias=True), "segments": segments})

    (found,) = judge_segments({"hero": many}, {"hero": _table(**{"global": BIG})})

    assert all(any(f"segment s{number}," in one for one in found.missing) for number in range(7))


def test_a_holdout_says_what_it_can_detect() -> None:
    found = list(judge_holdout(replace(GOOD, outcomes=[OutcomeFact("Demo", 200)]), None))

    least = minimum_detectable(Counts(3_200, 0), Counts(800, 40)) / 0.05
    assert [one.level for one in found] == ["full", "rules"]
    assert f"a hold-out of 20% can detect {100 * least:.0f} % or more" in found[1].have
    assert "more active persons who granted to detect 30 %" in _told(found[1])


def test_of_very_few_persons_a_holdout_detects_nothing_and_nothing_contradicts_itself() -> None:
    facts = replace(_with(granted_90=17, came_back=8), outcomes=[OutcomeFact("Demo", 2)])

    back, demo = judge_holdout(facts, None)

    assert "a hold-out of 20% can detect nothing yet, not even that nobody or" in back.have
    assert "it would be" not in _told(back)
    assert "2 of 17 persons" in demo.have
    assert "can detect 488 % or more" in demo.have
    assert "with half of all held out it would be 373 %" in _told(demo)


def test_a_holdout_that_is_configured_is_judged_by_its_own_share() -> None:
    facts = replace(GOOD, outcomes=[OutcomeFact("Demo", 200)])

    found = list(judge_holdout(facts, Holdout(share=0.05, salt="2026", unit="person")))

    least = minimum_detectable(Counts(3_800, 0), Counts(200, 10)) / 0.05
    assert f"a hold-out of 5% can detect {100 * least:.0f} % or more" in found[1].have


def test_a_holdout_of_companies_detects_as_much_as_so_many_strangers() -> None:
    facts = replace(GOOD, outcomes=[OutcomeFact("Demo", 200, design_effect=4.0)])

    found = list(judge_holdout(facts, Holdout(share=0.2, salt="2026", unit="account")))

    alone = minimum_detectable(Counts(3_200, 0), Counts(800, 40)) / 0.05
    assert "Demo, who say as much as 1,000 drawn alone" in found[1].have
    assert f"a hold-out of 20% can detect {200 * alone:.0f} % or more" in found[1].have


def test_colleagues_who_do_alike_are_one_draw(company: Company) -> None:
    """Ten companies of four: in five all asked for a demo, in the others nobody."""
    company.warehouse.execute(EVENTS)
    company.warehouse.execute("alter table marts.profiles add column account_id varchar")
    company.warehouse.execute(
        f"""
        insert into marts.profiles (person_id, is_bot, account_id)
            select 'p' || range, false, 'a' || range // 4 from range(40);
        insert into marts.consent_current
            select person_id, 'personalization', 'granted' from marts.profiles;
        insert into marts.events
            select person_id, person_id, if(account_id < 'a5', 'Demo', 'Read'), 'track',
                'other_track', seen_at, seen_at, '{{}}', false
            from marts.profiles, (select timestamp '{AS_OF}' - to_days(3) as seen_at)
        """
    )
    together, alone = (
        read_facts(
            company.warehouse, PredictionsConfig(), search_click="", outcomes=["Demo"], as_of=AS_OF,
            is_held_out_by_account=by_account,
        )
        for by_account in (True, False)
    )  # fmt: skip

    # Four persons that do alike are one, and the spread of ten is that of nine.
    assert [one.persons for one in together.outcomes] == [20]
    assert together.outcomes[0].design_effect == pytest.approx(4 * 10 / 9)
    assert alone.outcomes == [OutcomeFact("Demo", 20, 1.0)]
    assert together.came_back_design_effect == 1.0


def test_variants_drawn_by_company_need_as_many_strangers() -> None:
    table = _table(**{"global": BIG, "big": BIG})

    (found,) = judge_hero({"hero": EXPERIMENT}, {"hero": table}, GOOD, {},
                          designs={"hero": {"global": 2.0}})  # fmt: skip

    assert found.have == "700 persons met 2 variants, who say as much as 350 drawn alone"
    assert "needs 100 more persons in a second variant" in _told(found)


def test_segments_of_companies_need_as_many_of_these_as_the_lift_does() -> None:
    few = Sample(90, 28, 12, (12.0, 90.0, 0.0, 90.0), ())
    enough = Sample(90, 30, 10, (10.0, 90.0, 0.0, 90.0), ())
    by_company = Experiment.model_validate(
        {**EXPERIMENT.model_dump(by_alias=True), "unit": "account"}
    )

    (found,) = judge_segments(
        {"hero": by_company}, {"hero": {"big": {"control": few, "b": enough}, "small": {}}}
    )

    assert found.missing[0] == "segment big, arm control: needs 2 more companies"


def test_the_detectable_effect_is_that_of_the_published_table() -> None:
    """10,000 persons, base rate 5 %: 56 % with a twentieth held out, 31 % with a fifth."""
    found = [detectable(10_000, 500, share) for share in (0.05, 0.1, 0.2, 0.5)]

    assert found == pytest.approx([0.56, 0.41, 0.31, 0.24], abs=0.01)


@pytest.mark.parametrize(("persons", "converted"), [(0, 0), (100, 0), (100, 100), (2, 1)])
def test_where_nothing_can_be_detected_none_is_said(persons: int, converted: int) -> None:
    assert detectable(persons, converted, 0.2) is None


@pytest.mark.parametrize(("monthly", "share"), [(100, 0.2), (20_000, 0.1), (200_000, 0.05)])
def test_small_companies_hold_out_more(monthly: int, share: float) -> None:
    assert holdout_share(monthly) == share


def test_the_firmest_use_cases_come_first_and_one_of_a_kind() -> None:
    found = choose_start((
        Capability("recommendations", "home", "hybrid", "", reach=10),
        Capability("recommendations", "portal", "hybrid", "", reach=20),
        Capability("email", "weekly", "rules", "", reach=900),
        Capability("search", "", "full", "", reach=5),
        Capability("hero", "exp", "not_yet", "", reach=9_000),
        Capability("hero", "other", "rules", "", reach=0),
        Capability("identity", "", "full", "", reach=9_000),
    ))  # fmt: skip

    start = {one.start_rank: (one.capability, one.subject) for one in found if one.start_rank}
    assert start == {1: ("search", ""), 2: ("recommendations", "portal")}


def test_search_by_rules_is_the_engines_own_order_and_no_start() -> None:
    assert not choose_start((Capability("search", "", "rules", "", reach=5),))[0].start_rank


PLANS = Plans(
    ContentConfig.model_validate(
        {
            "blocks": {"home": {"size": 3}},
            "email_blocks": {"weekly": {"size": 1, "defaults": ["d"]}},
        }
    ),
    PredictionsConfig(),
    ExperimentsConfig.model_validate(
        {"experiments": {"hero": EXPERIMENT.model_dump(by_alias=True)}}
    ),
)
EVENTS = """
create table marts.events (
    event_id varchar, person_id varchar, event varchar, type varchar, activity varchar,
    occurred_at timestamp, received_at timestamp, properties varchar, is_bot boolean
);
alter table marts.profiles add column is_known boolean;
alter table marts.profiles add column country varchar;
"""


def _assess(warehouse: DuckDBWarehouse, plans: Plans = PLANS) -> ReadinessReport:
    return assess_readiness(warehouse, plans, as_of=AS_OF)


def test_one_of_anything_is_told_in_the_singular() -> None:
    """All counts are one, or one short of enough."""
    short = {"readings": 999, "readers_twice": 24, "mailable_readers": 24, "listed_clicks": 1}
    facts = replace(
        _with(**dict.fromkeys(_COUNTS, 1) | short | {"described_items": 0}),
        models=[GROUPS], events=[OutcomeFact("Paid", 1)],
    )  # fmt: skip
    one_each = _table(**{"global": {"control": (101, 1), "b": (99, 9)}, "big": BIG})
    found = (
        judge_identity(facts, {}), *judge_models(facts, {}), judge_search(facts, {}),
        *judge_models(replace(facts, models=[ModelFact("trial", "", "", "", 1, 99), GROUPS]), {}),
        judge_personas(replace(facts, models=[replace(GROUPS, positives=1)]), {}, status=""),
        *judge_recommendations(facts, {"home": (1, 2), "bar": (0, 1)}, {}),
        *judge_email(_with(mailable_readers=24, mailable=1), ["weekly"], {}),
        *judge_hero({"hero": EXPERIMENT}, {"hero": one_each}, facts, {}),
        *judge_segments({"hero": EXPERIMENT}, {"hero": one_each}), *judge_holdout(facts, None),
    )  # fmt: skip
    gaps = (ContentGap("all", "awareness", 1, 1, 1.0, "covered"),)

    page = readiness_page(ReadinessReport(AS_OF, facts, choose_start(found), gaps, ()))

    told = "; ".join([page, *(f"{one.have}; {_told(one)}" for one in found)])
    assert re.findall(r"\b1 (?:more |published |clicked )?\w+s\b", told) == []
    assert "needs 1 more reader of two items" in told
    assert "1 published item passes its filters, and it has 2 places" in told


def test_without_any_consent_that_stands_first(company: Company) -> None:
    company.warehouse.execute(EVENTS)
    company.person("p1", "p2", status=None)

    page = readiness_page(_assess(company.warehouse))

    assert "Nobody has granted personalization. Until somebody does" in page
    assert "nobody who granted personalization was active in 90 days" in page


def test_an_empty_warehouse_is_read_and_told() -> None:
    report = _assess(DuckDBWarehouse.in_memory())

    assert not report.start
    assert {one.level for one in report.capabilities} <= {"not_yet", "rules"}
    page = readiness_page(report)
    assert "Nothing can be chosen for anybody yet" in page
    assert "no searches arrive" in page


def test_a_company_with_nothing_but_events_is_read(company: Company) -> None:
    """No content, no record, no consent, no address: tables are missing or empty."""
    company.warehouse.execute(EVENTS)
    company.warehouse.execute("drop table marts.content_engagement; drop table marts.content_items")
    company.person("p1", "p2", status=None)
    for number in range(40):
        company.warehouse.execute(
            "insert into marts.events values ($id, $person, 'Trial Started', 'track', 'other_track', "
            "$at, $at, '{}', false)",
            {"id": f"e{number}", "person": f"p{number % 2}",
             "at": AS_OF - dt.timedelta(days=number)},
        )  # fmt: skip

    report = _assess(company.warehouse)

    told = {(one.capability, one.subject): one for one in report.capabilities}
    assert told[("propensity", "")].missing == ("Trial Started: 2 persons did it, needs 98 more",)
    assert told[("recommendations", "home")].level == "not_yet"
    assert "nobody is known" in _told(told[("identity", "")])
    assert readiness_page(report)


def test_a_small_company_is_told_what_it_lacks_and_where_to_start(company: Company) -> None:
    company.warehouse.execute(EVENTS)
    for number in range(8):
        company.item(f"c{number}", "seo")
    people = [f"p{number}" for number in range(30)]
    company.person(*people)
    for person in people:
        company.read(person, "c1", "c2")
        company.warehouse.execute(
            "insert into marts.events values ($p, $p, 'Read', 'track', 'content_view', $at, $at, "
            "'{}', false)",
            {"p": person, "at": AS_OF - dt.timedelta(days=2)},
        )

    report = _assess(company.warehouse)

    assert [(one.capability, one.subject, one.reach) for one in report.start] == [
        ("recommendations", "home", 30)
    ]
    assert "needs 940 more readings" in _told(report.start[0])


def test_variants_are_told_by_the_metric_that_they_are_shared_out_by(company: Company) -> None:
    """Decided by what is spent, in euros, in windows that are mostly open yet."""
    company.warehouse.execute(EVENTS)
    spent = {"event": "Paid", "within_days": 90, "measure": "sum", "summed_property": "total"}
    asked = EXPERIMENT.model_dump(by_alias=True, exclude_unset=True)
    asked |= {"metrics": {**asked["metrics"], "spent": spent}, "primary": "spent"}
    company.warehouse.create_missing(measurement.inventory.TABLES)
    company.warehouse.execute(
        f"""
        insert into measurement.exposures by name
            select 'hero' as experiment_key, 'p' || range as person_id, person_id as unit_id,
                if(range % 2 = 0, 'control', 'b') as arm from range(40);
        insert into measurement.outcomes by name
            select 'hero' as experiment_key, metric, person_id, metric = 'demo' or person_id < 'p2' as is_mature,
                true as has_converted, timestamp '{AS_OF}' as first_exposed_at, timestamp '{AS_OF}' as closes_at, 250.0 as value, 1.0 as per,
                0.0 as before
            from measurement.exposures, (values ('demo'), ('spent')) as metrics (metric)
        """
    )
    plans = replace(
        PLANS, experiments=ExperimentsConfig.model_validate({"experiments": {"hero": asked}})
    )

    report = _assess(company.warehouse, plans)

    (hero,) = [one for one in report.capabilities if one.capability == "hero"]
    assert hero.have == "40 persons met 2 variants"


def test_only_who_granted_counts_for_what_a_holdout_can_detect(company: Company) -> None:
    company.warehouse.execute(EVENTS)
    company.person("p1", "p2", "p3")
    company.person("d1", "d2", status="denied")
    company.person("u1", status=None)
    company.warehouse.execute(
        "insert into marts.events select person_id || day, person_id, 'Demo Requested', 'track', "
        "'other_track', $as_of - to_days(day), $as_of, '{}', false "
        "from marts.profiles, range(1, 3) as days (day) where person_id <> 'p3'",
        {"as_of": AS_OF},
    )

    told = {one.subject: one.have for one in _assess(company.warehouse).capabilities
            if one.capability == "holdout"}  # fmt: skip

    assert told["came back on another day"].startswith("2 of 2 persons who granted")
    assert told["Demo Requested"].startswith("2 of 2 persons who granted")


def test_levels_of_the_last_run_are_remembered(company: Company) -> None:
    company.warehouse.execute(EVENTS)
    write_readiness(company.warehouse, PLANS, as_of=AS_OF, run_id="r1")
    rows = "personalization.readiness"
    company.warehouse.execute(f"update {rows} set level = 'full' where capability = 'identity'")

    report = write_readiness(company.warehouse, PLANS, as_of=AS_OF, run_id="r2")

    assert company.warehouse.scalar(f"select count(*) from {rows} where run_id = 'r1'") == 0
    assert company.warehouse.scalar(f"select count(*) from {rows}") == len(report.capabilities)


def test_the_page_shows_no_name_of_a_person(company: Company) -> None:
    company.warehouse.execute(EVENTS)
    company.person("p_secret_person")
    company.item("c1")
    company.read("p_secret_person", "c1")
    report = _assess(company.warehouse)

    page = readiness_page(report)
    rows: list[Any] = summary_rows(report.capabilities)

    assert "p_secret_person" not in page + str(rows)
    assert len(rows) == len(report.capabilities)


def test_the_overview_has_a_row_per_capability_and_what_is_missing_where_there_is_least() -> None:
    blocks = judge_recommendations(_with(items=0), {"home": (0, 6)}, {})
    others = judge_recommendations(GOOD, {"email": (90, 3)}, {})
    found = (judge_identity(GOOD, {}), *others, *blocks)

    rows = overview_rows(ReadinessReport(AS_OF, GOOD, found, (), ()))

    assert [(row["capability"], row["level"]) for row in rows] == [
        ("Who is who", "a hybrid"),
        ("Recommendations on pages", "not yet (1), a hybrid (1)"),
    ]
    assert rows[1]["missing first"].startswith("home: ")
