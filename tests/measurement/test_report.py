from __future__ import annotations

import pytest

from measurement.config import Metric
from measurement.lift import Counts
from measurement.report import (
    GIVES_AWAY,
    NOT_FINITE,
    Finding,
    MetricTable,
    Rules,
    arm_pairs,
    compare,
    compare_metrics,
)
from measurement.samples import Sample

METRIC = Metric(event="Demo Requested", within_days=14)
UNWANTED = Metric(event="Cancelled", within_days=14, better="lower")
SUM = Metric(event="Ordered", within_days=14, measure="sum", summed_property="amount")
PAIR = ("b", "control")


def judge(
    arm: Counts, baseline: Counts, metric: Metric = METRIC, *, broken: bool = False
) -> Finding:
    table = {"global": {"b": arm, "control": baseline}}
    report = compare(table, PAIR, Rules(metric=metric, is_sample_ratio_broken=broken))
    return report.findings[0]


def test_a_clear_gain_helped() -> None:
    assert judge(Counts(800, 160), Counts(800, 100)).verdict == "helped"


def test_a_clear_loss_harmed() -> None:
    assert judge(Counts(800, 100), Counts(800, 160)).verdict == "harmed"


def test_more_of_an_unwanted_event_harmed() -> None:
    assert judge(Counts(800, 160), Counts(800, 100), UNWANTED).verdict == "harmed"


def test_a_small_difference_cannot_be_told_and_says_what_could() -> None:
    finding = judge(Counts(800, 104), Counts(800, 100))

    assert finding.verdict == "cannot_tell"
    assert "effects from 4.6 points" in finding.reason


def test_few_persons_get_an_interval_and_no_verdict() -> None:
    finding = judge(Counts(30, 9), Counts(30, 1))

    assert finding.verdict == "cannot_tell"
    assert finding.p_value is None
    assert finding.interval is not None


@pytest.mark.parametrize("spoilt", [float("nan"), float("inf")])
def test_a_sum_that_is_no_number_is_not_judged_and_leaves_the_others_alone(spoilt: float) -> None:
    good = {"b": _sample(900.0), "control": _sample(300.0)}
    table = {
        "global": {**good, "b": _sample(spoilt)},
        "x": {**good, "b": _sample(spoilt)},
        "y": good,
    }

    found = {f.segment: f for f in compare(table, PAIR, Rules(metric=SUM)).findings}

    assert {name: f.verdict for name, f in found.items()} == {
        "global": "cannot_tell", "x": "cannot_tell", "y": "helped",
    }  # fmt: skip
    assert found["x"].reason == NOT_FINITE
    assert found["x"].p_value is None


def _sample(total: float) -> Sample:
    """300 persons who ordered for so much together, in equal parts but for some noise."""
    n, square = 300, total**2 / 300 * 1.5
    products = ((square, total, 0, total), (total, n, 0, n), (0, 0, 0, 0), (total, n, 0, n))
    return Sample(n, n, n, (total, n, 0, n), products)


def test_an_empty_arm_has_no_effect() -> None:
    finding = judge(Counts(0, 0), Counts(800, 100))

    assert finding.effect is None
    assert finding.verdict == "cannot_tell"


def test_a_broken_sample_ratio_withholds_every_verdict() -> None:
    assert judge(Counts(800, 160), Counts(800, 100), broken=True).verdict == "cannot_tell"


def test_a_segment_is_judged_after_correction_for_their_number() -> None:
    borderline = {"b": Counts(500, 72), "control": Counts(500, 50)}  # p = .033 alone
    flat = {"b": Counts(500, 50), "control": Counts(500, 50)}
    table = {"global": borderline, "x": borderline, "y": flat, "z": flat}

    by_segment = {f.segment: f for f in compare(table, PAIR, Rules(metric=METRIC)).findings}

    assert by_segment["global"].verdict == "helped"
    assert by_segment["x"].verdict == "cannot_tell"


def test_a_harmed_segment_is_told_beside_a_helped_one() -> None:
    table = {
        "global": {"b": Counts(2000, 300), "control": Counts(2000, 300)},
        "x": {"b": Counts(1000, 200), "control": Counts(1000, 100)},
        "y": {"b": Counts(1000, 100), "control": Counts(1000, 200)},
    }

    report = compare(table, PAIR, Rules(metric=METRIC))

    verdicts = {f.segment: f.verdict for f in report.findings}
    assert verdicts == {"global": "cannot_tell", "x": "helped", "y": "harmed"}
    assert report.heterogeneity_p is not None
    assert report.heterogeneity_p < 1e-6


def test_what_is_shown_leaves_nobody_or_at_least_ten_by_subtraction() -> None:
    """In every comparison alike: what one of them keeps back, no other may show."""
    sizes = {
        "large": (400, 400, 400), "small": (300, 300, 300), "few_b": (9, 90, 90),
        "few_c": (90, 9, 90), "few_control": (90, 90, 4),
    }  # fmt: skip
    sizes["global"] = tuple(map(sum, zip(*sizes.values(), strict=True)))  # type: ignore[assignment]
    table = {
        segment: {arm: Counts(n, n // 2) for arm, n in zip(("b", "c", "control"), of, strict=True)}
        for segment, of in sizes.items()
    }
    pairs = (PAIR, ("c", "control"))

    (found,) = compare_metrics([MetricTable(table, pairs, Rules(metric=METRIC))])

    told = [{f.segment for f in report.findings if f.is_told} for report in found]
    # With few_b in the second as well, 94 of the control are left by either, and 4 by both.
    assert told == [{"global", "large", "small", "few_c"}, {"global", "large", "small"}]
    reason = GIVES_AWAY.format(10, "control")
    assert [f.segment for f in found[1].findings if f.reason == reason] == ["few_b"]


def test_what_is_kept_back_of_one_arm_keeps_back_no_pair_of_others() -> None:
    """Of nine held out in one segment, those in the other are hidden: no other arm's figures tell of them."""
    table = {
        "krakow": {"b": Counts(90, 40), "control": Counts(80, 30), "out": Counts(9, 2)},
        "others": {"b": Counts(190, 90), "control": Counts(181, 60), "out": Counts(41, 20)},
        "global": {"b": Counts(280, 130), "control": Counts(261, 90), "out": Counts(50, 22)},
    }
    pairs = (PAIR, ("control", "out"))

    (found,) = compare_metrics([MetricTable(table, pairs, Rules(metric=METRIC))])

    told = [[f.segment for f in report.findings if f.is_told] for report in found]
    assert told == [["global", "krakow", "others"], ["global"]]
    (hidden,) = (f for f in found[1].findings if f.segment == "others")
    assert hidden.reason == GIVES_AWAY.format(10, "out")


def test_whoever_is_in_no_segment_is_not_told_by_subtraction_either() -> None:
    arms = {"b": Counts(60, 20), "control": Counts(60, 20)}
    table = {"x": arms, "global": {"b": Counts(63, 22), "control": Counts(60, 20)}}

    found = {f.segment: f.is_told for f in compare(table, PAIR, Rules(metric=METRIC)).findings}
    table["global"] = arms
    whole = {f.segment: f.is_told for f in compare(table, PAIR, Rules(metric=METRIC)).findings}

    assert (found, whole) == ({"global": True, "x": False}, {"global": True, "x": True})


def _with_metrics(*arms: dict[str, Counts]) -> list[list[Finding]]:
    """One experiment with as many metrics, the first of them primary, each alike in one segment."""
    rules = Rules(metric=METRIC)
    metrics = [
        MetricTable({"global": counts, "x": counts}, (PAIR,), rules, is_primary=number == 0)
        for number, counts in enumerate(arms)
    ]
    return [[*reports[0].findings] for reports in compare_metrics(metrics)]


def test_secondary_metrics_allow_for_how_many_they_are_and_the_primary_one_does_not() -> None:
    borderline = {"b": Counts(500, 72), "control": Counts(500, 50)}  # p = .033 alone
    flat = {"b": Counts(500, 50), "control": Counts(500, 50)}

    first, second, third = _with_metrics(borderline, borderline, flat)

    assert first[0].verdict == "helped"
    assert first[0].q_value is None
    assert first[1].q_value == first[1].p_value  # no other segment of the primary metric
    assert second[0].verdict == "cannot_tell"
    assert "it may be chance" in second[0].reason
    assert second[0].q_value == pytest.approx(2 * (second[0].p_value or 0))
    assert second[1].q_value == pytest.approx(2 * (second[1].p_value or 0))
    assert third[0].verdict == "cannot_tell"


def test_a_secondary_metric_that_is_sure_enough_is_told() -> None:
    flat = {"b": Counts(500, 50), "control": Counts(500, 50)}
    clear = {"b": Counts(800, 160), "control": Counts(800, 100)}

    found = _with_metrics(flat, clear, flat)

    assert [metric[0].verdict for metric in found] == ["cannot_tell", "helped", "cannot_tell"]


def test_treatments_meet_the_baseline_and_all_meet_the_held_out() -> None:
    pairs = arm_pairs(["b", "c", "control", "holdout"], baseline="control", held_out="holdout")

    assert pairs == (
        ("b", "control"),
        ("c", "control"),
        ("control", "holdout"),
        ("b", "holdout"),
        ("c", "holdout"),
    )


@pytest.mark.parametrize("arms", [[], ["b"], ["control"]])
def test_without_both_arms_nothing_is_compared(arms: list[str]) -> None:
    assert arm_pairs(arms, baseline="control", held_out="holdout") == ()


def test_segments_of_all_pairs_are_corrected_together() -> None:
    """Two treatments, one of which does nothing: its segments make the other's less sure."""
    low, high = Counts(1000, 100), Counts(1000, 134)
    one = {"control": low, "b": high}
    both = {**one, "c": low}
    segments = ("global", "DE", "FR")
    rules = Rules(metric=METRIC)

    def sureness(arms: dict[str, Counts]) -> float:
        pairs = tuple((arm, "control") for arm in arms if arm != "control")
        (reports,) = compare_metrics([MetricTable(dict.fromkeys(segments, arms), pairs, rules)])
        return next(f.q_value or 0.0 for f in reports[0].findings if f.segment == "DE")

    assert sureness(both) == pytest.approx(2 * sureness(one))
