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

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from measurement import Counts

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
        p_harmful: Probability that the baseline converts more; 0 for the baseline.
    """

    effect: float
    p_best: float
    p_harmful: float


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
    shares = model.spread_weights()
    found: dict[str, dict[str, ArmBelief]] = {}
    for number, segment in enumerate(segments):
        draws = np.concatenate(
            [
                model.draws(number, tau, max(round(share * _DRAWS), 1))
                for tau, share in zip(model.grid, shares, strict=True)
                if share > 1 / _DRAWS
            ]
        )
        found[segment] = _beliefs(is_better * draws, arms, arms.index(baseline), is_better)
    return found


def probabilities(beliefs: Mapping[str, ArmBelief], *, floor: float) -> dict[str, float]:
    """How often each arm is to be shown; together 1.

    An arm that is very likely harmful is not shown at all; every other one at least as often as
    the floor says, so that what is believed of it can still be found wrong.
    """
    open_arms = [arm for arm, belief in beliefs.items() if belief.p_harmful < HARMFUL]
    total = sum(beliefs[arm].p_best for arm in open_arms)
    spare = 1 - floor * len(open_arms)
    return {
        arm: floor + spare * (beliefs[arm].p_best / total if total else 1 / len(open_arms))
        if arm in open_arms
        else 0.0
        for arm in beliefs
    }


def _says_something(counts: Counts, design_effect: float) -> bool:
    n, converted = counts.n / design_effect, counts.converted / design_effect
    return n >= FEWEST_PERSONS and converted >= FEWEST_CONVERTED


def _noise(n: float, converted: float) -> float:
    """Variance of a rate, one success and one failure added: nobody converted proves nothing."""
    return (converted + 1) * (n - converted + 1) / (n + 2) ** 3


def _beliefs(
    draws: Floats, arms: Sequence[str], baseline: int, is_better: float
) -> dict[str, ArmBelief]:
    best = np.bincount(draws.argmax(axis=1), minlength=len(arms)) / len(draws)
    lead = draws - draws[:, [baseline]]
    return {
        arm: ArmBelief(
            effect=float(is_better * lead[:, number].mean()),
            p_best=float(best[number]),
            p_harmful=float((lead[:, number] < 0).mean()),
        )
        for number, arm in enumerate(arms)
    }


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

    def spread_weights(self) -> Floats:
        """Posterior share of each spread of the grid; they add up to 1."""
        scale = self.grid[-1] / 4
        logs = np.array(
            [self._log_likelihood(tau) - np.log1p((tau / scale) ** 2) for tau in self.grid]
        )
        weights = np.exp(logs - logs.max())
        return np.asarray(weights / weights.sum(), dtype=np.float64)

    def draws(self, segment: int, tau: float, count: int) -> Floats:
        """Rates of the segment's arms as they may be, ``count`` times, always the same ones."""
        mean, covariance = self._posterior(segment, tau)
        generator = np.random.default_rng([segment, count])
        return generator.multivariate_normal(mean, covariance, size=count, method="eigh")

    def _fit(self, tau: float) -> tuple[Floats, Floats, Floats]:
        """Weights, covariance of the fixed part, and its estimate."""
        weights = 1 / (self.noise + tau**2)
        precision = self.fixed.T @ (weights[:, None] * self.fixed)
        covariance: Floats = np.asarray(np.linalg.pinv(precision), dtype=np.float64)
        return weights, covariance, covariance @ (self.fixed.T @ (weights * self.rates))

    def _log_likelihood(self, tau: float) -> float:
        weights, covariance, estimate = self._fit(tau)
        rest = self.rates - self.fixed @ estimate
        known = self.fixed.any(axis=0)  # of a segment that nobody met, the base says nothing
        determinant = np.linalg.slogdet(np.linalg.pinv(covariance)[np.ix_(known, known)])[1]
        return float(0.5 * (np.log(weights).sum() - determinant - (weights * rest**2).sum()))

    def _posterior(self, segment: int, tau: float) -> tuple[Floats, Floats]:
        """Mean and covariance of the rates of a segment's arms."""
        weights, covariance, estimate = self._fit(tau)
        wanted, cells = self.wanted[segment], np.array(self.cells[segment])
        is_met = cells >= 0
        kept = np.zeros(len(cells))
        kept[is_met] = tau**2 * weights[cells[is_met]]
        rest = np.zeros(len(cells))
        rest[is_met] = (self.rates - self.fixed @ estimate)[cells[is_met]]
        left = (1 - kept)[:, None] * wanted
        own = tau**2 * (1 - kept)
        return wanted @ estimate + kept * rest, left @ covariance @ left.T + np.diag(own)
