"""What was known a month ago, and what readers have turned to since: what backtests are made of.

Source of NDCG: Järvelin & Kekäläinen (2002), "Cumulated gain-based evaluation of IR techniques",
TOIS.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from personalization.interests import Method, ReadingModel, learn_interests
from personalization.readings import Catalogue, Floats, Integers, Readings, Scores, Views

HORIZON_DAYS = 30.0
DEPTH = 10
# Readers below whom a backtest says nothing; their gain's error is about .02.
FEWEST_JUDGED = 100
# Readers who are judged at most; the gain's error is .002 then.
MOST_JUDGED = 5_000
_RESAMPLES = 1_000
_SEED = 20_260_101
_DISCOUNTS = 1 / np.log2(np.arange(2, DEPTH + 2))


@dataclass(frozen=True, slots=True)
class Past:
    """Some days ago, over the n items that were published then.

    Attributes:
        days: How many.
        kept: Positions of these items in the catalogue of today.
        before: What was read by then.
        model: What there was to learn of it, item-kNN included.
        new: (readers, n), 1 where somebody has read for the first time since.
        again: Likewise, whether for the first time or again.
        standing: The method that a backtest put in use and that is still; None: there is none.
    """

    days: float
    catalogue: Catalogue
    kept: Integers
    before: Readings
    model: ReadingModel
    new: sparse.csr_matrix
    again: sparse.csr_matrix
    standing: Method | None = None


def look_back(
    catalogue: Catalogue,
    views: Views,
    *,
    half_life_days: float,
    popular_days: float | None = None,
    standing: Method | None = None,
) -> Past:
    """Forget what happened since :func:`horizon`.

    Args:
        catalogue: What is published today.
        views: All readings by today.
        half_life_days: See :meth:`Views.readings`.
        popular_days: Likewise.
        standing: The method in use, if a backtest chose it.
    """
    days = horizon(views)
    past, kept = catalogue.published(days_ago=days)
    known = views.readings(half_life_days=half_life_days, popular_days=popular_days, days_ago=days)
    before = _columns(known, kept)
    return Past(
        days=days,
        catalogue=past,
        kept=kept,
        before=before,
        model=learn_interests(past, before, standing=standing),
        new=views.new_readings(days_ago=days)[:, kept],
        again=views.readings_since(days_ago=days)[:, kept],
        standing=standing,
    )


def horizon(views: Views) -> float:
    """Days that are forgotten: the last month, or half of all days where there are few."""
    return min(HORIZON_DAYS, views.span_days / 2)


def judged_readers(later: sparse.csr_matrix, *, most: int = MOST_JUDGED) -> Integers:
    """Positions of readers who turned to something; of many every so-manieth."""
    found = np.flatnonzero(np.diff(later.indptr))
    return found[:: max(1, -(-len(found) // most))]


def batches(judged: Integers, size: int = 1_000) -> Iterator[Integers]:
    """Some of them at a time, so that dense arrays stay small."""
    return (judged[start : start + size] for start in range(0, len(judged), size))


def ndcg(ranked: Scores, relevant: Floats) -> Floats:
    """NDCG@10 of each person, 0..1; both arrays are (persons, items), relevant 0 or 1.

    Minus infinity is never ranked above a number; whoever has nothing relevant gets 0.
    """
    depth = min(DEPTH, ranked.shape[1])
    top = np.argpartition(ranked, -depth, axis=1)[:, -depth:]
    order = np.argsort(-np.take_along_axis(ranked, top, axis=1), axis=1, kind="stable")
    top = np.take_along_axis(top, order, axis=1)
    return ndcg_of_lists(np.take_along_axis(relevant, top, axis=1), relevant.sum(axis=1))


def ndcg_of_lists(found: Floats, relevant: Floats) -> Floats:
    """NDCG of lists over their places, at most 10.

    Args:
        found: (persons, places), 1 where the place holds something relevant.
        relevant: (persons,), how much there is in all.
    """
    depth = min(DEPTH, found.shape[1])
    gained = found[:, :depth] @ _DISCOUNTS[:depth]
    return np.asarray(gained / _most_gained(relevant.astype(np.int64), depth), dtype=np.float64)


def ndcg_of_ranks(ranks: Integers, of: Integers, relevant: Integers, *, items: int) -> Floats:
    """NDCG of persons' lists over ``items`` items, from where what is relevant stands.

    Args:
        ranks: (entries,), place of something relevant in its person's list, from 0.
        of: (entries,), the person.
        relevant: (persons,), how much there is in all.
        items: Of a list; no list is deeper.
    """
    depth = min(DEPTH, items)
    is_listed = ranks < depth
    gained = np.bincount(of[is_listed], _DISCOUNTS[ranks[is_listed]], minlength=len(relevant))
    return np.asarray(gained / _most_gained(relevant, depth), dtype=np.float64)


def _most_gained(relevant: Integers, depth: int) -> Floats:
    """What the best list would gain; 1 where nothing is relevant."""
    best = np.concatenate([[1.0], np.cumsum(_DISCOUNTS[:depth])])
    return np.asarray(best[np.minimum(relevant, depth)], dtype=np.float64)


def interval(values: Floats) -> tuple[float, float, float]:
    """The mean, and its 95 % interval by bootstrap over the values."""
    draws = np.random.default_rng(_SEED).integers(0, len(values), (_RESAMPLES, len(values)))
    low, high = np.quantile(values[draws].mean(axis=1), [0.025, 0.975]).tolist()
    return float(values.mean()), low, high


def _columns(readings: Readings, kept: Integers) -> Readings:
    """The readings of some items."""
    return replace(
        readings,
        counts=readings.counts[:, kept],
        recent=readings.recent[:, kept],
        liked=readings.liked[:, kept],
        depth=readings.depth[kept],
    )
