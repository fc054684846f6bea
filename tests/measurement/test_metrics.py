"""Means, sums, ratios, companies, what was before, and planned looks, from the events."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pyarrow as pa
import pytest
from pydantic import ValidationError

from measurement import ExperimentsConfig, LiftReport, lift_page, measure_experiments, read_lift
from measurement.report import WRONG_SIZES_HERE, Finding
from measurement.samples import Sample
from personalization.inventory import DECISIONS, EMAIL_BLOCKS
from tests.measurement.conftest import NOW, START, Company


def experiments(metric: dict[str, Any], **changes: Any) -> ExperimentsConfig:
    hero = {
        "exposure": {"event": "Experiment Viewed"},
        "baseline": "control",
        "metrics": {"outcome": {"event": "Content Viewed", "within_days": 14, **metric}},
        **changes,
    }
    return ExperimentsConfig.model_validate({"experiments": {"hero": hero}})


def measure(
    company: Company, metric: dict[str, Any], *, now: dt.datetime = NOW, **changes: Any
) -> LiftReport:
    asked = experiments(metric, **changes)
    (report,) = measure_experiments(company.warehouse, asked, now=now, run_id="r1")
    return report


def everybody(report: LiftReport) -> Finding:
    return next(f for f in report.findings if f.segment == "global")


def outcomes(company: Company) -> dict[str, tuple[object, ...]]:
    rows = company.rows("outcomes", "person_id, value, per, before, has_converted")
    return {str(row[0]): row[1:] for row in rows}


def test_what_each_person_did_is_counted_in_the_window_and_before_it(company: Company) -> None:
    company.saw("p1", "b", day=30)
    company.saw("p2", "control", day=30)
    for day in (1, 20, 29, 30.5, 33, 43.9, 44):
        company.did("p1", "Content Viewed", day=day)
    company.did("p1", "Recommendation Shown", day=31)
    company.did("p1", "Recommendation Shown", day=12)

    measure(company, {"measure": "count", "before_days": 14})
    counted = outcomes(company)
    measure(company, {"measure": "count", "cap": 2, "per": "Recommendation Shown"})
    told_per_list = outcomes(company)
    measure(company, {})

    assert counted == {"p1": (3, 1, 2, True), "p2": (0, 1, 0, False)}
    assert told_per_list == {"p1": (2, 1, 0, True), "p2": (0, 0, 0, False)}
    assert outcomes(company) == {"p1": (1, 1, 0, True), "p2": (0, 1, 0, False)}


def test_a_sum_adds_up_a_property_and_takes_what_is_no_number_for_nothing(
    company: Company,
) -> None:
    company.saw("p1", "b")
    amounts = ("10.5", "2", "much", "NaN", "Infinity", "-inf", "1e308")
    for day, amount in enumerate(amounts, start=1):
        company.event("p1", "Ordered", day, amount=amount)

    measure(company, {"event": "Ordered", "measure": "sum", "summed_property": "amount"})

    assert outcomes(company) == {"p1": (12.5, 1, 0, True)}


def test_a_sum_over_a_property_without_a_number_says_so(company: Company) -> None:
    company.saw("p1", "b")
    company.saw("p2", "control")
    for number, amount in enumerate(("much", "NaN", "1e300")):
        company.event("p1", "Ordered", 1 + number, amount=amount)
    company.event("crawler", "Ordered", 1, amount="1")
    company.warehouse.execute("update marts.events set is_bot = true where person_id = 'crawler'")
    metric = {"event": "Ordered", "measure": "sum"}

    text = measure(company, {**metric, "summed_property": "amount"})
    absent = measure(company, {**metric, "summed_property": "worth"})

    assert everybody(text).reason.startswith("property 'amount' of 'Ordered' holds no numbers")
    assert "too few yet" in everybody(absent).reason


@pytest.mark.parametrize(
    ("metric", "said"),
    [
        pytest.param({"measure": "sum"}, "go together", id="sum-of-nothing"),
        pytest.param({"summed_property": "x"}, "go together", id="property-without-sum"),
        pytest.param({"cap": 3}, "go with measure", id="capped-share"),
        pytest.param({"per": "Recommendation Shown"}, "go with measure", id="share-per-event"),
    ],
)
def test_a_metric_that_makes_no_sense_is_refused(metric: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        experiments(metric)


def test_variants_are_shared_out_by_shares_of_persons_alone() -> None:
    with pytest.raises(ValidationError, match="must have measure: share"):
        experiments({"measure": "count"}, variants={"metric": "outcome"})


def _read(company: Company, *, people: int, company_size: int = 1) -> None:
    """Persons in turn in b and control, alike within a company; those in b read one more each."""
    events, profiles = [], []
    for number in range(people):
        company_number, person = number // company_size, f"p{number}"
        arm = "b" if company_number % 2 else "control"
        habit = company_number // 2 % 3
        events.append(_met(person, arm, 20))
        events += [_viewed(person, 21 + extra) for extra in range(habit + (arm == "b"))]
        events += [_viewed(person, 5 + earlier) for earlier in range(habit)]
        profiles.append({"person_id": person, "account_id": f"a{company_number}"})
    _insert(company, events, profiles)


def _met(person: str, arm: str, day: float) -> dict[str, Any]:
    seen = json.dumps({"experiment_id": "hero", "variation_id": arm})
    return _viewed(person, day) | {"event": "Experiment Viewed", "properties": seen}


def _viewed(person: str, day: float) -> dict[str, Any]:
    at = START + dt.timedelta(days=day)
    return {"person_id": person, "event": "Content Viewed", "occurred_at": at, "received_at": at,
            "properties": "{}", "is_bot": False}  # fmt: skip


def _insert(company: Company, events: list[dict[str, Any]], profiles: list[dict[str, Any]]) -> None:
    for table, rows in (("events", events), ("profiles", profiles)):
        with company.warehouse.view("fresh", pa.Table.from_pylist(rows)):
            company.warehouse.execute(f"insert into marts.{table} by name select * from fresh")


def test_more_reading_is_told_in_pieces_and_past_reading_taken_out(company: Company) -> None:
    _read(company, people=120)

    plain = everybody(measure(company, {"measure": "count"}))
    adjusted = measure(company, {"measure": "count", "before_days": 18})

    found = everybody(adjusted)
    assert plain.effect == pytest.approx(1)
    assert plain.verdict == "helped"
    assert "points" not in plain.reason
    assert found.effect == pytest.approx(1)
    assert found.kept_variance < 0.01
    assert plain.interval is not None
    assert found.interval is not None
    assert found.interval.high - found.interval.low < plain.interval.high - plain.interval.low
    page = lift_page(company.warehouse, [adjusted], now=NOW)
    assert "before they met it" in page
    assert "of every 100" not in page


def test_companies_drawn_together_are_the_units(company: Company) -> None:
    _read(company, people=400, company_size=5)

    apart = everybody(measure(company, {"measure": "count"}))
    together = everybody(measure(company, {"measure": "count"}, unit="account"))
    share = everybody(measure(company, {}, unit="account"))

    assert isinstance(together.counts, Sample)
    assert (together.counts.n, together.counts.units) == (200, 40)
    assert apart.effect == together.effect
    assert apart.variance is not None
    assert together.variance is not None
    assert together.variance > 3 * apart.variance
    assert share.is_share
    assert isinstance(share.counts, Sample)
    assert company.rows("assignments", "unit_type") == [("account",)] * 80


def test_few_companies_are_not_judged_however_many_persons(company: Company) -> None:
    _read(company, people=400, company_size=20)

    found = everybody(measure(company, {"measure": "count"}, unit="account"))

    assert found.p_value is None
    assert "and needs 30 companies and people" in found.reason


def test_a_segment_whose_arms_have_the_wrong_sizes_is_not_judged(company: Company) -> None:
    events, profiles = [], []
    for number in range(400):
        country = "US" if number % 2 else "DE"
        # Half of each country is meant to be in b; of DE a quarter is.
        is_b = number % 4 == 1 if country == "US" else number % 8 == 0
        events.append(_met(f"p{number}", "b" if is_b else "control", 0))
        events += [_viewed(f"p{number}", 2)] if number % 3 else []
        profiles.append({"person_id": f"p{number}", "country": country})
    _insert(company, events, profiles)
    segments = [
        {"name": country, "when": [{"trait": "country", "is": country}]} for country in ("US", "DE")
    ]

    report = measure(company, {}, segments=segments, shares={"b": 0.42, "control": 0.58})

    by_segment = {f.segment: f for f in report.findings}
    assert report.wrong_segments == ("DE",)
    assert not report.is_sample_ratio_broken
    assert by_segment["DE"].reason == WRONG_SIZES_HERE
    assert by_segment["US"].reason != WRONG_SIZES_HERE
    assert "DE" in lift_page(company.warehouse, [report], now=NOW)


PLAN = {"begin": "2026-03-01", "every_days": 14, "count": 4}


def test_verdicts_wait_for_the_planned_looks_and_are_stricter_at_early_ones(
    company: Company,
) -> None:
    events = []
    for number in range(300):
        arm, day = "b" if number % 2 else "control", 0 if number < 150 else 20
        events.append(_met(f"p{number}", arm, day))
        if number % (3 if arm == "b" else 5) == 0:
            events.append(_viewed(f"p{number}", day + 1))
    _insert(company, events, [{"person_id": "p0"}])

    def at(day: int) -> LiftReport:
        return measure(company, {}, looks=PLAN, now=START + dt.timedelta(days=day))

    before, first, between, last = at(13), at(14), at(27), at(60)

    assert everybody(first).counts.n + everybody(first).baseline.n == 150
    assert before.findings == ()
    assert first.findings == between.findings
    assert everybody(last).counts.n + everybody(last).baseline.n == 300
    early, late = everybody(first), everybody(last)
    assert early.interval is not None
    assert late.interval is not None
    width = (early.interval.high - early.interval.low) / (late.interval.high - late.interval.low)
    assert width > 2**0.5 * 1.3
    assert between.look is not None
    assert (between.look.number, between.look.planned) == (1, 4)
    assert "Look 1 of 4" in lift_page(company.warehouse, [between], now=NOW)


def test_what_is_read_later_is_what_was_measured(company: Company) -> None:
    _read(company, people=80)
    asked = experiments({"measure": "count"}, looks=PLAN)
    now = START + dt.timedelta(days=43)

    measured = measure_experiments(company.warehouse, asked, now=now, run_id="r1")

    assert read_lift(company.warehouse, asked) == measured


def test_a_block_is_measured_against_who_would_have_been_shown_it(company: Company) -> None:
    company.warehouse.create_missing([DECISIONS])
    company.warehouse.execute(
        "create table marts.current_person as select 'p1' as person_id, "
        "'merged' as current_person_id"
    )
    company.warehouse.execute(
        "insert into personalization.decisions by name "
        "select 'p' || n as person_id, 'home' as slot, place as position, "
        "case when n % 4 = 0 then 'holdout' else 'personalised' end as arm, "
        "timestamp '2026-03-05' as decided_at "
        "from range(100) as persons (n), range(1, 3) as places (place) "
        "union all by name select null as person_id, 'home' as slot, 1 as position, "
        "'contextual' as arm, timestamp '2026-03-05' as decided_at"
    )
    _insert(company, [_viewed("merged", 6)], [{"person_id": "merged"}])

    report = measure(company, {}, exposure={"slot": "home"}, baseline="holdout")

    rows = [
        tuple(row.values())
        for row in company.warehouse.read(
            "select arm, count(*) as n, min(person_id) as least from measurement.exposures "
            "group by arm order by arm"
        ).to_pylist()
    ]
    assert rows == [("holdout", 25, "p0"), ("personalised", 75, "merged")]
    (finding,) = report.findings
    assert (finding.arm, finding.baseline_arm) == ("personalised", "holdout")
    assert finding.counts.rate == pytest.approx(1 / 75)


def test_what_a_visit_keeps_after_a_sign_in_is_no_draw_of_the_person(company: Company) -> None:
    company.warehouse.create_missing([DECISIONS])
    company.warehouse.execute(
        "create table marts.current_person (person_id varchar, current_person_id varchar)"
    )
    company.warehouse.execute(
        "insert into personalization.decisions by name select 'p1' as person_id, "
        "'hero' as slot, 1 as position, unnest(['control', 'b']) as arm, "
        "unnest([true, false]) as is_repeat, "
        "timestamp '2026-03-05' + to_days(unnest([0, 3])) as decided_at"
    )

    measure(company, {}, exposure={"slot": "hero"})

    assert company.rows("exposures", "arm, is_crossover, exposure_count") == [("b", False, 1)]


def test_an_exposure_is_told_in_one_way() -> None:
    told: tuple[dict[str, str], ...] = (
        {}, {"event": "Experiment Viewed", "slot": "home"}, {"slot": "home", "email_block": "weekly"}
    )  # fmt: skip
    for exposure in told:
        with pytest.raises(ValidationError, match="one of event, slot and email_block"):
            experiments({}, exposure=exposure)


LEARNT = {
    "held_out": "holdout",
    "shares": {"control": 0.45, "b": 0.45, "holdout": 0.1},
    "variants": {"metric": "outcome"},
    "segments": [
        {"name": "DE", "when": [{"trait": "country", "is": "DE"}]},
        {"name": "US", "when": [{"trait": "country", "is": "US"}]},
    ],
}


def _shared_out(company: Company, *, held_out: int) -> None:
    """No arm does anything; of DE one in five converts and most met control, of US the reverse."""
    sizes = {
        ("DE", "control"): (900, 180), ("DE", "b"): (100, 20), ("DE", "holdout"): (held_out, 22),
        ("US", "control"): (100, 2), ("US", "b"): (900, 18), ("US", "holdout"): (held_out, 2),
    }  # fmt: skip
    events, profiles = [], []
    for (country, arm), (met, converted) in sizes.items():
        people = [f"{country}-{arm}-{number}" for number in range(met)]
        events += [_met(person, arm, 0) for person in people]
        events += [_viewed(person, 2) for person in people[:converted]]
        profiles += [{"person_id": person, "country": country} for person in people]
    _insert(company, events, profiles)


def test_shares_that_were_learnt_are_neither_a_broken_split_nor_an_effect(company: Company) -> None:
    _shared_out(company, held_out=111)

    report = measure(company, {}, **LEARNT)

    found = next(f for f in report.findings if (f.segment, f.arm) == ("global", "b"))
    assert (report.is_sample_ratio_broken, report.wrong_segments) == (False, ())
    assert (found.counts.n, found.baseline.n, report.immature) == (1000, 1000, 0)
    assert found.effect == pytest.approx(0, abs=1e-9)
    assert found.counts.rate == pytest.approx(0.11)
    assert found.verdict == "cannot_tell"
    assert found.interval is not None
    # 2 segments of one half: 0.25 (0.16 (1/900 + 1/100) + 0.0196 (1/900 + 1/100)) = 0.0223 squared.
    assert found.interval.high == pytest.approx(1.96 * 0.0223, rel=0.25)


def test_too_few_held_out_is_a_broken_split_though_shares_are_learnt(company: Company) -> None:
    _shared_out(company, held_out=40)

    report = measure(company, {}, **LEARNT)

    assert report.is_sample_ratio_broken
    assert report.wrong_segments == ("DE", "US")


def test_a_mailing_is_measured_over_all_who_were_drawn(company: Company) -> None:
    """Nobody in the arm `none` has an event of the mail; who was not drawn is in no arm."""
    company.warehouse.create_missing([EMAIL_BLOCKS])
    company.warehouse.execute(
        "create table marts.current_person as select 'p1' as person_id, "
        "'merged' as current_person_id"
    )
    company.warehouse.execute(
        "insert into personalization.email_blocks by name "
        "select 'p' || n as person_id, 'weekly' as block, slot, send_date, true as is_randomised, "
        "['personalised', 'business_as_usual', 'none'][1 + n % 3] as arm "
        "from range(90) as persons (n), range(1, 3) as slots (slot), "
        "(values (date '2026-03-05'), (date '2026-03-12')) as sends (send_date) "
        "union all by name select 'denied' as person_id, 'weekly' as block, 1 as slot, "
        "date '2026-03-05' as send_date, false as is_randomised, 'business_as_usual' as arm"
    )
    _insert(company, [_viewed("merged", 6)], [{"person_id": "merged"}])

    report = measure(company, {}, exposure={"email_block": "weekly"}, baseline="business_as_usual")

    rows = company.warehouse.read(
        "select arm, count(*) as n, min(exposure_count) as least, max(exposure_count) as most, "
        "min(first_exposed_at) = timestamp '2026-03-05' as is_first "
        "from measurement.exposures group by arm order by arm"
    ).to_pylist()
    facts = {"n": 30, "least": 2, "most": 2, "is_first": True}
    assert rows == [{"arm": arm, **facts} for arm in ("business_as_usual", "none", "personalised")]
    rates = {f.baseline_arm: f.baseline.rate for f in report.findings}
    assert rates == {"business_as_usual": pytest.approx(1 / 30)}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param({"baseline": "control"}, "arms of an e-mail block are", id="arm"),
        pytest.param({"unit": "account"}, "person by person", id="unit"),
    ],
)
def test_a_mailing_has_its_own_arms_drawn_person_by_person(
    changes: dict[str, str], said: str
) -> None:
    with pytest.raises(ValidationError, match=said):
        experiments(
            {}, exposure={"email_block": "weekly"}, **{"baseline": "business_as_usual", **changes}
        )


def test_a_company_stays_in_the_arm_and_segment_that_it_met_first(company: Company) -> None:
    """Two colleagues met different arms; the company counts once, in the first one's."""
    company.saw("p1", "b", day=1)
    company.saw("p2", "control", day=2)
    company.saw("p3", "control", day=2)
    company.profile("p1", account_id="acme", country="DE")
    company.profile("p2", account_id="acme", country="FR")
    company.profile("p3", country="DE")
    company.profile("robot", account_id="acme", country="IT", is_bot=True)
    segments = [
        {"name": "customer", "when": [{"record": "billing"}]},
        *(
            {"name": name, "when": [{"trait": "country", "is": name}]}
            for name in ("IT", "FR", "DE")
        ),
    ]
    company.record("p2", "billing", day=1.5)  # before p2 met it, and after the company did

    measure(company, {}, unit="account", segments=segments)

    rows = company.warehouse.read(
        "select person_id, unit_id, arm, segment, is_crossover from measurement.exposures "
        "order by person_id"
    ).to_pylist()
    assert [tuple(row.values()) for row in rows] == [
        ("p1", "acme", "b", "FR", False),
        ("p2", "acme", "b", "FR", True),
        ("p3", "p3", "control", "DE", False),
    ]


def test_a_company_is_in_the_segment_of_those_too_who_have_not_met_it_yet(company: Company) -> None:
    """Who comes later moves nobody, and an arm that brings more colleagues moves no company."""
    company.saw("p1", "b", day=1)
    company.profile("p1", account_id="acme", country="DE")
    company.profile("p2", account_id="acme", country="FR")
    segments = [{"name": name, "when": [{"trait": "country", "is": name}]} for name in ("FR", "DE")]

    measure(company, {}, unit="account", segments=segments)

    assert company.rows("exposures", "person_id, segment") == [("p1", "FR")]


def test_the_holdout_and_an_experiment_of_a_slot_draw_the_same_units() -> None:
    hero = {"exposure": {"slot": "home"}, "baseline": "holdout", "unit": "person",
            "metrics": {"demo": {"event": "Demo Requested", "within_days": 14}}}  # fmt: skip
    holdout = {"share": 0.1, "salt": "2026", "unit": "account"}

    with pytest.raises(ValidationError, match="home_block: with exposure"):
        ExperimentsConfig.model_validate({"holdout": holdout, "experiments": {"home_block": hero}})
