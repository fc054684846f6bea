"""How good probabilities are: do they rank, and do they mean what they say.

Sources: AUC as the Mann-Whitney statistic, Hanley & McNeil (1982); calibration slope and
intercept, Cox (1958); expected calibration error over bins of equal size, Naeini et al. (2015);
percentile bootstrap, Efron & Tibshirani (1993).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np
from scipy import special, stats

from prediction.dataset import Flags, Floats
from prediction.newton import minimise

BINS = 10
# Percentile intervals of 400 draws stray by about .005 of AUC at 100 positives: below what matters.
BOOTSTRAPS = 400
SIMULATIONS = 100
_TINY = 1e-9


@dataclass(frozen=True, slots=True)
class Interval:
    """A 95 % interval."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Bin:
    """People with similar scores.

    Attributes:
        people: How many.
        predicted: Mean score.
        observed: Share who did it.
    """

    people: int
    predicted: float
    observed: float


@dataclass(frozen=True, slots=True)
class Metrics:
    """What the scores of one later period come to.

    Attributes:
        people: Persons judged.
        positives: Of these, who did it.
        base_rate: Their share.
        auc: Chance that one who did it has the higher score, .5 is guessing.
        auc_interval: By bootstrap over persons.
        log_loss: Mean negative log likelihood, in nats.
        brier: Mean squared error.
        ece: Expected calibration error over ten bins of equal size.
        ece_by_chance: What ``ece`` would be, on average, if every score were exactly right.
        slope: Of the log odds; 1 is right, below 1 is overconfident.
        slope_interval: By its standard error.
        lift: Share who did it in the top tenth, in multiples of the base rate.
        lift_interval: By bootstrap.
        bins: From the lowest scores to the highest.
    """

    people: int
    positives: int
    base_rate: float
    auc: float
    auc_interval: Interval
    log_loss: float
    brier: float
    ece: float
    ece_by_chance: float
    slope: float
    slope_interval: Interval
    lift: float
    lift_interval: Interval
    bins: tuple[Bin, ...]

    @property
    def tells_apart(self) -> bool:
        """Whether scores differ: else how well they rank, and their slope, cannot be told."""
        return bool(np.isfinite(self.slope_interval.high))

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return asdict(self)


def measure(scores: Floats, outcomes: Flags, *, seed: int) -> Metrics:
    """Judge scores by outcomes; both kinds of outcome must be among them.

    Args:
        scores: (n,), probabilities.
        outcomes: (n,), whether it happened; each person once.
        seed: Of bootstrap and simulation.
    """
    clipped = np.clip(scores, _TINY, 1 - _TINY)
    slope, error = calibration_slope(clipped, outcomes)
    return Metrics(
        people=len(scores),
        positives=int(outcomes.sum()),
        base_rate=float(outcomes.mean()),
        auc=auc(scores, outcomes),
        auc_interval=bootstrap(auc, scores, outcomes, seed=seed),
        log_loss=log_loss(clipped, outcomes),
        brier=float(np.mean((scores - outcomes) ** 2)),
        ece=expected_calibration_error(scores, outcomes),
        ece_by_chance=_ece_by_chance(scores, seed),
        slope=slope,
        slope_interval=Interval(slope - 1.96 * error, slope + 1.96 * error),
        lift=top_decile_lift(scores, outcomes),
        lift_interval=bootstrap(top_decile_lift, scores, outcomes, seed=seed),
        bins=calibration_bins(scores, outcomes),
    )


def auc(scores: Floats, outcomes: Flags) -> float:
    """Area under the ROC curve; .5 where only one kind of outcome is there."""
    positives = int(outcomes.sum())
    negatives = len(outcomes) - positives
    if not positives or not negatives:
        return 0.5
    ranks = stats.rankdata(scores)[outcomes].sum()
    return float((ranks - positives * (positives + 1) / 2) / (positives * negatives))


def log_loss(scores: Floats, outcomes: Flags) -> float:
    """Mean negative log likelihood, in nats."""
    clipped = np.clip(scores, _TINY, 1 - _TINY)
    return float(-np.mean(np.where(outcomes, np.log(clipped), np.log1p(-clipped))))


def expected_calibration_error(scores: Floats, outcomes: Flags) -> float:
    """Mean distance between predicted and observed share over ten bins of equal size."""
    return float(
        sum(b.people * abs(b.predicted - b.observed) for b in calibration_bins(scores, outcomes))
        / len(scores)
    )


def calibration_bins(scores: Floats, outcomes: Flags) -> tuple[Bin, ...]:
    """Ten bins of equal size, from the lowest scores to the highest."""
    order = np.argsort(scores, kind="stable")
    parts = [part for part in np.array_split(order, BINS) if len(part)]
    return tuple(
        Bin(len(part), float(scores[part].mean()), float(outcomes[part].mean())) for part in parts
    )


def top_decile_lift(scores: Floats, outcomes: Flags) -> float:
    """Share who did it in the top tenth over the share of all; ties share their place."""
    if not outcomes.any():
        return 1.0
    size = max(1, len(scores) // 10)
    edge = np.partition(scores, -size)[-size]
    above, at = scores > edge, scores == edge
    found = outcomes[above].sum() + (size - above.sum()) * outcomes[at].mean()
    return float(found / size / outcomes.mean())


def calibration_slope(scores: Floats, outcomes: Flags) -> tuple[float, float]:
    """Slope of the outcomes' log odds over the scores', with its standard error."""
    logits = special.logit(np.clip(scores, _TINY, 1 - _TINY))
    if np.ptp(logits) < _TINY:
        return 0.0, np.inf
    centre, spread = logits.mean(), logits.std()
    design = np.column_stack([np.ones(len(logits)), (logits - centre) / spread])
    # It starts from scores that are right.
    weights = minimise(design, outcomes, np.full(2, _TINY), np.array([centre, spread]))
    expected = special.expit(design @ weights)
    information = (design * (expected * (1 - expected))[:, None]).T @ design
    covariance = np.linalg.inv(information + _TINY * np.eye(2))
    return float(weights[1] / spread), float(np.sqrt(covariance[1, 1]) / spread)


def bootstrap(
    statistic: Callable[[Floats, Flags], float], scores: Floats, outcomes: Flags, *, seed: int
) -> Interval:
    """Percentile interval of a statistic over persons drawn with replacement."""
    rng = np.random.default_rng(seed)
    draws = (rng.integers(0, len(scores), len(scores)) for _ in range(BOOTSTRAPS))
    found = [statistic(scores[rows], outcomes[rows]) for rows in draws]
    low, high = np.percentile(found, [2.5, 97.5])
    return Interval(float(low), float(high))


def auc_gain(better: Floats, worse: Floats, outcomes: Flags, *, seed: int) -> Interval:
    """Interval of the difference of two scores' AUC on the same persons."""
    rng = np.random.default_rng(seed)
    draws = (rng.integers(0, len(outcomes), len(outcomes)) for _ in range(BOOTSTRAPS))
    found = [auc(better[r], outcomes[r]) - auc(worse[r], outcomes[r]) for r in draws]
    low, high = np.percentile(found, [2.5, 97.5])
    return Interval(float(low), float(high))


def loss_gain(new: Floats, old: Floats, outcomes: Flags, *, seed: int) -> Interval:
    """Interval of the mean by which the new scores lose more log likelihood, in nats per person."""
    clipped = [np.clip(scores, _TINY, 1 - _TINY) for scores in (new, old)]
    lost = [-np.where(outcomes, np.log(scores), np.log1p(-scores)) for scores in clipped]
    worse, rng = lost[0] - lost[1], np.random.default_rng(seed)
    found = [worse[rng.integers(0, len(worse), len(worse))].mean() for _ in range(BOOTSTRAPS)]
    low, high = np.percentile(found, [2.5, 97.5])
    return Interval(float(low), float(high))


def _ece_by_chance(scores: Floats, seed: int) -> float:
    rng = np.random.default_rng(seed)
    simulated = (rng.random(len(scores)) < scores for _ in range(SIMULATIONS))
    return float(np.mean([expected_calibration_error(scores, drawn) for drawn in simulated]))
