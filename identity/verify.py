"""Hold the model to pairs whose truth other evidence proves, and correct its odds by them.

A birth date tells persons apart almost surely. Hidden from the model it is an examiner: among
pairs that the model, without it, gives a probability, as many must agree in birth date. By how far
they do not, in bits of odds, is the model's doubt about itself. It is applied to every pair, so
that the threshold keeps in truth what it keeps by the model's own account.

Source: the shift of the intercept in logistic recalibration, Steyerberg (2019), "Clinical
Prediction Models", ch. 15.
"""

from __future__ import annotations

import numpy as np

from identity.evidence import PairEvidence
from identity.judge import Mixture, judge_pairs
from identity.train import FieldParameters, Floats

_EXAMINER = "birth_date"
# Below, pairs are of no use to anybody; above, one slip in a birth date would weigh too much.
_FROM, _TO = 0.1, 0.995
_MOST_BITS = 3.0
# An examiner that errs more often judges nobody.
_MOST_SLIPS = 0.05
# An agreement that more of the pairs of strangers show proves nothing.
_MOST_CHANCE = 0.05
_CLOSEST = 1e-12


def measure_doubt(
    evidence: PairEvidence,
    fields: tuple[FieldParameters, ...],
    mixture: Mixture,
    *,
    least: int,
) -> float:
    """Return the bits by which the model's odds are to be shifted; 0 without enough proof.

    Args:
        evidence: All candidate pairs.
        fields: Parameters by which they are judged.
        mixture: The kinds of pairs that were found.
        least: Proven pairs of middling probability that are enough.
    """
    others = tuple(item for item in fields if item.name != _EXAMINER)
    examiner = next((item for item in fields if item.name == _EXAMINER), None)
    if not others or examiner is None:
        return 0.0
    levels = _telling_levels(examiner)
    by_chance, slips = sum(examiner.u[:levels]), sum(mixture.person.levels[_EXAMINER][levels:])
    if slips > _MOST_SLIPS:
        return 0.0
    examined = evidence.levels[_EXAMINER] >= 0
    shown = evidence.part(examined)
    probabilities = judge_pairs(shown, others, mixture)
    middling = (probabilities >= _FROM) & (probabilities <= _TO)
    if middling.sum() < least:
        return 0.0
    agree = shown.levels[_EXAMINER][middling] < levels
    right = (float(agree.mean()) - by_chance) / (1 - slips - by_chance)
    # Sorted, so that the mean is the same to the last digit whatever the order of the pairs.
    return _balancing_shift(np.sort(probabilities[middling]), right)


def _telling_levels(examiner: FieldParameters) -> int:
    """How many levels, from the strongest on, strangers seldom reach; all but "different" at most.

    Where a year alone is known and written as its first of January, two parts of three agree in all
    pairs: that tells nobody apart, and the same date does.
    """
    reached = np.cumsum(examiner.u[:-1])
    return int((reached <= _MOST_CHANCE).sum())


def shifted(probabilities: Floats, *, bits: float) -> Floats:
    """Return probabilities whose odds are multiplied by 2 to the bits."""
    if not bits:
        return probabilities
    bounded = np.clip(probabilities, _CLOSEST, 1 - _CLOSEST)
    odds = bounded / (1 - bounded) * 2.0**bits
    return np.asarray(odds / (1 + odds))


def _balancing_shift(probabilities: Floats, right: float) -> float:
    """The shift after which that share is expected to be right; by bisection."""
    low, high = -_MOST_BITS, _MOST_BITS
    for _ in range(40):
        middle = (low + high) / 2
        if shifted(probabilities, bits=middle).mean() < right:
            low = middle
        else:
            high = middle
    return (low + high) / 2
