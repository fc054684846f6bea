from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import dirichlet_multinomial

from prediction.mixture import CLOSENESS, Mixture, draw_alike, fit

SIZES = (6, 3)


def draw_tastes(n: int, closeness: float, *, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two groups of readers, each with tastes of their own around those of the group."""
    rng = np.random.default_rng(seed)
    kinds = rng.integers(0, 2, n)
    topics = np.array([[9, 6, 1, 1, 1, 2], [1, 2, 9, 6, 1, 1]]) / 20
    tastes = np.array([rng.dirichlet(closeness * topics[kind]) for kind in kinds])
    types = np.array([[0.6, 0.3, 0.1], [0.2, 0.3, 0.5]])
    items = 5 + rng.poisson(10, n)
    counts = np.hstack([rng.multinomial(items, tastes), rng.multinomial(items, types[kinds])])
    return counts.astype(float), kinds


def test_memberships_are_those_of_the_textbook() -> None:
    counts, _ = draw_tastes(40, 10.0, seed=1)
    mixture = fit(counts, SIZES, 2, np.random.default_rng(1), starts=2)

    logs = np.log(mixture.weights) + sum(
        np.column_stack([
            dirichlet_multinomial.logpmf(
                counts[:, columns].astype(int), closeness * shares, counts[:, columns].sum(1).astype(int)
            )
            for shares in mixture.shares[:, columns]
        ])
        for columns, closeness in zip((slice(0, 6), slice(6, 9)), mixture.closeness, strict=True)
    )  # fmt: skip
    expected = np.exp(logs) / np.exp(logs).sum(axis=1, keepdims=True)

    assert mixture.memberships(counts) == pytest.approx(expected)


def test_how_close_readers_are_to_their_group_is_learnt() -> None:
    counts, kinds = draw_tastes(3_000, 8.0, seed=2)

    mixture = fit(counts, SIZES, 2, np.random.default_rng(2), starts=3)

    assert 6 < mixture.closeness[0] < 11
    assert mixture.closeness[1] > 60
    same = np.mean(mixture.assign(counts) == kinds)
    assert max(same, 1 - same) > 0.9


def test_readers_of_one_taste_each_around_the_same_are_no_groups() -> None:
    rng = np.random.default_rng(3)
    counts = rng.multinomial(12, rng.dirichlet(np.full(6, 1.0), 2_000)).astype(float)

    mixture = fit(counts, (6,), 3, rng, starts=3)
    null = fit(draw_alike(counts, (6,), rng), (6,), 3, rng, starts=3)

    assert abs(mixture.gain - null.gain) < 0.02


def test_who_read_nothing_has_the_shares_of_the_groups() -> None:
    mixture = Mixture(
        np.array([0.7, 0.3]),
        np.array([[0.5, 0.5], [0.1, 0.9]]),
        0.0,
        np.array([CLOSENESS[1]]),
        (2,),
    )

    assert mixture.memberships(np.zeros((1, 2))) == pytest.approx(np.array([[0.7, 0.3]]))
