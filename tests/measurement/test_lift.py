"""The formulas, against published numbers, scipy and simulations with known truth."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from measurement.lift import (
    Counts,
    corrected,
    difference_interval,
    difference_p_value,
    difference_variance,
    is_ratio_broken,
    minimum_detectable,
    paule_mandel,
    sample_ratio_p_value,
    shrink,
    wilson_interval,
)

counts = st.integers(1, 5_000).flatmap(
    lambda n: st.integers(0, n).map(lambda converted: Counts(n, converted))
)


@pytest.mark.parametrize(
    ("arm", "baseline", "low", "high"),
    [
        pytest.param(Counts(70, 56), Counts(80, 48), 0.0524, 0.3339, id="56/70-48/80"),
        pytest.param(Counts(10, 9), Counts(10, 3), 0.1705, 0.8090, id="9/10-3/10"),
        pytest.param(Counts(7, 6), Counts(7, 2), 0.0582, 0.8062, id="6/7-2/7"),
        pytest.param(Counts(10, 10), Counts(20, 0), 0.6791, 1.0, id="10/10-0/20"),
        pytest.param(Counts(56, 5), Counts(29, 0), -0.0381, 0.1926, id="5/56-0/29"),
        pytest.param(Counts(10, 0), Counts(20, 0), -0.1611, 0.2775, id="0/10-0/20"),
    ],
)
def test_interval_agrees_with_newcombes_published_examples(
    arm: Counts, baseline: Counts, low: float, high: float
) -> None:
    interval = difference_interval(arm, baseline)

    assert (interval.low, interval.high) == pytest.approx((low, high), abs=5e-5)


def test_wilson_interval_agrees_with_scipy() -> None:
    expected = stats.binomtest(37, 412).proportion_ci(0.95, method="wilson")

    interval = wilson_interval(Counts(412, 37))

    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_p_value_agrees_with_the_chi_square_of_the_table() -> None:
    expected = stats.chi2_contingency([[120, 880], [90, 910]], correction=False).pvalue

    p_value = difference_p_value(Counts(1000, 120), Counts(1000, 90))

    assert p_value == pytest.approx(float(expected), abs=1e-12)


def test_nobody_or_everybody_converted_is_no_evidence() -> None:
    assert difference_p_value(Counts(50, 0), Counts(60, 0)) == 1.0
    assert difference_p_value(Counts(50, 50), Counts(60, 60)) == 1.0


@given(counts, counts)
def test_swapping_the_arms_mirrors_the_interval(arm: Counts, baseline: Counts) -> None:
    one, other = difference_interval(arm, baseline), difference_interval(baseline, arm)

    assert (one.low, one.high) == pytest.approx((-other.high, -other.low), abs=1e-12)


@given(counts, counts)
def test_interval_holds_the_effect_and_stays_within_the_possible(
    arm: Counts, baseline: Counts
) -> None:
    interval = difference_interval(arm, baseline)

    assert -1 - 1e-9 <= interval.low <= arm.rate - baseline.rate <= interval.high <= 1 + 1e-9


def test_two_equal_arms_are_called_different_in_one_of_twenty_cases() -> None:
    rng, runs = np.random.default_rng(20260301), 2_000
    arms, baselines = (rng.binomial(800, 0.12, runs) for _ in range(2))

    alarms = [
        difference_p_value(Counts(800, int(a)), Counts(800, int(b))) < 0.05
        for a, b in zip(arms, baselines, strict=True)
    ]

    assert 0.04 <= np.mean(alarms) <= 0.06


def test_interval_holds_the_true_effect_in_nineteen_of_twenty_cases() -> None:
    rng, runs = np.random.default_rng(20260302), 2_000
    arms, baselines = rng.binomial(150, 0.20, runs), rng.binomial(150, 0.10, runs)

    intervals = [
        difference_interval(Counts(150, int(a)), Counts(150, int(b)))
        for a, b in zip(arms, baselines, strict=True)
    ]

    assert 0.935 <= np.mean([i.low <= 0.10 <= i.high for i in intervals]) <= 0.97


def test_minimum_detectable_effect_is_found_in_eight_of_ten_cases() -> None:
    effect = minimum_detectable(Counts(4_000, 0), Counts(4_000, 800))
    rng, runs = np.random.default_rng(20260303), 1_000
    arms, baselines = rng.binomial(4_000, 0.2 + effect, runs), rng.binomial(4_000, 0.2, runs)

    found = [
        difference_p_value(Counts(4_000, int(a)), Counts(4_000, int(b))) < 0.05
        for a, b in zip(arms, baselines, strict=True)
    ]

    assert 0.76 <= np.mean(found) <= 0.84


def test_one_point_of_wrong_split_is_found_at_fifty_thousand() -> None:
    p_value = sample_ratio_p_value({"a": 25_500, "b": 24_500}, {"a": 0.5, "b": 0.5})

    assert is_ratio_broken(p_value)


def test_the_intended_split_raises_no_alarm() -> None:
    found = {"a": 4_480, "b": 4_520, "holdout": 1_000}

    p_value = sample_ratio_p_value(found, {"a": 0.45, "b": 0.45, "holdout": 0.1})

    assert p_value == pytest.approx(
        float(stats.chisquare([4_480, 4_520, 1_000], [4_500, 4_500, 1_000]).pvalue)
    )
    assert not is_ratio_broken(p_value)


def test_an_arm_that_nobody_met_breaks_the_sample_ratio() -> None:
    assert is_ratio_broken(sample_ratio_p_value({"a": 100}, {"a": 0.5, "b": 0.5}))


def test_without_intended_shares_the_sample_ratio_is_not_tested() -> None:
    p_value = sample_ratio_p_value({"a": 900, "b": 100}, {})

    assert p_value is None
    assert not is_ratio_broken(p_value)


def test_paule_mandel_agrees_with_the_published_example() -> None:
    # Between-study variance of the BCG vaccine trials: .3181 in R's metafor, escalc(measure="RR").
    effects = [-0.8893, -1.5854, -1.3481, -1.4416, -0.2175, -0.7861, -1.6209, 0.0120, -0.4694,
               -1.3713, -0.3394, 0.4459, -0.0173]  # fmt: skip
    variances = [0.3256, 0.1946, 0.4154, 0.0200, 0.0512, 0.0069, 0.2230, 0.0040, 0.0564, 0.0730,
                 0.0124, 0.5325, 0.0714]  # fmt: skip

    tau_squared = paule_mandel(np.array(effects), np.array(variances))

    assert tau_squared == pytest.approx(0.3181, abs=5e-4)


def test_segments_that_differ_only_by_noise_are_drawn_to_their_mean() -> None:
    shrunken = shrink([0.01, 0.02, 0.03, 0.04, 0.05, 0.06], [0.01] * 6)

    assert shrunken.tau_squared == 0
    assert shrunken.effects == pytest.approx([0.025, 0.029, 0.033, 0.037, 0.041, 0.045])
    assert shrunken.heterogeneity_p > 0.9


def test_three_segments_are_too_few_to_learn_how_far_segments_differ() -> None:
    effects = [0.01, 0.05, 0.06]

    assert shrink(effects, [0.01] * 3).effects == pytest.approx(effects)


def test_segments_that_truly_differ_keep_their_effects() -> None:
    shrunken = shrink([-0.10, 0.10, 0.20, 0.05], [1e-4] * 4)

    assert shrunken.effects == pytest.approx([-0.10, 0.10, 0.20, 0.05], abs=0.002)
    assert shrunken.heterogeneity_p < 0.001


def test_one_segment_alone_is_left_as_it_is() -> None:
    shrunken = shrink([0.07], [0.0004])

    assert shrunken.effects == pytest.approx([0.07])


def test_shrunken_effects_are_closer_to_the_truth_than_raw_ones() -> None:
    rng, error = np.random.default_rng(20260304), 0.04
    truths = rng.normal(0.03, 0.02, (300, 12))
    raw = truths + rng.normal(0, error, truths.shape)

    drawn = np.array([shrink(list(row), [error**2] * 12).effects for row in raw])

    ratio = np.sqrt(((drawn - truths) ** 2).mean() / ((raw - truths) ** 2).mean())
    assert ratio <= 0.7


@pytest.mark.parametrize("segments", [4, 12])
@pytest.mark.parametrize("spread", [0.0, 0.04])
def test_shrunken_intervals_hold_the_truth_as_often_as_they_say(
    segments: int, spread: float
) -> None:
    rng, error = np.random.default_rng(20260305), 0.04
    truths = rng.normal(0.03, spread, (300, segments))
    raw = truths + rng.normal(0, error, truths.shape)

    found = [shrink(list(row), [error**2] * segments).intervals for row in raw]

    low, high = (np.array([[getattr(i, e) for i in row] for row in found]) for e in ("low", "high"))
    assert ((low <= truths) & (truths <= high)).mean() >= 0.93


def test_many_tests_are_corrected_as_benjamini_and_hochberg_say() -> None:
    assert corrected([0.01, 0.04, 0.03, 0.5]) == pytest.approx([0.04, 0.16 / 3, 0.16 / 3, 0.5])


def test_variance_is_never_zero() -> None:
    assert difference_variance(Counts(40, 0), Counts(40, 0)) > 0
