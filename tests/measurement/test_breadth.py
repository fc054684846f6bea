"""How much of the content people meet, by hand and by chance; without a warehouse."""

from __future__ import annotations

import numpy as np
import pytest

from measurement import (
    BreadthFinding,
    ReadersOfContent,
    Sample,
    compare_gini,
    compare_means,
    gini,
)
from measurement.breadth import HIDDEN
from measurement.lift import Floats


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        pytest.param([3, 3, 3, 3], 0.0, id="all-alike"),
        pytest.param([0, 0, 0, 8], 0.75, id="one-has-all"),
        # Mean absolute difference of all pairs 20 / 16, over twice the mean 2.5.
        pytest.param([1, 2, 3, 4], 0.25, id="one-to-four"),
        pytest.param([0, 0], 0.0, id="nobody"),
    ],
)
def test_gini_is_that_of_the_textbook(counts: list[float], expected: float) -> None:
    assert gini(np.array(counts, dtype=np.float64)) == pytest.approx(expected)


def _sample(topics: list[float]) -> Sample:
    rows = np.stack([topics, np.ones(len(topics)), np.zeros(len(topics)), np.ones(len(topics))])
    sums, products = rows.sum(axis=1), rows @ rows.T
    return Sample(
        len(topics), len(topics), int(np.count_nonzero(topics)),
        tuple(sums.tolist()), tuple(map(tuple, products.tolist())),
    )  # fmt: skip


def test_topics_per_reader_differ_by_what_the_means_do() -> None:
    found = compare_means(
        "topics_per_reader", "readings", _sample([2, 4] * 100), _sample([1, 3] * 50)
    )

    # Variances 1 * 200/199 and 1 * 100/99, so the error is sqrt(1/199 + 1/99).
    assert (found.value, found.value_held_out, found.effect) == (3.0, 2.0, 1.0)
    assert found.interval is not None
    assert found.interval.high - 1 == pytest.approx(1.97 * (1 / 199 + 1 / 99) ** 0.5, rel=0.01)
    assert found.verdict == "wider"


def test_too_few_readers_say_which_side_lacks_them() -> None:
    found = compare_means("topics_per_reader", "readings", _sample([2, 4] * 20), _sample([1] * 9))

    assert (found.value, found.value_held_out, found.effect) == (3.0, None, None)
    assert found.verdict == "cannot_tell"
    assert found.reason == f"too few yet: the held-out are 9 and 30 are needed; {HIDDEN}"


def _readings(
    rng: np.random.Generator, chosen: np.ndarray, held_out: np.ndarray
) -> ReadersOfContent:
    """Of 400 who are chosen for and 100 who are held out, four readings each, with these chances."""
    of = np.arange(500) < 400
    items = [rng.choice(20, 4, replace=False, p=chosen if is_it else held_out) for is_it in of]
    return ReadersOfContent(
        np.repeat(np.arange(500), 4), np.concatenate(items), np.ones(2_000), ~of, 21
    )


def test_fewer_readers_alone_do_not_look_less_even() -> None:
    """Half as many readings make Gini's coefficient larger by themselves."""
    alike = np.full(20, 0.05)

    found = [
        compare_gini(_readings(np.random.default_rng([3, run]), alike, alike)) for run in range(4)
    ]

    assert np.mean([f.effect for f in found]) == pytest.approx(0.0, abs=0.03)
    assert sum(f.verdict != "cannot_tell" for f in found) <= 1


def test_readers_who_crowd_on_few_items_are_found() -> None:
    crowded = np.linspace(1, 20, 20) ** 2

    found = compare_gini(
        _readings(np.random.default_rng(4), crowded / crowded.sum(), np.full(20, 0.05))
    )

    assert found.verdict == "narrower"
    assert found.interval is not None
    assert 0 < found.interval.low < (found.effect or 0.0)


def test_the_interval_is_as_wide_as_chance_makes_the_difference() -> None:
    """Few readings of much content: with units drawn twice, as a bootstrap does, it is a third too narrow."""
    chances = 2 / np.arange(1, 301) / (1 / np.arange(1, 301)).sum()

    found = [_sparse(np.random.default_rng([5, run]), chances) for run in range(50)]

    effects = [one.effect or 0.0 for one in found]
    told = (
        np.mean([one.interval.high - one.interval.low for one in found if one.interval]) / 2 / 1.96
    )
    assert told == pytest.approx(np.std(effects, ddof=1), rel=0.25)
    assert sum(one.verdict != "cannot_tell" for one in found) <= 5


def _sparse(rng: np.random.Generator, chances: Floats) -> BreadthFinding:
    """1,000 who read each item with these chances, of whom 100 are held out."""
    units, items = np.nonzero(rng.random((1_000, len(chances))) < chances)
    readers, units = np.unique(units, return_inverse=True)
    is_held_out = (rng.permutation(1_000) < 100)[readers]
    return compare_gini(
        ReadersOfContent(units, items, np.ones(len(items)), is_held_out, len(chances))
    )
