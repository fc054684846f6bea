from __future__ import annotations

import numpy as np
import pytest

from prediction.dataset import Examples
from prediction.sparse import find_telling, train_sparse

ALL = np.ones(40, dtype=np.bool_)


def draw(n: int, strength: float, *, seed: int) -> Examples:
    """Forty features, of which the first three tell who does it and the fourth says the same."""
    rng = np.random.default_rng(seed)
    values = rng.poisson(2.0, (n, 40)).astype(float)
    values[:, 3] = values[:, 0] + rng.poisson(0.2, n)
    odds = strength * (np.log1p(values[:, :3]) - 1.0).sum(axis=1) - 2.0
    outcomes = rng.random(n) < 1 / (1 + np.exp(-odds))
    names = tuple(f"f{number}" for number in range(40))
    return Examples(names, values, outcomes, np.full(n, "training"), np.arange(n), "")


def test_only_features_that_tell_something_are_kept() -> None:
    kept = np.flatnonzero(find_telling(draw(6_000, 1.0, seed=1), use=ALL, seed=0))

    assert {0, 1, 2} <= set(kept.tolist())
    assert len(kept) <= 6


@pytest.mark.parametrize("seed", range(5))
def test_where_nothing_tells_hardly_anything_is_kept(seed: int) -> None:
    assert find_telling(draw(3_000, 0.0, seed=seed), use=ALL, seed=0).sum() <= 1


def test_what_may_not_be_used_is_not_used() -> None:
    use = ALL.copy()
    use[1] = False

    model = train_sparse(draw(3_000, 1.0, seed=2), use=use, seed=0)

    assert "f1" not in model.used
    assert "f0" in model.used


def test_whose_absence_tells_is_kept() -> None:
    examples = draw(4_000, 0.0, seed=3)
    rng = np.random.default_rng(4)
    examples.values[:, 7] = 1.0
    examples.values[rng.random(4_000) < np.where(examples.outcomes, 0.6, 0.2), 7] = np.nan

    assert find_telling(examples, use=ALL, seed=0)[7]


def test_where_nothing_tells_every_feature_is_used() -> None:
    examples = draw(400, 0.0, seed=5)

    assert not find_telling(examples, use=ALL, seed=0).any()
    assert len(train_sparse(examples, use=ALL, seed=0).used) == 40
