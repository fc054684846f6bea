"""The page that a content lead reads."""

from __future__ import annotations

import html
import re

import pytest

from measurement import ExperimentsConfig, lift_page, measure_experiments, read_lift
from measurement.lift import Counts, minimum_detectable
from measurement.page import waiting
from measurement.report import Finding
from tests.measurement.conftest import NOW, Company
from tests.measurement.test_measure import experiments


def page(company: Company, asked: ExperimentsConfig) -> str:
    measure_experiments(company.warehouse, asked, now=NOW, run_id="r1")
    reports = read_lift(company.warehouse, asked)
    return html.unescape(re.sub(r"\s+", " ", lift_page(company.warehouse, reports, now=NOW)))


def test_it_says_what_helped_and_how_sure_that_is(company: Company) -> None:
    _met(company, people=60, control=12, b=40)

    text = page(company, experiments())

    assert 'b against control: <span class="helped">It helped</span>' in text
    assert "66.7 % of 60 people did it, against 20.0 % of 60: +46.7 of every 100" in text
    assert "data:image/png;base64," in text


def test_it_says_when_it_will_be_known(company: Company) -> None:
    _met(company, people=60, control=20, b=22)

    text = page(company, experiments())

    assert "We cannot tell yet" in text
    assert re.search(r"would be seen with about [\d,]+ people in each arm", text)


def test_names_from_events_are_text(company: Company) -> None:
    for number in range(4):
        company.saw(f"p{number}", "<script>b</script>" if number % 2 else "control", day=1)
    asked = experiments()
    measure_experiments(company.warehouse, asked, now=NOW, run_id="r1")

    raw = lift_page(company.warehouse, read_lift(company.warehouse, asked), now=NOW)

    assert "<script>" not in raw
    assert "&lt;script&gt;" in raw


def test_without_an_experiment_or_anybody_it_says_so(company: Company) -> None:
    assert "No experiment is configured" in page(company, ExperimentsConfig())
    assert "Nobody has met two arms yet" in page(company, experiments())


def test_four_times_the_people_show_half_the_difference() -> None:
    """With the people it names, a tenth of the baseline's rate is just what is found."""
    arm, baseline = Counts(1000, 110), Counts(1000, 100)
    finding = Finding(
        "global", "b", "control", arm, baseline,
        minimum_detectable=minimum_detectable(arm, baseline),
    )  # fmt: skip

    found = waiting(finding, per_day=100)

    assert found is not None
    larger = Counts(found.people, found.people // 10)
    assert minimum_detectable(larger, larger) == pytest.approx(0.01, rel=0.01)
    assert found.days == round((found.people - 1000) / 50)


def test_where_nobody_converts_nobody_knows_how_long() -> None:
    none = Counts(100, 0)

    assert waiting(Finding("global", "b", "control", none, none), per_day=10) is None


def _met(company: Company, *, people: int, control: int, b: int) -> None:
    for arm, converted in (("control", control), ("b", b)):
        for number in range(people):
            company.saw(f"{arm}{number}", arm, day=1 + number % 7)
            if number < converted:
                company.did(f"{arm}{number}", "Demo Requested", day=9)
