"""What another policy would have earned, from decisions whose probabilities were logged. Pure.

Every estimate rests on the weight ``wanted / logged`` of a decision: how much more often the judged
policy would have done the same. Three estimates, each with a 95 % interval:

* *IPS*, the mean of weighted rewards: unbiased, and noisy where weights are large;
* *SNIPS*, the same divided by the mean weight: a little biased, far less noisy;
* *doubly robust*, a model's expectation plus the weighted rewards that it did not expect: right if
  either the probabilities or the model are.

An estimate is refused where it would be a guess: too few decisions or conversions of equal weight
behind it, an action that was never shown, probabilities that contradict the weights.

Sources:
    IPS: Horvitz & Thompson (1952), JASA 47. SNIPS: Swaminathan & Joachims (2015), NIPS.
    Doubly robust: Dudik, Langford & Li (2011), ICML; cross-fitting: Chernozhukov et al. (2018).
    Effective sample size: Kish (1965), "Survey Sampling", section 11.7.
    Interval: Wilson's (1927) for as many draws as the variance is worth, which keeps its level for
    rare events where the normal one does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from measurement.lift import SIGNIFICANCE, Floats, Interval, critical_value, students, wilson

Integers = NDArray[np.int64]
Estimator = Literal["ips", "snips", "doubly_robust"]

# Decisions and conversions of equal weight below which nothing is said: a standard error is then
# itself a guess. 25 conversions is what arms are compared from, too.
FEWEST_EFFECTIVE = 200
FEWEST_EFFECTIVE_CONVERTED = 25
# The mean weight is 1 where the logged probabilities are right; further off than this many standard
# errors by chance once in 16,000.
_MEAN_WEIGHT_ERRORS = 4.0
# Decisions of the average segment that a segment's own rate of an arm is mixed with.
_PRIOR = 20.0


@dataclass(frozen=True, slots=True)
class LoggedDecisions:
    """n decisions and what came of them; every array is (n,).

    Attributes:
        rewards: 0..1.
        logged: Probability with which the action was drawn, above 0.
        wanted: Probability with which the judged policy would have drawn it.
        is_unsupported: Whether the policy wants, in this place, an action that was never drawn.
    """

    rewards: Floats
    logged: Floats
    wanted: Floats
    is_unsupported: bool = False

    @property
    def weights(self) -> Floats:
        """How much more often the judged policy would have done the same."""
        return self.wanted / self.logged


@dataclass(frozen=True, slots=True)
class ExpectedRewards:
    """What a model expects of n decisions; arrays are (n,).

    Attributes:
        of_drawn: Of the action that was drawn.
        of_wanted: Of the judged policy, over all its actions.
    """

    of_drawn: Floats
    of_wanted: Floats


@dataclass(frozen=True, slots=True)
class PolicyValue:
    """The mean reward that a policy would have earned.

    Attributes:
        estimator: How it was estimated.
        value: The estimate; None without a decision.
        interval: 95 %.
        n: Decisions.
        converted: Of these, with a reward.
        effective_n: As many decisions of equal weight would say as much.
        effective_converted: Likewise the rewards.
        largest_weight: Of one decision, as a share of all weights.
        refusal: Why it must not be relied on, in words; None where it may be.
    """

    estimator: Estimator
    value: float | None
    interval: Interval | None
    n: int
    converted: int
    effective_n: float
    effective_converted: float
    largest_weight: float
    refusal: str | None


def judge_policy(
    decisions: LoggedDecisions, expected: ExpectedRewards | None = None
) -> tuple[PolicyValue, ...]:
    """Estimate by IPS, SNIPS and, where there is a model, doubly robust.

    Args:
        decisions: Each unit once.
        expected: Of a model that has not seen the decision it judges.
    """
    estimates: dict[Estimator, tuple[float, float]] = {
        "ips": _ips(decisions),
        "snips": _snips(decisions),
    }
    if expected is not None:
        estimates["doubly_robust"] = _doubly_robust(decisions, expected)
    return tuple(_told(name, decisions, *estimate) for name, estimate in estimates.items())


def expect_rewards(
    cells: Integers, actions: Integers, rewards: Floats, policy: Floats, *, seed: int = 0
) -> ExpectedRewards:
    """Rates of each action in each cell, learnt on the other half of the decisions.

    A cell's rate leans on the action's, and the action's on that of all, as far as they are few.

    Args:
        cells: (n,) segment of each decision, from 0.
        actions: (n,) action drawn, from 0.
        rewards: (n,).
        policy: (n, actions), what the judged policy draws at each decision; rows sum to 1.
        seed: Of the halves.
    """
    half = np.random.default_rng(seed).permutation(len(rewards)) % 2
    of_drawn, of_wanted = np.zeros(len(rewards)), np.zeros(len(rewards))
    shape = (int(cells.max(initial=0)) + 1, policy.shape[1])
    for side in (0, 1):
        learnt = _rates(cells[half != side], actions[half != side], rewards[half != side], shape)
        own = half == side
        of_drawn[own] = learnt[cells[own], actions[own]]
        of_wanted[own] = (learnt[cells[own]] * policy[own]).sum(axis=1)
    return ExpectedRewards(of_drawn, of_wanted)


def _rates(cells: Integers, actions: Integers, rewards: Floats, shape: tuple[int, int]) -> Floats:
    sums, counts = np.zeros(shape), np.zeros(shape)
    np.add.at(sums, (cells, actions), rewards)
    np.add.at(counts, (cells, actions), 1)
    overall = sums.sum() / max(counts.sum(), 1)
    by_action = (sums.sum(axis=0) + _PRIOR * overall) / (counts.sum(axis=0) + _PRIOR)
    return np.asarray((sums + _PRIOR * by_action) / (counts + _PRIOR), dtype=np.float64)


def _ips(decisions: LoggedDecisions) -> tuple[float, float]:
    return _mean_and_error(decisions.weights * decisions.rewards)


def _snips(decisions: LoggedDecisions) -> tuple[float, float]:
    weights = decisions.weights
    if not weights.sum():
        return 0.0, 0.0
    value = float((weights * decisions.rewards).sum() / weights.sum())
    rest = weights * (decisions.rewards - value)
    n = len(weights)
    return value, float(sqrt(n / max(n - 1, 1) * (rest**2).sum()) / weights.sum())


def _doubly_robust(decisions: LoggedDecisions, expected: ExpectedRewards) -> tuple[float, float]:
    surprise = decisions.weights * (decisions.rewards - expected.of_drawn)
    return _mean_and_error(expected.of_wanted + surprise)


def _mean_and_error(values: Floats) -> tuple[float, float]:
    if len(values) < 2:
        return float(values.sum()), 0.0
    return float(values.mean()), float(values.std(ddof=1) / sqrt(len(values)))


def _told(name: Estimator, decisions: LoggedDecisions, value: float, error: float) -> PolicyValue:
    weights = decisions.weights
    total = float(weights.sum())
    effective_n = _kish(weights)
    effective_converted = _kish(weights * decisions.rewards)
    is_there = bool(len(weights)) and total > 0
    return PolicyValue(
        estimator=name,
        value=value if is_there else None,
        interval=_interval(value, error, effective_converted) if is_there else None,
        n=len(weights),
        converted=int((decisions.rewards > 0).sum()),
        effective_n=effective_n,
        effective_converted=effective_converted,
        largest_weight=float(weights.max()) / total if is_there else 0.0,
        refusal=_refusal(decisions, effective_n, effective_converted),
    )


def _kish(weights: Floats) -> float:
    squares = float((weights**2).sum())
    return float(weights.sum()) ** 2 / squares if squares else 0.0


def _interval(value: float, error: float, freedom: float) -> Interval:
    """Wilson's, for the number of draws that have this standard error; else the normal one.

    The error is itself estimated from so many rewards, hence Student's t in place of the normal:
    without it, intervals of 30 conversions held 92.7 % of the time in place of 95 %.
    """
    z = critical_value(SIGNIFICANCE)
    wider = students(SIGNIFICANCE, max(freedom - 1, 1)) / z
    if 0 < value < 1 and error > 0:
        return wilson(value, value * (1 - value) / (error * wider) ** 2)
    return Interval(value - z * wider * error, value + z * wider * error)


def _refusal(
    decisions: LoggedDecisions, effective_n: float, effective_converted: float
) -> str | None:
    if decisions.is_unsupported:
        return "the policy would do what was never done: nothing is known of that"
    if effective_n < FEWEST_EFFECTIVE:
        return (
            f"the decisions are worth {effective_n:.0f} of equal weight, needs {FEWEST_EFFECTIVE}"
        )
    mean, error = _mean_and_error(decisions.weights)
    if error and abs(mean - 1) > _MEAN_WEIGHT_ERRORS * error:
        return (
            f"the weights average {mean:.2f}, not 1: the logged probabilities are not the true ones"
        )
    if effective_converted < FEWEST_EFFECTIVE_CONVERTED:
        return (
            f"{int((decisions.rewards > 0).sum())} conversions, worth {effective_converted:.0f} of "
            f"equal weight, needs {FEWEST_EFFECTIVE_CONVERTED}"
        )
    return None
