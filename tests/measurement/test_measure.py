from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from measurement import (
    ExperimentsConfig,
    InvalidExperimentError,
    LiftReport,
    explain_unmet,
    measure_experiments,
)
from tests.measurement.conftest import NOW, START, Company


def experiments(**changes: Any) -> ExperimentsConfig:
    hero = {
        "exposure": {"event": "Experiment Viewed"},
        "baseline": "control",
        "held_out": "holdout",
        "metrics": {"demo": {"event": "Demo Requested", "within_days": 14}},
        **changes,
    }
    return ExperimentsConfig.model_validate({"experiments": {"hero": hero}})


def measure(company: Company, *, now: dt.datetime = NOW, **changes: Any) -> LiftReport:
    (report,) = measure_experiments(company.warehouse, experiments(**changes), now=now, run_id="r1")
    return report


def test_the_first_arm_is_kept_and_crossing_over_is_flagged(company: Company) -> None:
    company.saw("p1", "b", day=2)
    company.saw("p1", "control", day=1)
    company.saw("p2", "b", day=1)
    company.saw("p2", "b", day=3)

    report = measure(company)

    rows = company.rows("exposures", "person_id, arm, is_crossover, exposure_count")
    assert rows == [("p1", "control", True, 2), ("p2", "b", False, 2)]
    assert report.crossovers == 1


def test_the_arm_becomes_the_assignment(company: Company) -> None:
    company.saw("p1", "b", day=2)

    measure(company)

    rows = company.rows("assignments", "experiment_key, unit_type, unit_id, arm, assigned_at")
    assert rows == [("hero", "person", "p1", "b", START + dt.timedelta(days=2))]


def test_other_experiments_and_programs_and_nobody_and_no_arm_do_not_count(
    company: Company,
) -> None:
    company.saw("p1", "b", experiment="another")
    company.saw("p3", "")
    company.saw("p4", " ")
    company.event(None, "Experiment Viewed", 0, experiment_id="hero", variation_id="b")
    company.saw("p2", "b")
    company.warehouse.execute("update marts.events set is_bot = true where person_id = 'p2'")

    assert measure(company).exposed == 0


def test_exposures_that_were_not_known_by_now_do_not_count(company: Company) -> None:
    company.saw("p1", "b", day=1)
    company.warehouse.execute("update marts.events set received_at = timestamp '2026-07-01'")

    assert measure(company).exposed == 0


@pytest.mark.parametrize(
    ("day", "converted"),
    [
        pytest.param(4.9, False, id="before"),
        pytest.param(5, True, id="at-once"),
        pytest.param(18.9, True, id="within"),
        pytest.param(19, False, id="after"),
    ],
)
def test_only_what_follows_within_the_window_is_an_outcome(
    company: Company, day: float, converted: bool
) -> None:
    company.saw("p1", "b", day=5)
    company.did("p1", "Demo Requested", day=day)

    measure(company)

    assert company.rows("outcomes", "person_id, has_converted") == [("p1", converted)]


def test_persons_whose_window_is_open_are_left_out(company: Company) -> None:
    company.saw("p1", "b", day=0)
    company.saw("p2", "b", day=10)
    company.saw("p3", "control", day=0)

    report = measure(company, now=START + dt.timedelta(days=14))

    assert report.immature == 1
    assert report.findings[0].counts.n == 1


def test_the_first_segment_that_fits_holds(company: Company) -> None:
    company.saw("big", "b")
    company.saw("small", "b")
    company.saw("none", "b")
    company.saw("unknown", "b")
    company.profile("big", account_id="a1", employee_count=500)
    company.profile("small", account_id="a2", employee_count=20)
    company.profile("none")

    measure(
        company,
        segments=[
            {"name": "large", "when": [{"trait": "employee_count", "at_least": 500}]},
            {"name": "firm", "when": [{"trait": "account_id", "is_known": True}]},
            {"name": "rest"},
        ],
    )

    rows = company.rows("exposures", "person_id, segment")
    assert rows == [("big", "large"), ("none", "rest"), ("small", "firm"), ("unknown", "rest")]


def test_a_record_counts_only_if_it_was_there_before_the_exposure(company: Company) -> None:
    for person in ("early", "late", "elsewhere"):
        company.saw(person, "b", day=5)
        company.profile(person)
    company.record("early", "billing", day=1)
    company.record("late", "billing", day=6)
    company.record("elsewhere", "crm", day=1)

    measure(company, segments=[{"name": "customer", "when": [{"record": "billing"}]}])

    rows = company.rows("exposures", "person_id, segment")
    assert rows == [("early", "customer"), ("elsewhere", None), ("late", None)]


def test_a_record_may_be_asked_to_be_older_than_a_day(company: Company) -> None:
    for person, day in (("old", -10), ("young", 2)):
        company.saw(person, "b", day=5)
        company.profile(person)
        company.record(person, "billing", day=day)

    measure(
        company,
        segments=[{"name": "old", "when": [{"record": "billing", "created_before": "2026-03-01"}]}],
    )

    assert company.rows("exposures", "person_id, segment") == [("old", "old"), ("young", None)]


def test_texts_ignore_case_and_lists_are_alternatives(company: Company) -> None:
    for person, country in (("p1", "us"), ("p2", "CA"), ("p3", "DE")):
        company.saw(person, "b")
        company.profile(person, country=country)

    measure(
        company, segments=[{"name": "near", "when": [{"trait": "country", "in": ["US", "CA"]}]}]
    )

    rows = company.rows("exposures", "person_id, segment")
    assert rows == [("p1", "near"), ("p2", "near"), ("p3", None)]


@pytest.mark.parametrize(
    ("condition", "problem"),
    [
        pytest.param({"trait": "order_count", "at_least": 1}, "moved by", id="moved"),
        pytest.param({"trait": "contry", "is": "US"}, "did you mean 'country'", id="misspelt"),
        pytest.param({"trait": "country", "at_least": 1}, "not a number", id="not-a-number"),
    ],
)
def test_segments_that_cannot_be_judged_are_refused(
    company: Company, condition: dict[str, object], problem: str
) -> None:
    company.saw("p1", "b")

    with pytest.raises(InvalidExperimentError, match=problem):
        measure(company, segments=[{"name": "x", "when": [condition]}])


def test_values_of_the_configuration_never_become_sql(company: Company) -> None:
    company.saw("p1", "b")
    company.profile("p1", country="US")
    hostile = "x'); drop table marts.events; --"

    measure(company, segments=[{"name": hostile, "when": [{"trait": "country", "is": "US"}]}])

    assert company.rows("exposures", "segment") == [(hostile,)]


def test_lift_is_stored_for_everybody_and_each_segment(company: Company) -> None:
    for number in range(80):
        arm = "b" if number % 2 else "control"
        company.saw(f"p{number}", arm)
        company.profile(f"p{number}", country="US" if number % 4 < 2 else "CA")
        if number % 8 == 1 or number % 16 == 0:
            company.did(f"p{number}", "Demo Requested", day=1)

    measure(
        company,
        segments=[
            {"name": "US", "when": [{"trait": "country", "is": "US"}]},
            {"name": "CA", "when": [{"trait": "country", "is": "CA"}]},
        ],
    )

    rows = company.rows("lift", "segment, arm, baseline_arm, n, n_baseline, effect")
    assert rows == [
        ("CA", "b", "control", 20, 20, 0.0),
        ("US", "b", "control", 20, 20, 0.25),
        ("global", "b", "control", 40, 40, 0.125),
    ]


def test_measuring_twice_equals_measuring_once(company: Company) -> None:
    for number in range(20):
        company.saw(f"p{number}", "b" if number % 2 else "control")

    first = measure(company)
    before = company.rows("lift", "*")
    second = measure(company)

    assert first == second
    assert company.rows("lift", "*") == before


def test_an_experiment_taken_out_of_the_file_leaves_the_tables(company: Company) -> None:
    company.saw("p1", "b")
    measure(company)

    measure_experiments(company.warehouse, ExperimentsConfig(), now=NOW, run_id="r2")

    assert company.rows("exposures", "person_id") == []


def test_a_wrong_split_is_reported_and_no_verdict_is_given(company: Company) -> None:
    for number in range(60):
        company.saw(f"p{number}", "control" if number < 15 else "b")

    report = measure(company, shares={"control": 0.5, "b": 0.5})

    assert report.is_sample_ratio_broken
    assert {finding.verdict for finding in report.findings} == {"cannot_tell"}


def test_of_an_experiment_that_nobody_met_it_is_said_what_its_events_have(company: Company) -> None:
    company.event("p1", "Experiment Viewed", 1, experiment_id="other", arm="b")
    company.event(None, "Experiment Viewed", 1, arm="b")
    for number, blank in enumerate((" ", "\t")):
        company.saw(f"p{number}", blank, experiment="other")
    company.saw("p3", "\t")
    measure(company)
    unmet = explain_unmet(company.warehouse, experiments().experiments)
    company.saw("p1", "b", day=2)
    measure(company)

    (said,) = unmet
    assert said == (
        "hero: nobody has met an arm. Of 5 events 'Experiment Viewed' (4 of persons), 4 have the property "
        "'experiment_id' (1 with 'hero'), 0 the property 'variation_id'."
    )
    assert explain_unmet(company.warehouse, experiments().experiments) == ()
