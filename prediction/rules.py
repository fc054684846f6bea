"""The score that answers while there is too little to learn from: odds, multiplied."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import special

from prediction.config import Factor, RuleScore
from prediction.dataset import Floats


def score_by_rule(rule: RuleScore, features: Sequence[str], values: Floats) -> Floats:
    """Probabilities of (n, features); an unknown value meets no factor."""
    logits = np.full(len(values), special.logit(rule.base))
    return np.asarray(
        special.expit(logits + contributions(rule, features, values).sum(axis=1)), dtype=np.float64
    )


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
