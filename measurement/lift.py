"""Judge differences between arms: effect, interval, verdict. Pure; no warehouse.

Sources:
    Interval of a difference of proportions: Newcombe (1998), "Interval estimation for the
    difference between independent proportions", Statistics in Medicine 17, method 10.
    Two-sided test: the score test with the pooled proportion (chi-square without correction).
    Shrinkage: normal-normal empirical Bayes with the corrections of Morris (1983), "Parametric
    empirical Bayes inference", JASA 78; variance between segments by Paule & Mandel (1982),
    J. Res. NBS 87. Many segments: Benjamini & Hochberg (1995).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from types import ModuleType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Verdict = Literal["helped", "harmed", "cannot_tell"]
Floats = NDArray[np.float64]

SIGNIFICANCE = 0.05
POWER = 0.8
# Below 10 persons with or 10 without the outcome in an arm, the normal approximation of the
# test misleads: Brown, Cai & DasGupta (2001), Statistical Science 16.
FEWEST = 10
# A figure of fewer people tells of each of them, and little else: it is not shown.
FEWEST_TOLD = 10
# A sample-ratio alarm must be rare, since it stops the reading of a whole experiment: Fabijan
# et al. (2019), "Diagnosing Sample Ratio Mismatch", KDD.
SAMPLE_RATIO_ALARM = 0.001


@dataclass(frozen=True, slots=True)
class Counts:
    """Persons in one arm and those of them with the outcome."""

    n: int
    converted: int

    @property
    def rate(self) -> float:
        """Share with the outcome; 0 where there is nobody."""
        return self.converted / self.n if self.n else 0.0

    @property
    def is_enough(self) -> bool:
        """Whether a difference with this arm may be judged."""
        return min(self.converted, self.n - self.converted) >= FEWEST


@dataclass(frozen=True, slots=True)
class Interval:
    """A 95 % interval."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Shrunken:
    """Effects drawn towards each other by as much as their noise explains their spread.

    Attributes:
        effects: Posterior means, in the order of the input.
        intervals: 95 % intervals of these.
        heterogeneity_p: Cochran's Q: how often so much spread arises where no segment differs.
        tau_squared: Variance between segments; 0 means no evidence that segments differ.
    """

    effects: tuple[float, ...]
    intervals: tuple[Interval, ...]
    heterogeneity_p: float
    tau_squared: float


def difference_interval(
    arm: Counts, baseline: Counts, significance: float = SIGNIFICANCE
) -> Interval:
    """The interval of ``arm.rate - baseline.rate`` (Newcombe's method 10), inside -1..1."""
    effect = arm.rate - baseline.rate
    own, other = (wilson(c.rate, c.n, significance) for c in (arm, baseline))
    below = sqrt((arm.rate - own.low) ** 2 + (other.high - baseline.rate) ** 2)
    above = sqrt((own.high - arm.rate) ** 2 + (baseline.rate - other.low) ** 2)
    return Interval(effect - below, effect + above)


def wilson_interval(counts: Counts) -> Interval:
    """The interval of one proportion."""
    return wilson(counts.rate, counts.n)


def wilson(rate: float, draws: float, significance: float = SIGNIFICANCE) -> Interval:
    """The interval of a rate that is worth so many draws. Source: Wilson (1927), JASA 22."""
    z, n, p = critical_value(significance), draws, rate
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return Interval(max(0.0, centre - half), min(1.0, centre + half))


def difference_p_value(arm: Counts, baseline: Counts) -> float:
    """How often a difference this large arises by chance where there is none; two-sided."""
    pooled = (arm.converted + baseline.converted) / (arm.n + baseline.n)
    error = sqrt(pooled * (1 - pooled) * (1 / arm.n + 1 / baseline.n))
    if error == 0:
        return 1.0
    return float(2 * _stats().norm.sf(abs(arm.rate - baseline.rate) / error))


def difference_variance(arm: Counts, baseline: Counts) -> float:
    """Variance of the difference; one success and failure added, so that it is never 0.

    Source: Agresti & Caffo (2000), The American Statistician 54.
    """
    return sum(
        (c.converted + 1) * (c.n - c.converted + 1) / (c.n + 2) ** 3 for c in (arm, baseline)
    )


def minimum_detectable(arm: Counts, baseline: Counts) -> float:
    """The smallest absolute effect that these sizes reveal with 80 % power at 5 %.

    Source: the usual normal approximation, e.g. Fleiss, Levin & Paik (2003), section 4.
    """
    return smallest_difference(baseline.rate, (arm.n, baseline.n))


def smallest_difference(rate: float, sizes: tuple[float, float]) -> float:
    """The same of a rate, and of arms of these sizes."""
    return float(
        (critical_value(SIGNIFICANCE) + _stats().norm.ppf(POWER))
        * sqrt(rate * (1 - rate) * sum(1 / size for size in sizes))
    )


def sample_ratio_p_value(found: Mapping[str, int], shares: Mapping[str, float]) -> float | None:
    """Whether the arms have the sizes that were intended (chi-square); None when not testable.

    Args:
        found: Persons by arm.
        shares: Intended share by arm, together 1; persons in other arms are left out.
    """
    total = sum(found.get(arm, 0) for arm in shares)
    if total == 0 or len(shares) < 2:
        return None
    observed = [found.get(arm, 0) for arm in shares]
    expected = [share / sum(shares.values()) * total for share in shares.values()]
    return float(_stats().chisquare(observed, expected).pvalue)


def is_ratio_broken(p_value: float | None) -> bool:
    """Whether arms' sizes are so unlikely that assignment or logging must have gone wrong."""
    return p_value is not None and p_value < SAMPLE_RATIO_ALARM


def shrink(effects: Sequence[float], variances: Sequence[float]) -> Shrunken:
    """Draw noisy effects towards their common mean; three or fewer stay as they are.

    Args:
        effects: At least one.
        variances: Of these, above 0, in the same order.
    """
    y, v = np.asarray(effects, dtype=np.float64), np.asarray(variances, dtype=np.float64)
    tau_squared = paule_mandel(y, v)
    weights = 1 / (v + tau_squared)
    mean = float(np.average(y, weights=weights))
    # The variance between segments is itself estimated: fewer degrees of freedom, and a share of
    # the distance moved is added to the error. Without this, 95 % intervals held 88 %.
    moved = max(len(y) - 3, 0) / max(len(y) - 1, 1) * v / (v + tau_squared)
    posterior = y + moved * (mean - y)
    uncertain = 2 / max(len(y) - 3, 1) * (moved * (y - mean)) ** 2
    errors = np.sqrt((1 - moved) * v + moved**2 / weights.sum() + uncertain)
    halves = critical_value(SIGNIFICANCE) * errors
    return Shrunken(
        effects=tuple(map(float, posterior)),
        intervals=tuple(
            Interval(float(a), float(b))
            for a, b in zip(posterior - halves, posterior + halves, strict=True)
        ),
        heterogeneity_p=float(_stats().chi2.sf(_spread(0.0, y, v), max(len(y) - 1, 1))),
        tau_squared=tau_squared,
    )


def paule_mandel(effects: Floats, variances: Floats) -> float:
    """The variance between segments at which the weighted spread is what chance expects."""
    freedom = len(effects) - 1
    if freedom < 1 or _spread(0.0, effects, variances) <= freedom:
        return 0.0
    ceiling = float(np.ptp(effects)) ** 2 + float(variances.max())
    while _spread(ceiling, effects, variances) > freedom:
        ceiling *= 2
    root = _optimize().brentq(lambda t: _spread(t, effects, variances) - freedom, 0.0, ceiling)
    return float(root)


def give_away(
    told: Sequence[tuple[str, str, str, float]], *, everybody: str
) -> frozenset[tuple[str, str]]:
    """The arms and segments to hide, so that what is told leaves nobody or at least 10 by subtraction.

    Whoever is in no segment counts as hidden too. The arm's smallest segment that is told goes first.

    Args:
        told: Table, arm, segment and persons of every figure that is told, of several tables at
            once: what one of them hides, another may tell.
        everybody: The segment of all.

    Source: complementary suppression, Hundepool et al. (2012), "Statistical Disclosure Control".
    """
    hidden: set[tuple[str, str]] = set()
    while found := min(_near_few(told, hidden, everybody), default=None):
        hidden.add(found[1:])
    return frozenset(hidden)


def _near_few(
    told: Sequence[tuple[str, str, str, float]], hidden: set[tuple[str, str]], everybody: str
) -> Iterator[tuple[float, str, str]]:
    """Size, arm and segment of all that is told of an arm of which fewer than 10 are left."""
    sizes: dict[tuple[str, str], dict[str, float]] = {}
    for table, arm, segment, n in told:
        if (arm, segment) not in hidden:
            sizes.setdefault((table, arm), {})[segment] = n
    for (_, arm), of_arm in sizes.items():
        left = of_arm.pop(everybody, 0) - sum(of_arm.values())
        if 0 < left < FEWEST_TOLD:
            yield from ((n, arm, segment) for segment, n in of_arm.items())


def corrected(p_values: Sequence[float]) -> tuple[float, ...]:
    """Benjamini and Hochberg's q-values, in the order of the input."""
    return tuple(map(float, _stats().false_discovery_control(p_values))) if p_values else ()


def _spread(tau_squared: float, effects: Floats, variances: Floats) -> float:
    weights = 1 / (variances + tau_squared)
    mean = np.average(effects, weights=weights)
    return float((weights * (effects - mean) ** 2).sum())


def _stats() -> ModuleType:
    from scipy import stats  # noqa: PLC0415 - takes a second, and definitions load without it

    return stats


def _optimize() -> ModuleType:
    from scipy import optimize  # noqa: PLC0415 - as above

    return optimize


def critical_value(significance: float) -> float:
    """How many standard errors a two-sided interval of a normal estimate reaches."""
    return float(_stats().norm.ppf(1 - significance / 2))


def students(significance: float, freedom: float) -> float:
    """The same where the error is estimated with so many degrees of freedom (Student's t)."""
    return float(_stats().t.ppf(1 - significance / 2, freedom))
