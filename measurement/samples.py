"""Differences of means and of ratios, from sums alone: clusters, covariates, unequal spreads. Pure.

A *unit* is what was drawn: a person, or a company with all its persons. Of each arm only sums over
units are needed, so that the engine adds up and no row comes here. With Y the outcome, D what it is
counted per (persons, or events such as impressions), X the outcome before the exposure and N the
persons of a unit:

    mean of an arm   = sum(Y) / sum(D)
    its unit scores  = (Y - mean D) / mean(D) - theta (X - mean_x N) / mean(N)

Their variance over units is the variance of the mean by the delta method, and is robust to whatever
the persons of a unit have in common. theta is the slope of the first part on the second within the
arms, and 0 without X: what was so before cannot be an effect, and its noise goes.

Sources:
    Delta method for ratios, cluster-robust: Deng, Knoblich & Lu (2018), "Applying the Delta Method
    in Metric Analytics", KDD. CUPED: Deng, Xu, Kohavi & Walker (2013), WSDM; with theta within arms
    and means per person the estimate is that of the regression on arm and X.
    Degrees of freedom: Welch (1947), Biometrika 34.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, sqrt
from typing import Any

import numpy as np

from measurement.lift import (
    FEWEST,
    FEWEST_TOLD,
    POWER,
    SIGNIFICANCE,
    Counts,
    Floats,
    Interval,
    critical_value,
    students,
)

# Order of the sums and products: outcome, what it is per, outcome before, persons.
OUTCOME, PER, BEFORE, PERSONS = range(4)
# What the engine adds up of ``units``: (segment, arm, unit_id, n, s0 to s3), in the order above. The
# last digit of a sum depends on the order of its rows.
_ORDER = "order by unit_id, s0, s1, s2, s3"
_SUMS = ", ".join(f"sum(s{i} {_ORDER}) as s{i}" for i in range(4))
_PRODUCTS = ", ".join(
    f"sum(s{i} * s{j} {_ORDER}) as p{i}{j}" for i in range(4) for j in range(i, 4)
)
ADDED_UP = f"""
    segment, arm, cast(sum(n) as bigint) as n, count(*) as units,
    count(*) filter (where s0 <> 0) as with_outcome, {_SUMS}, {_PRODUCTS}
"""
# Units below which their spread says little of the spread of means; sums of 30 equal ones may be worth
# 30 less the last digits.
FEWEST_UNITS, ROUNDING = 30, 1e-6
# From one arm with so many times the units of the other on, the larger of two errors begins to count, and
# counts in full from the second on: see ``_error_and_freedom``.
NEARLY_EQUAL, UNEQUAL = 2.0, 4.0


@dataclass(frozen=True, slots=True)
class Sample:
    """One arm, added up over its units.

    Attributes:
        n: Persons.
        units: What was drawn.
        with_outcome: Units whose outcome is not 0.
        sums: (4,) of outcome, what it is per, outcome before, persons.
        products: (4, 4), sums of their products; symmetric.
    """

    n: int
    units: int
    with_outcome: int
    sums: tuple[float, ...]
    products: tuple[tuple[float, ...], ...]

    @property
    def rate(self) -> float:
        """The outcome per what it is counted per; 0 where there is none of it."""
        return self.sums[OUTCOME] / self.sums[PER] if self.sums[PER] else 0.0

    @property
    def worth(self) -> float:
        """As many units of equal size would say as much: half of all in one unit are worth four.

        Source: Kish (1965), "Survey Sampling", section 11.7; that robust errors need so many: Carter,
        Schnepel & Steigerwald (2017), "Asymptotic behavior of a t-test robust to cluster
        heterogeneity", Review of Economics and Statistics 99.
        """
        squares = self.products[PER][PER]
        return self.sums[PER] ** 2 / squares if squares else 0.0

    @property
    def is_worth_too_little(self) -> bool:
        """Whether the spread of the units says too little of the spread of means."""
        return min(self.units, self.worth) < FEWEST_UNITS - ROUNDING

    @property
    def is_enough(self) -> bool:
        """Whether a difference with this arm may be judged."""
        return not self.is_worth_too_little and self.with_outcome >= FEWEST

    @property
    def is_finite(self) -> bool:
        """Whether every sum is a number that can be reckoned with."""
        return all(isfinite(value) for row in (self.sums, *self.products) for value in row)

    @property
    def scores(self) -> Floats:
        """(2, 4): how a unit's sums make its score for the outcome, and for what was before."""
        scores = np.zeros((2, 4))
        means = np.array(self.sums) / self.units
        scores[0, OUTCOME], scores[0, PER] = 1 / means[PER], -self.rate / means[PER]
        scores[1, BEFORE] = 1 / means[PERSONS]
        scores[1, PERSONS] = -self.before / means[PERSONS]
        return scores

    @property
    def before(self) -> float:
        """The outcome before the exposure, per person."""
        return self.sums[BEFORE] / self.sums[PERSONS]

    @property
    def scatter(self) -> Floats:
        """(2, 2): sums of squares and products of the scores; their own sums are 0."""
        scores = self.scores
        return np.asarray(scores @ np.array(self.products) @ scores.T, dtype=np.float64)


def sample_of(row: Mapping[str, Any]) -> Sample:
    """One row of :data:`ADDED_UP`."""
    products = tuple(tuple(row[f"p{min(i, j)}{max(i, j)}"] for j in range(4)) for i in range(4))
    sums = tuple(row[f"s{i}"] for i in range(4))
    return Sample(row["n"], row["units"], row["with_outcome"], sums, products)


@dataclass(frozen=True, slots=True)
class Difference:
    """The outcome of an arm less the baseline's.

    Attributes:
        effect: The difference, adjusted for what was before.
        error: Its standard error.
        freedom: Degrees of freedom of the error.
        kept: Share of the variance that the adjustment left; 1 without one.
    """

    effect: float
    error: float
    freedom: float
    kept: float

    def interval(self, significance: float = SIGNIFICANCE) -> Interval:
        """The interval of the effect."""
        half = students(significance, self.freedom) * self.error
        return Interval(self.effect - half, self.effect + half)

    @property
    def p_value(self) -> float:
        """How often a difference this large arises by chance where there is none; two-sided."""
        from scipy import stats  # noqa: PLC0415 - takes a second, and definitions load without it

        if self.error == 0:
            return 1.0
        return float(2 * stats.t.sf(abs(self.effect) / self.error, self.freedom))

    @property
    def minimum_detectable(self) -> float:
        """The smallest absolute effect that so much noise reveals with 80 % power at 5 %."""
        return (critical_value(SIGNIFICANCE) + critical_value(2 * (1 - POWER))) * self.error


def design_effect(samples: Iterable[Sample]) -> float:
    """How much more shares of persons vary than if each had been drawn alone; at least 1.

    Five persons of a company that all do alike say as much as one. Source: Kish (1965), "Survey
    Sampling", section 5.4; rows of one segment, whose companies are of a kind.

    Args:
        samples: Arms with a share of persons as their outcome; those below two units say nothing.
    """
    told = [sample for sample in samples if sample.units > 1 and 0 < sample.rate < 1]
    alone = sum(sample.n * sample.rate * (1 - sample.rate) for sample in told)
    drawn = sum(
        sample.n**2 * _variance(np.array([1.0, 0.0]), sample.scatter, sample.units)
        for sample in told
    )
    return max(drawn / alone, 1.0) if alone else 1.0


def difference(arm: Sample, baseline: Sample) -> Difference:
    """Compare two arms; both have units, and some of what the outcome is counted per."""
    scatters = [arm.scatter, baseline.scatter]
    theta = _slope(scatters)
    take = np.array([1.0, -theta])
    adjusted = [_variance(take, s, x.units) for s, x in zip(scatters, (arm, baseline), strict=True)]
    plain = [
        _variance(np.array([1.0, 0.0]), s, x.units)
        for s, x in zip(scatters, (arm, baseline), strict=True)
    ]
    moved = theta * (arm.before - baseline.before) if theta else 0.0
    error, freedom = _error_and_freedom(adjusted, (arm.units, baseline.units))
    return Difference(
        effect=arm.rate - baseline.rate - moved,
        error=error,
        freedom=freedom,
        kept=sum(adjusted) / sum(plain) if sum(plain) else 1.0,
    )


def _slope(scatters: Sequence[Floats]) -> float:
    together = sum(scatters[1:], scatters[0])
    return float(together[0, 1] / together[1, 1]) if together[1, 1] > 0 else 0.0


def _variance(take: Floats, scatter: Floats, units: int) -> float:
    """Variance of an arm's mean; never below 0 by rounding."""
    squares = float(take @ scatter @ take)
    return max(squares, 0.0) / max(units - 1, 1) / units


def _error_and_freedom(variances: Sequence[float], units: Sequence[int]) -> tuple[float, float]:
    """Welch's; where arms are unequal, with the error of one variance for both if it is larger.

    A small arm seldom holds the few units that make most of a skewed sum, and then looks far less
    spread than it is: ``docs/measurements.md`` has how often alike sums are then called different. The
    larger error comes in step by step, so that no single unit decides which one counts; with Welch's
    freedom, the smaller of the two, the interval is never narrower than Welch's.
    """
    apart, freedom = sum(variances), _freedom(variances, units)
    weight = (max(units) / max(min(units), 1) - NEARLY_EQUAL) / (UNEQUAL - NEARLY_EQUAL)
    if weight <= 0 or sum(units) <= 2:
        return sqrt(apart), freedom
    squares = sum(v * u * max(u - 1, 1) for v, u in zip(variances, units, strict=True))
    together = squares / (sum(units) - 2) * sum(1 / u for u in units)
    return sqrt(apart + min(weight, 1.0) * max(together - apart, 0.0)), freedom


def _freedom(variances: Sequence[float], units: Sequence[int]) -> float:
    """Welch and Satterthwaite's."""
    below = sum(v**2 / max(u - 1, 1) for v, u in zip(variances, units, strict=True))
    return sum(variances) ** 2 / below if below else float(sum(units) - 2)


def lack_of(arm: Counts | Sample) -> str | None:
    """What an arm has too little of to be judged; None: nothing."""
    if isinstance(arm, Sample):
        return _lack_of_sample(arm)
    if arm.is_enough:
        return None
    if arm.n < FEWEST_TOLD:
        return f"{arm.n} and needs {FEWEST_TOLD} people for a figure to be shown"
    without = arm.n - arm.converted
    kind, few = ("with", arm.converted) if arm.converted < FEWEST else ("without", without)
    return f"{few} and needs {FEWEST} people {kind} the outcome"


def _lack_of_sample(arm: Sample) -> str | None:
    drawn = "people" if arm.units == arm.n else "companies and people"
    if arm.units < FEWEST_UNITS:
        return f"{arm.units} and needs {FEWEST_UNITS} {drawn}"
    if not arm.sums[PER]:
        return "none of what the outcome is counted per"
    if arm.is_worth_too_little:
        worth = min(round(arm.worth, 1), FEWEST_UNITS - 0.1)
        told = f"{arm.units} of such unequal size that they say no more than {worth:g}"
        return f"{told}, needs {FEWEST_UNITS}"
    return (
        None if arm.is_enough else f"{arm.with_outcome} and needs {FEWEST} {drawn} with the outcome"
    )
