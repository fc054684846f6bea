"""Differences from sums alone are those of the textbook formulas over the rows."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from measurement.lift import Floats
from measurement.samples import Difference, Sample, difference, lack_of

EXACT = {"rel": 1e-9, "abs": 1e-12}


def sample(
    outcome: Floats,
    *,
    per: Floats | None = None,
    before: Floats | None = None,
    units: NDArray[np.int64] | None = None,
) -> Sample:
    """What the engine would add up: rows of persons, summed by unit."""
    n = len(outcome)
    rows = np.stack([
        outcome,
        np.ones(n) if per is None else per,
        np.zeros(n) if before is None else before,
        np.ones(n),
    ])  # fmt: skip
    of = np.arange(n) if units is None else units
    by_unit = np.stack([np.bincount(of, weights=row) for row in rows])
    by_unit = by_unit[:, by_unit[3] > 0]
    return Sample(
        n,
        by_unit.shape[1],
        int((by_unit[0] != 0).sum()),
        tuple(by_unit.sum(axis=1).tolist()),
        tuple(map(tuple, (by_unit @ by_unit.T).tolist())),
    )


@pytest.fixture
def chance() -> np.random.Generator:
    return np.random.default_rng(4)


def test_a_difference_of_means_is_welchs(chance: np.random.Generator) -> None:
    arm, baseline = chance.gamma(2, 3, 700), chance.gamma(2, 2.5, 400)

    found = difference(sample(arm), sample(baseline))

    welch = stats.ttest_ind(arm, baseline, equal_var=False)
    interval = welch.confidence_interval(0.95)
    assert found.effect == pytest.approx(arm.mean() - baseline.mean(), **EXACT)
    assert found.p_value == pytest.approx(welch.pvalue, **EXACT)
    assert found.freedom == pytest.approx(welch.df, **EXACT)
    assert found.interval().low == pytest.approx(interval.low, **EXACT)
    assert found.interval().high == pytest.approx(interval.high, **EXACT)


def test_adjusting_for_the_time_before_is_the_regression_on_arm_and_before(
    chance: np.random.Generator,
) -> None:
    past = chance.gamma(2, 2, 1_500)
    drawn = chance.random(1_500) < 0.4
    outcome = 0.9 * past + 0.5 * drawn + chance.normal(0, 1, 1_500)

    found = difference(
        sample(outcome[drawn], before=past[drawn]), sample(outcome[~drawn], before=past[~drawn])
    )

    design = np.column_stack([np.ones(1_500), drawn, past])
    slopes = np.linalg.lstsq(design, outcome, rcond=None)[0]
    residual = outcome - design @ slopes
    errors = [residual[side].var(ddof=1) / side.sum() for side in (drawn, ~drawn)]
    assert found.effect == pytest.approx(slopes[1], **EXACT)
    assert found.error == pytest.approx(np.sqrt(sum(errors)), **EXACT)
    plain = difference(sample(outcome[drawn]), sample(outcome[~drawn]))
    assert found.kept == pytest.approx((found.error / plain.error) ** 2, **EXACT)
    assert found.kept < 0.8
    assert plain.kept == 1


def test_a_ratio_has_the_variance_of_the_delta_method(chance: np.random.Generator) -> None:
    shown = chance.poisson(6, (2, 800)) + 1.0
    clicked = chance.binomial(shown.astype(int), 0.2).astype(float)

    found = difference(sample(clicked[0], per=shown[0]), sample(clicked[1], per=shown[1]))

    variances, rates = [], []
    for y, d in zip(clicked, shown, strict=True):
        cov, r = np.cov(y, d, ddof=1), y.mean() / d.mean()
        rates.append(r)
        variances.append(
            (cov[0, 0] - 2 * r * cov[0, 1] + r**2 * cov[1, 1]) / d.mean() ** 2 / len(y)
        )
    assert found.effect == pytest.approx(rates[0] - rates[1], **EXACT)
    assert found.error == pytest.approx(np.sqrt(sum(variances)), **EXACT)


def test_companies_widen_the_error_as_the_sandwich_by_cluster_does(
    chance: np.random.Generator,
) -> None:
    companies = np.repeat(np.arange(200), chance.integers(1, 9, 200))
    habit = chance.normal(0, 1, 200)[companies]
    outcome = 2 + habit + chance.normal(0, 0.5, len(companies))
    is_arm = companies % 2 == 0

    found = difference(
        sample(outcome[is_arm], units=companies[is_arm]),
        sample(outcome[~is_arm], units=companies[~is_arm]),
    )

    meat = 0.0
    for side in (is_arm, ~is_arm):
        residual = outcome[side] - outcome[side].mean()
        clusters = np.unique(companies[side])
        sums = np.array([residual[companies[side] == c].sum() for c in clusters])
        m = len(clusters)
        meat += m / (m - 1) * (sums**2).sum() / side.sum() ** 2
    assert found.error == pytest.approx(np.sqrt(meat), **EXACT)
    apart = difference(sample(outcome[is_arm]), sample(outcome[~is_arm]))
    assert found.effect == pytest.approx(apart.effect, **EXACT)
    assert found.error > 1.5 * apart.error


def test_sums_of_many_times_the_same_have_no_error_and_no_verdict() -> None:
    found = difference(sample(np.ones(50)), sample(np.ones(50)))

    assert (found.effect, found.error, found.p_value) == (0, 0, 1)


def test_an_effect_as_large_as_the_smallest_detectable_is_found_in_four_of_five_cases(
    chance: np.random.Generator,
) -> None:
    planned = difference(sample(chance.normal(0, 1, 500)), sample(chance.normal(0, 1, 500)))
    effect = planned.minimum_detectable

    found = [
        difference(sample(chance.normal(effect, 1, 500)), sample(chance.normal(0, 1, 500)))
        for _ in range(400)
    ]

    assert np.mean([f.p_value < 0.05 for f in found]) == pytest.approx(0.8, abs=0.07)


@pytest.mark.parametrize(
    ("change", "is_enough"),
    [
        pytest.param({}, True, id="good"),
        pytest.param({"units": 29}, False, id="few-units"),
        pytest.param({"with_outcome": 9}, False, id="few-with-outcome"),
        pytest.param({"squares": 1 / 29}, False, id="nearly-all-in-few-units"),
    ],
)
def test_few_units_are_not_judged(change: dict[str, float], *, is_enough: bool) -> None:
    facts = {"n": 100, "units": 100, "with_outcome": 20, "squares": 1 / 100, **change}
    products = ((facts.pop("squares"),) * 4,) * 4

    assert Sample(**facts, sums=(1.0,) * 4, products=products).is_enough == is_enough


def test_a_company_of_half_of_all_persons_decides_nothing(chance: np.random.Generator) -> None:
    units = np.r_[np.zeros(300, dtype=np.int64), np.arange(1, 301)]

    found = sample(chance.binomial(1, 0.2, 600).astype(float), units=units)

    assert found.worth == pytest.approx(600**2 / (300**2 + 300))
    assert lack_of(found) == "301 of such unequal size that they say no more than 4, needs 30"


@pytest.mark.parametrize("size", [7.7, 1e9 / 3])
def test_thirty_units_of_one_size_are_thirty(size: float) -> None:
    found = sample(np.arange(30) + 1.0, per=np.full(30, size))

    assert found.is_enough
    assert lack_of(found) is None


def test_what_is_counted_per_nothing_is_told_as_that() -> None:
    found = sample(np.ones(40), per=np.zeros(40))

    assert lack_of(found) == "none of what the outcome is counted per"


def test_a_small_arm_without_the_few_large_values_is_not_sure(chance: np.random.Generator) -> None:
    """Of skewed sums the small arm looks far less spread than it is: Welch's error is too small."""
    few, many = (
        chance.lognormal(0, 0.3, 40),
        np.exp(2 * stats.norm.ppf(np.linspace(0, 1, 4_002)[1:-1])),
    )

    found = difference(sample(few), sample(many))

    assert stats.ttest_ind(few, many, equal_var=False).pvalue < 1e-6
    pooled = stats.ttest_ind(few, many)
    assert found.effect / found.error == pytest.approx(pooled.statistic, **EXACT)
    assert found.p_value > 0.05
    assert found.interval().low < 0 < found.interval().high


def test_one_unit_does_not_decide_which_error_counts(chance: np.random.Generator) -> None:
    """Of skewed sums, at shares of a quarter and around: the width changes by what the unit says."""
    few, many = chance.lognormal(0, 0.3, 500), chance.lognormal(0, 2, 1_600)

    widths = [
        difference(sample(few[:n]), sample(many[: 2_000 - n])).error for n in range(500, 490, -1)
    ]

    assert np.max(np.abs(np.diff(np.log(widths)))) < 0.02


def test_an_interval_of_unequal_arms_is_never_narrower_than_welchs(
    chance: np.random.Generator,
) -> None:
    """Where the errors are nearly the same, the freedom of one variance would be too large."""
    for _ in range(50):
        few, many = chance.normal(0, 1, 30), chance.normal(0, 1, 300)

        found = difference(sample(few), sample(many)).interval()

        welch = stats.ttest_ind(few, many, equal_var=False).confidence_interval(0.95)
        assert found.high - found.low >= (welch.high - welch.low) * (1 - 1e-9)


def test_an_interval_at_an_early_look_is_wider() -> None:
    found = Difference(effect=1.0, error=0.5, freedom=1e9, kept=1.0)

    early, late = found.interval(0.001), found.interval()

    assert late.high == pytest.approx(1 + 0.5 * stats.norm.ppf(0.975), abs=1e-6)
    assert early.high == pytest.approx(1 + 0.5 * stats.norm.ppf(0.9995), abs=1e-6)
