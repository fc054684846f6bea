"""The score that answers while there is too little to learn from: odds, multiplied."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy import optimize, special

from prediction.config import Factor, RuleScore
from prediction.dataset import Examples, Floats

# Levels are steps of a tenth of the log odds, so that a person more or less seldom moves a score.
_STEP = 0.1
# No rule is moved further than this, which is 22,000 times the odds or as small a part of them.
_FURTHEST = 10.0


def score_by_rule(
    rule: RuleScore, features: Sequence[str], values: Floats, *, level: float = 0.0
) -> Floats:
    """Probabilities of (n, features), the log odds moved by ``level``; an unknown value meets no factor."""
    return _probabilities(_log_odds(rule, features, values), level)


def level_of(rule: RuleScore, examples: Examples) -> float:
    """By how much the rule's log odds are moved, so that it expects as many as did it.

    The declared probabilities count as much as people of whom they expect one; where nobody was
    looked at, they stand.
    """
    if not len(examples):
        return 0.0
    declared = _log_odds(rule, examples.features, examples.values)
    expected = _probabilities(declared, 0.0).mean()
    wanted = (examples.outcomes.sum() + 1) / (len(examples) + 1 / expected)

    def excess(level: float) -> float:
        return float(_probabilities(declared, level).mean() - wanted)

    if excess(_FURTHEST) <= 0 or excess(-_FURTHEST) >= 0:
        return math.copysign(_FURTHEST, -excess(0.0))
    return round(round(optimize.brentq(excess, -_FURTHEST, _FURTHEST) / _STEP) * _STEP, 1)


def _log_odds(rule: RuleScore, features: Sequence[str], values: Floats) -> Floats:
    found = special.logit(rule.base) + contributions(rule, features, values).sum(axis=1)
    return np.asarray(found, dtype=np.float64)


def _probabilities(log_odds: Floats, level: float) -> Floats:
    return np.asarray(special.expit(log_odds + level), dtype=np.float64)


def contributions(rule: RuleScore, features: Sequence[str], values: Floats) -> Floats:
    """What each feature adds to the log odds; (n, features)."""
    found = np.zeros(values.shape)
    for factor in rule.factors:
        column = features.index(factor.feature)
        found[:, column] += np.where(_holds(factor, values[:, column]), np.log(factor.times), 0.0)
    return found


def _holds(factor: Factor, values: Floats) -> Floats:
    known = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        low = known if factor.at_least is None else values >= factor.at_least
        high = known if factor.at_most is None else values <= factor.at_most
    return np.asarray(known & low & high)
