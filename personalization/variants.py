"""How likely each variant is the best one in each segment. Pure; no warehouse.

The share of people who convert is, in segment g under arm a,
``base_g + effect_a + deviation_ga``: what the segment does anyway, what the arm changes everywhere,
and how far the segment differs in that. Deviations are drawn from a normal distribution whose
spread is learnt from the data, so a small segment leans on all others, and a large one on itself.

Sources:
    Normal hierarchical model, its spread integrated over a grid with a half-Cauchy prior: Gelman
    (2006), "Prior distributions for variance parameters in hierarchical models", Bayesian Analysis 1.
    Choosing an arm as often as it is the best: Thompson (1933), Biometrika 25; Chapelle & Li (2011).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from measurement import Counts
from personalization.two_arms import Pair

Floats = NDArray[np.float64]

# Fewer persons or conversions in an arm say next to nothing about it: Adobe Journey Optimizer asks
# for the same before it prefers one offer to another.
FEWEST_PERSONS, FEWEST_CONVERTED = 250, 25
# An arm that is worse than the baseline with this probability is shown no more.
HARMFUL = 0.975
_DRAWN_ALONE: Mapping[str, float] = {}
_DRAWS = 4096
_GRID = 60


@dataclass(frozen=True, slots=True)
class ArmBelief:
    """What is believed of one arm in one segment.

    Attributes:
        effect: Expected rate less the baseline's in the segment; 0 for the baseline.
        p_best: Probability that no other arm converts more.
        p_harmful: Probability that the baseline converts more; 0 for the baseline. Where too few met
            the two arms for rates to be taken for normal, as it is elsewhere: what an arm does in all
            segments, and how far segments differ.
        p_harmful_alone: The same by the segment's own people alone; None: of the baseline, and where
            fewer than ``FEWEST_HERE`` met either arm.
    """

    effect: float
    p_best: float
    p_harmful: float
    p_harmful_alone: float | None


Table = Mapping[str, Mapping[str, Counts]]
Beliefs = Mapping[str, Mapping[str, ArmBelief]]


def is_enough(
    counts: Mapping[str, Counts], arms: Sequence[str], *, design_effect: float = 1.0
) -> bool:
    """Whether at least two arms have met enough people, and converted enough, to be compared.

    Args:
        counts: By arm.
        arms: Those that matter.
        design_effect: So many persons say as much as one who was drawn alone.
    """
    known = [arm for arm in arms if arm in counts and _says_something(counts[arm], design_effect)]
    return len(known) >= 2


def believe(
    table: Table,
    arms: Sequence[str],
    *,
    baseline: str,
    is_better: float = 1.0,
    design_effects: Mapping[str, float] = _DRAWN_ALONE,
) -> Beliefs:
    """What the counts say of each arm in each segment, all segments taken together.

    Args:
        table: Counts by segment and arm; a segment may lack arms, or have none.
        arms: At least two, the baseline among them.
        baseline: The arm that others are judged against.
        is_better: 1 where more conversions are better, -1 where fewer are.
        design_effects: By segment, how much more its rates vary than if each person had been drawn
            alone; 1 where it is not named.
    """
    segments = sorted(table)
    model = _Model.of(table, segments, arms, baseline, design_effects)
    fits = model.fits()
    shares = model.spread_weights(fits)
    found: dict[str, dict[str, ArmBelief]] = {}
    for number, segment in enumerate(segments):
        met, wider = table[segment], design_effects.get(segment, 1.0)
        pairs = {arm: Pair.of(met, arm, baseline, wider) for arm in arms if arm != baseline}
        found[segment] = _beliefs(
            is_better * model.all_draws(number, fits, shares), arms, baseline, is_better,
            {arm: pair.harmful(is_better) for arm, pair in pairs.items()},
        )  # fmt: skip
        few = [arm for arm, pair in pairs.items() if not pair.is_normal]
        if few:
            elsewhere = is_better * model.all_draws(number, fits, shares, is_own=False)
            harmful = _harmful(elsewhere, arms.index(baseline))
            for arm in few:
                p_harmful = float(harmful[arms.index(arm)])
                found[segment][arm] = replace(found[segment][arm], p_harmful=p_harmful)
    return found


def judged_anew(
    beliefs: Mapping[str, ArmBelief],
    since: Mapping[str, Mapping[str, Counts] | None],
    *,
    baseline: str,
    is_better: float = 1.0,
    design_effect: float = 1.0,
) -> dict[str, ArmBelief]:
    """The same beliefs, where an arm is judged anew by those alone who came since.

    Args:
        beliefs: Of the arms of one segment.
        since: By arm: counts of all arms there since then; None: everybody counts.
        baseline: The arm that others are judged against.
        is_better: 1 where more conversions are better, -1 where fewer are.
        design_effect: So many persons say as much as one who was drawn alone.
    """
    return {
        arm: belief
        if (counts := since.get(arm)) is None or arm == baseline
        else replace(
            belief,
            p_harmful_alone=Pair.of(counts, arm, baseline, design_effect).harmful(is_better),
        )
        for arm, belief in beliefs.items()
    }


def probabilities(
    beliefs: Mapping[str, ArmBelief],
    *,
    floor: float,
    paused: Collection[str] = (),
    paused_share: float = 0.0,
    at_least: Mapping[str, float] = _DRAWN_ALONE,
    left: float = 1.0,
) -> dict[str, float]:
    """How often each arm is to be shown; together ``left``.

    An arm that is very likely harmful is not shown at all; every other one at least as often as
    the floor says, so that what is believed of it can still be found wrong.

    Args:
        beliefs: Of each arm; the baseline is among them and neither harmful nor paused.
        floor: Least share of an arm that is neither.
        paused: Arms that are probably harmful.
        paused_share: What each of these is shown to.
        at_least: Of an arm that is tried, a higher least share; never more than an equal one.
        left: What other arms, of which nothing is believed, leave.
    """
    off = [arm for arm, belief in beliefs.items() if belief.p_harmful >= HARMFUL]
    paused_arms = [arm for arm in beliefs if arm in paused and arm not in off]
    open_arms = [arm for arm in beliefs if arm not in off and arm not in paused_arms]
    total = sum(beliefs[arm].p_best for arm in open_arms)
    least = {arm: max(floor, min(at_least.get(arm, 0), left / len(beliefs))) for arm in open_arms}
    spare = left - sum(least.values()) - paused_share * len(paused_arms)
    shares = dict.fromkeys(off, 0.0) | dict.fromkeys(paused_arms, paused_share)
    return shares | {
        arm: least[arm] + spare * (beliefs[arm].p_best / total if total else 1 / len(open_arms))
        for arm in open_arms
    }


def _says_something(counts: Counts, design_effect: float) -> bool:
    n, converted = counts.n / design_effect, counts.converted / design_effect
    return n >= FEWEST_PERSONS and converted >= FEWEST_CONVERTED


def _noise(n: float, converted: float) -> float:
    """Variance of a rate, one success and one failure added: nobody converted proves nothing."""
    return (converted + 1) * (n - converted + 1) / (n + 2) ** 3


def _harmful(draws: Floats, baseline: int) -> Floats:
    return np.asarray((draws < draws[:, [baseline]]).mean(axis=0), dtype=np.float64)


def _beliefs(
    draws: Floats,
    arms: Sequence[str],
    baseline: str,
    is_better: float,
    alone: Mapping[str, float | None],
) -> dict[str, ArmBelief]:
    best = np.bincount(draws.argmax(axis=1), minlength=len(arms)) / len(draws)
    lead = draws.mean(axis=0) - draws[:, arms.index(baseline)].mean()
    harmful = _harmful(draws, arms.index(baseline))
    return {
        arm: ArmBelief(
            effect=float(is_better * lead[number]),
            p_best=float(best[number]),
            p_harmful=float(harmful[number]),
            p_harmful_alone=alone.get(arm),
        )
        for number, arm in enumerate(arms)
    }


@dataclass(frozen=True, slots=True)
class _Fit:
    """The fixed part of the model where the deviations spread by ``tau``.

    Attributes:
        tau: Standard deviation of the deviations.
        weights: Of the rates, the inverse of their variances.
        precision: Of the fixed part; of what nobody met it has rows of zeros.
        covariance: Its pseudo-inverse.
        estimate: Bases of the segments and effects of the arms.
    """

    tau: float
    weights: Floats
    precision: Floats
    covariance: Floats
    estimate: Floats


@dataclass(frozen=True, slots=True)
class _Model:
    """``rates = fixed @ (base, effects) + deviations + noise``, one row per segment and arm.

    Attributes:
        rates: Shares that converted.
        noise: Their variances.
        fixed: Design of the segments' bases and the arms' effects.
        wanted: By segment: the rows of ``fixed`` for all arms.
        cells: By segment: where each arm is in ``rates``; -1 where it was not met.
        grid: Spreads of the deviations to consider.
    """

    rates: Floats
    noise: Floats
    fixed: Floats
    wanted: tuple[Floats, ...]
    cells: tuple[tuple[int, ...], ...]
    grid: Floats

    @classmethod
    def of(
        cls,
        table: Table,
        segments: Sequence[str],
        arms: Sequence[str],
        baseline: str,
        design_effects: Mapping[str, float],
    ) -> _Model:
        others = [arm for arm in arms if arm != baseline]
        rows, wanted, cells = [], [], []
        met: list[Counts] = []
        wider: list[float] = []
        for number, segment in enumerate(segments):
            design = np.zeros((len(arms), len(segments) + len(others)))
            design[:, number] = 1
            for place, arm in enumerate(arms):
                if arm != baseline:
                    design[place, len(segments) + others.index(arm)] = 1
            wanted.append(design)
            there = [arm for arm in arms if table[segment].get(arm, Counts(0, 0)).n]
            cells.append(tuple(len(met) + there.index(arm) if arm in there else -1 for arm in arms))
            met += [table[segment][arm] for arm in there]
            wider += [design_effects.get(segment, 1.0)] * len(there)
            rows += [design[arms.index(arm)] for arm in there]
        rates = np.array([counts.rate for counts in met])
        noise = np.array(
            [_noise(c.n / d, c.converted / d) for c, d in zip(met, wider, strict=True)]
        )
        scale = max(float(rates.mean()), float(np.sqrt(noise.min())))
        return cls(rates, noise, np.array(rows), tuple(wanted), tuple(cells),
                   np.linspace(0, 2 * scale, _GRID))  # fmt: skip

    def fits(self) -> tuple[_Fit, ...]:
        """The fixed part for each spread of the grid."""
        weights = 1 / (self.noise + self.grid[:, None] ** 2)
        precision = (self.fixed.T * weights[:, None, :]) @ self.fixed
        covariance = np.linalg.pinv(precision)
        estimate = covariance @ ((weights * self.rates) @ self.fixed)[:, :, None]
        return tuple(
            _Fit(float(self.grid[n]), weights[n], precision[n], covariance[n], estimate[n, :, 0])
            for n in range(len(self.grid))
        )

    def spread_weights(self, fits: Sequence[_Fit]) -> Floats:
        """Posterior share of each spread of the grid; they add up to 1."""
        scale = self.grid[-1] / 4
        logs = np.array(
            [self._log_likelihood(fit) - np.log1p((fit.tau / scale) ** 2) for fit in fits]
        )
        weights = np.exp(logs - logs.max())
        return np.asarray(weights / weights.sum(), dtype=np.float64)

    def all_draws(
        self, segment: int, fits: Sequence[_Fit], shares: Floats, *, is_own: bool = True
    ) -> Floats:
        """Rates of the segment's arms as they may be, by all spreads as likely as each is.

        ``is_own``: how far the segment differs is learnt of its own people too.
        """
        return np.concatenate(
            [
                self._draws(segment, fit, max(round(share * _DRAWS), 1), is_own=is_own)
                for fit, share in zip(fits, shares, strict=True)
                if share > 1 / _DRAWS
            ]
        )

    def _draws(self, segment: int, fit: _Fit, count: int, *, is_own: bool) -> Floats:
        """``count`` of them by one spread, always the same ones."""
        mean, covariance = self._posterior(segment, fit, is_own=is_own)
        generator = np.random.default_rng([segment, count])
        return generator.multivariate_normal(mean, covariance, size=count, method="eigh")

    def _log_likelihood(self, fit: _Fit) -> float:
        rest = self.rates - self.fixed @ fit.estimate
        known = self.fixed.any(axis=0)  # of a segment that nobody met, the base says nothing
        determinant = np.linalg.slogdet(fit.precision[np.ix_(known, known)])[1]
        logs = np.log(fit.weights).sum() - determinant - (fit.weights * rest**2).sum()
        return float(0.5 * logs)

    def _posterior(self, segment: int, fit: _Fit, *, is_own: bool) -> tuple[Floats, Floats]:
        """Mean and covariance of the rates of a segment's arms."""
        tau, weights, estimate = fit.tau, fit.weights, fit.estimate
        wanted, cells = self.wanted[segment], np.array(self.cells[segment])
        is_met = (cells >= 0) & is_own
        kept = np.zeros(len(cells))
        kept[is_met] = tau**2 * weights[cells[is_met]]
        rest = np.zeros(len(cells))
        rest[is_met] = (self.rates - self.fixed @ estimate)[cells[is_met]]
        left = (1 - kept)[:, None] * wanted
        own = tau**2 * (1 - kept)
        return wanted @ estimate + kept * rest, left @ fit.covariance @ left.T + np.diag(own)
