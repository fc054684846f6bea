from __future__ import annotations

import numpy as np
import pytest

from prediction.config import Factor, RuleScore
from prediction.dataset import Examples, Flags, Floats
from prediction.rules import level_of, score_by_rule

RNG = np.random.default_rng(2)


def seen(values: Floats, did: Flags) -> Examples:
    n = len(did)
    return Examples(("b",), values, did, np.full(n, "training"), np.arange(n), "")


def test_a_rule_multiplies_the_odds_and_an_unknown_value_meets_no_factor() -> None:
    rule = RuleScore(base=0.2, factors=[Factor(feature="b", at_least=2, at_most=3, times=4)])

    found = score_by_rule(rule, ("a", "b"), np.array([[0, 1.0], [0, 2.0], [0, 4.0], [0, np.nan]]))

    assert found == pytest.approx([0.2, 0.5, 0.2, 0.2])


@pytest.mark.parametrize(("base", "share"), [(0.03, 0.3), (0.6, 0.05), (0.2, 0.2)])
def test_a_rule_expects_as_many_as_did_it(base: float, share: float) -> None:
    rule = RuleScore(base=base, factors=[Factor(feature="b", at_least=2, at_most=None, times=4)])
    values = RNG.integers(0, 4, size=(2_000, 1)).astype(float)
    level = level_of(rule, seen(values, np.arange(2_000) < 2_000 * share))

    found = score_by_rule(rule, ("b",), values, level=level)

    assert found.mean() == pytest.approx(share, rel=0.06)


def test_a_rule_stands_where_nobody_was_looked_at_and_moves_little_for_few() -> None:
    rule, values = RuleScore(base=0.02, factors=[]), np.zeros((20, 1))

    assert level_of(rule, seen(values[:0], np.zeros(0, dtype=bool))) == 0
    nobody, one = (level_of(rule, seen(values, np.arange(20) < did)) for did in (0, 1))
    assert -0.4 < nobody < 0 < one < 0.6


def test_a_rule_that_expects_far_too_many_is_moved_as_far_as_it_goes() -> None:
    rule, values = RuleScore(base=0.5, factors=[]), np.zeros((200_000, 1))

    assert level_of(rule, seen(values, np.zeros(200_000, dtype=bool))) == -10
