"""Rank so that a list holds the topics in the shares in which its reader reads them. Pure.

The best by score alone are nearly all of a reader's first topic, though they read of others too. Place
by place the item is taken with the most of

    (1 - strength) * score / best score + strength * p log((n + 1 + p) / (n + p))

where p is the share of the item's topic among what the reader is expected to read, and n how many of
the list are of that topic already. The second part is what the place takes off the Kullback-Leibler
divergence of the list's topics from the reader's; one imagined place, spread as the reader reads, keeps
it finite. All readers are worked on together, place after place.

Source: Steck (2018), "Calibrated recommendations", RecSys, section 4; the sum of logarithms is
submodular, so that taking the best each time comes near the best list.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from personalization.readings import Flags, Floats, Integers, Scores, Singles

# Items that are weighed for each place of a list: what is further down by score never gets up.
CANDIDATES = 4
_LAST = -1e6


@dataclass(frozen=True, slots=True)
class TopicShares:
    """What a batch of persons is expected to read of each topic.

    Attributes:
        of_item: (items,), position of each item's topic.
        shares: (persons, topics); rows sum to 1.
    """

    of_item: Integers
    shares: Floats


@dataclass(frozen=True, slots=True)
class CalibratedOrder:
    """Lists of a batch of persons; each array is (persons, at most size).

    Attributes:
        items: Positions of the items.
        is_lifted: Whether an item is there for its topic: by score it is not among so many.
        by_score: Positions of the items that would be listed by score alone.
    """

    items: Integers
    is_lifted: Flags
    by_score: Integers


def calibrated_order(
    keys: Scores, topics: TopicShares, given: Floats, *, size: int, strength: float
) -> CalibratedOrder:
    """The items of each person's list, best first.

    Args:
        keys: (persons, items), scores; minus infinity where not to be listed: these come last.
        topics: Of these items and persons.
        given: (persons, topics), places that are taken already, by pins.
        size: Places.
        strength: 0 ranks by score alone, 1 by topics alone.
    """
    candidates = best_first(keys, size * CANDIDATES)
    scores = np.take_along_axis(keys, candidates, axis=1).astype(np.float32)
    of_item = topics.of_item[candidates]
    worth = _worth(scores, np.float32(1 - strength))
    expected = topics.shares.astype(np.float32)
    taken = given.astype(np.float32)
    rows = np.arange(len(keys))
    places = np.zeros((len(keys), min(size, candidates.shape[1])), dtype=np.int64)
    is_lifted = np.zeros(places.shape, dtype=np.bool_)
    for place in range(places.shape[1]):
        gains = expected * np.log1p(1 / np.maximum(taken + expected, 1e-9))
        values = worth + strength * np.take_along_axis(gains, of_item, axis=1)
        found = values.argmax(axis=1)
        places[:, place], is_lifted[:, place] = candidates[rows, found], found >= size
        taken[rows, of_item[rows, found]] += 1
        worth[rows, found] = -np.inf
    return CalibratedOrder(places, is_lifted, candidates[:, :size])


def best_first(keys: Scores, size: int) -> Integers:
    """Positions of the largest of each row, in order; equal ones by their position."""
    size = min(size, keys.shape[1])
    parted = _largest(keys, size) if size else keys[:, :0].astype(np.int64)
    order = np.argsort(-np.take_along_axis(keys, parted, axis=1), axis=1, kind="stable")
    return np.asarray(np.take_along_axis(parted, order, axis=1), dtype=np.int64)


def _largest(keys: Scores, size: int) -> Integers:
    """Positions of the largest of each row, ascending; twice as fast as partitioning positions."""
    least = np.partition(keys, -size, axis=1)[:, -size, None]
    is_large = keys >= least
    has_ties = np.flatnonzero(np.count_nonzero(is_large, axis=1) > size)
    is_large[has_ties] = _without_last_ties(keys[has_ties], least[has_ties], size)
    found = (np.flatnonzero(is_large) % keys.shape[1]).reshape(len(keys), size)
    return np.asarray(found, dtype=np.int64)


def _without_last_ties(keys: Scores, least: Scores, size: int) -> Flags:
    """Which are taken of rows where more are equal to the least than there is room for: the first."""
    is_above, is_least = keys > least, keys == least
    room = size - np.count_nonzero(is_above, axis=1)[:, None]
    return np.asarray(is_above | (is_least & (is_least.cumsum(axis=1) <= room)), dtype=np.bool_)


def _worth(scores: Singles, part: np.float32) -> Singles:
    """Shares of the best score, times the part that scores have.

    A number far below all stands for minus infinity, so that what is not to be listed comes last and
    an item that was taken already never.
    """
    if not scores.shape[1]:
        return scores
    is_open = np.isfinite(scores)
    best = np.where(is_open[:, :1] & (scores[:, :1] > 0), scores[:, :1], 1)
    relative = part * np.where(is_open, scores, 0) / best
    return np.asarray(np.where(is_open, relative, _LAST), dtype=np.float32)
