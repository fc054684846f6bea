"""The page that a content lead reads."""

from __future__ import annotations

import html
import re
from dataclasses import replace

import pytest

from measurement import (
    BreadthFinding,
    ExperimentsConfig,
    Interval,
    WithheldArm,
    lift_page,
    measure_experiments,
    read_lift,
)
from measurement.config import Metric
from measurement.inventory import TABLES
from measurement.lift import Counts, minimum_detectable
from measurement.page import duration
from measurement.report import Finding, LiftReport, Rules, compare
from measurement.waiting import Pace, Waiting, waiting
from tests.measurement.conftest import NOW, Company
from tests.measurement.test_measure import experiments


def page(company: Company, asked: ExperimentsConfig) -> str:
    measure_experiments(company.warehouse, asked, now=NOW, run_id="r1")
    reports = read_lift(company.warehouse, asked)
    raw = lift_page(company.warehouse, reports, now=NOW, experiments=asked)
    return html.unescape(re.sub(r"\s+", " ", raw))


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


def test_it_says_whether_choosing_narrows_what_people_meet(company: Company) -> None:
    found = (
        BreadthFinding("topics_per_reader", "readings", 900, 100, 2.25, 2.0, 0.25,
                       Interval(0.1, 0.4), "wider", "95 % sure of +0.1 to +0.4"),
        BreadthFinding("discovery_yield", "pages", reason="too few yet: the held-out are 9 and 30 are needed"),
    )  # fmt: skip

    measure_experiments(company.warehouse, ExperimentsConfig(), now=NOW, run_id="r1")
    raw = lift_page(company.warehouse, (), now=NOW, breadth=found)

    text = re.sub(r"[<][^>]+>", " ", html.unescape(raw))
    text = re.sub(r"\s+", " ", text)
    assert "topics that somebody reads of in four weeks They meet more 2.25 2 0.25" in text
    assert "+0.1 and +0.4 900 and 100" in text
    assert "share of draws on pages that are read within a week We cannot tell" in text
    assert "too few yet: the held-out are 9 and 30 are needed" in text


def test_it_says_what_is_paused_as_a_precaution_and_why(company: Company) -> None:
    _met(company, people=60, control=20, b=18)
    measure_experiments(company.warehouse, experiments(), now=NOW, run_id="r1")
    paused = WithheldArm("hero", "big", "b", "control", is_paused=True, share=0.02,
                         p_harmful=0.87, since=NOW, ends_below=0.72)  # fmt: skip
    off = replace(paused, is_paused=False, segment="global", p_harmful=0.981)

    raw = lift_page(company.warehouse, read_lift(company.warehouse, experiments()), now=NOW,
                    withheld=[paused, off])  # fmt: skip

    text = html.unescape(re.sub(r"\s+", " ", raw))
    assert "b is paused for big, since 2026-06-01, as a precaution: it is probably worse" in text
    assert "worse than control there (87%). That is no proof" in text
    assert "We cannot tell yet" in text
    assert "b is no longer shown to people in no segment" in text
    assert "of which we are 98.1% sure" in text


def test_what_is_paused_is_told_by_its_verdict_and_of_few_without_figures() -> None:
    paused = WithheldArm("hero", "big", "b", "control", is_paused=True, share=0.001,
                         p_harmful=0.9996, since=NOW, ends_below=0.72, verdict="harmed")  # fmt: skip
    off = replace(paused, is_paused=False, p_harmful=None)

    assert (
        "(more than 99%). The verdict there is the same: it harmed. Less than 1" in paused.sentence
    )
    assert "That is no proof." in replace(paused, verdict=None).sentence
    assert "with the next run, as the guard is off" in replace(paused, ends_below=None).sentence
    assert off.sentence.endswith("it is worse than control there.")
    everybody = replace(paused, segment="global", has_segments=False)
    assert everybody.sentence.startswith("b is paused for everybody, since")


def test_without_an_experiment_or_anybody_it_says_so(company: Company) -> None:
    assert "No experiment is configured" in page(company, ExperimentsConfig())
    assert "Nobody has met two arms yet" in page(company, experiments())


def test_four_times_the_people_show_half_the_difference() -> None:
    """With the people it names, a tenth of the baseline's rate is just what is found."""
    arm, baseline = Counts(1000, 110), Counts(1000, 100)
    finding = Finding(
        "global", "b", "control", arm, baseline,
        minimum_detectable=minimum_detectable(arm, baseline), p_value=0.4,
    )  # fmt: skip

    found = waiting(finding, Pace({("", "b"): 50, ("", "control"): 50, ("", "holdout"): 10}))

    assert found is not None
    larger = Counts(found.people, found.people // 10)
    assert minimum_detectable(larger, larger) == pytest.approx(0.01, rel=0.01)
    assert found.days == round((found.people - 1000) / 50)


def test_where_nobody_converts_nobody_knows_how_long() -> None:
    none = Counts(100, 0)

    assert waiting(Finding("global", "b", "control", none, none), Pace({("", "b"): 10})) is None


def test_an_arm_that_is_too_small_is_told_when_it_will_be_large_enough() -> None:
    finding = Finding("smb", "b", "control", Counts(400, 40), Counts(80, 4))
    pace = Pace({("smb", "b"): 20, ("smb", "control"): 4, ("", "control"): 50})

    found = waiting(finding, pace)

    # The control has 4 of 10 with the outcome: 120 people more, 4 a day.
    assert found == Waiting(people=400, days=30, baseline_people=200)


@pytest.mark.parametrize(
    ("days", "said"),
    [
        (0, "about 1 day"),
        (5, "about 5 days"),
        (20, "about 3 weeks"),
        (100, "about 3 months"),
        (900, "more than two years"),
    ],
)
def test_times_are_said_as_people_say_them(days: int, said: str) -> None:
    assert duration(days) == said


def test_the_short_answer_stands_on_top_and_says_what_success_is(company: Company) -> None:
    _met(company, people=60, control=12, b=40)

    text = page(company, experiments())

    short = text[text.index("In short") : text.index("hero: demo")]
    assert 'b against control: <span class="helped">It helped</span>, +46.7 of every 100' in short
    assert "Success is: Demo Requested within 14 days" in text
    assert "Nobody new has met it since 2026-03-08.</p>" in text, "nothing is waited for"


def test_secondary_metrics_are_named_so_and_are_not_in_the_short_answer(company: Company) -> None:
    _met(company, people=60, control=12, b=40)
    visit = {"event": "Visited", "within_days": 7}
    demo = {"event": "Demo Requested", "within_days": 14}

    text = page(company, experiments(metrics={"visit": visit, "demo": demo}, primary="demo"))

    assert text.index("hero: demo") < text.index("hero: visit (secondary)")
    assert "A secondary outcome: verdicts allow for how many of them there are" in text
    assert text[: text.index("hero: demo")].count("b against control") == 1


def test_of_fewer_than_ten_no_figure_is_shown_nor_one_from_which_theirs_follows(
    company: Company,
) -> None:
    _met(company, people=9, control=2, b=5)

    text = page(company, experiments())

    assert (
        "Too few yet: b has 9 and needs 10 people for a figure to be shown, control has 9" in text
    )
    assert "A first verdict is possible" not in text, (
        "as it would follow how many of the nine did it"
    )
    assert "it went on" not in text
    assert "55.6 %" not in text
    assert "data:image/png" not in text


def test_the_control_of_an_experiment_and_the_global_hold_out_have_names_of_their_own(
    company: Company,
) -> None:
    _met(company, people=60, control=12, b=40)

    text = page(company, experiments(held_out="control", baseline="b"))

    assert "The <strong>control</strong> of an experiment would have been shown" in text
    assert "The <strong>global hold-out</strong> is shown nothing that is chosen" in text
    assert text.count("control is the control of this experiment.") == 1


def test_the_picture_names_what_is_not_drawn(company: Company) -> None:
    table = {"global": {"b": Counts(60, 20), "control": Counts(60, 9)}, "x": {"b": Counts(9, 5)}}
    found = (
        compare(table, ("b", "control"), Rules(metric=Metric(event="Visited", within_days=7))),
    )
    report = LiftReport("hero", "visit", found, 0, 0, 0, None)

    company.warehouse.create_missing(TABLES)
    text = lift_page(company.warehouse, [report], now=NOW)

    assert "Not drawn, as the tables say why: x: b - control.</p>" in text


def test_too_few_people_are_told_what_is_missing_and_until_when(company: Company) -> None:
    _met(company, people=20, control=2, b=5)

    text = page(company, experiments())

    assert (
        "Too few yet: b has 5 and needs 10 people with the outcome, control has 2 and needs 10"
        in text
    )
    assert "A first verdict is possible with about 40 people in b and 100 in control" in text
    assert "how long it takes is told as if it went on" in text


def _met(company: Company, *, people: int, control: int, b: int) -> None:
    for arm, converted in (("control", control), ("b", b)):
        for number in range(people):
            company.saw(f"{arm}{number}", arm, day=1 + number % 7)
            if number < converted:
                company.did(f"{arm}{number}", "Demo Requested", day=9)
