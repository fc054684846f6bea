"""Group readers by what they read and when: a mixture of Dirichlet multinomials, one per facet.

Counts of a few items per person are no points in space: five readings of one topic say more than
one, and the mixture knows it. Nor does everybody in a group read alike: each reader has tastes of
their own, drawn around those of the group, and how close around is learnt for each facet. On the
data pack Fernhill that finds the planted personas of readers of five items or more better than the
same tastes for all of a group do, and k-means on shares does worst (``docs/adr/0023``).

Source: Holmes, Harris & Quince (2012), "Dirichlet multinomial mixtures"; EM, Dempster, Laird &
Rubin (1977); fixed point of the M step, Minka (2000), "Estimating a Dirichlet distribution"; the
shared start from k-means on Hellinger-scaled shares.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse
from scipy.cluster.vq import kmeans2

from prediction.dataset import Flags, Floats, Integers

ITERATIONS = 150
# So many passes show which start is the best; it alone climbs to the top (Biernacki, Celeux &
# Govaert (2003), "Choosing starting values for the EM algorithm").
FIRST_ITERATIONS = 6
# EM ends when a pass gains less than this per reader, in nats: the groups do not move any more.
TOLERANCE = 1e-4
# Readings that each group borrows from the average reader, per value of a facet.
SMOOTHING = 1.0
# How close readers are to their group: at 1 each has a taste of their own, at 1,000 all have one.
CLOSENESS = (1.0, 1_000.0)
FIRST_CLOSENESS = 30.0


@dataclass(frozen=True, slots=True)
class Mixture:
    """k groups of readers.

    Attributes:
        weights: (k,), share of each group; sums to 1.
        shares: (k, v), within each facet what a group reads; each facet's shares sum to 1.
        gain: Log likelihood per reader above that of one group for all, in nats.
        closeness: One for each facet, how close readers are to their group: the sum of the
            Dirichlet's parameters.
        sizes: How many values each facet has; together v.
    """

    weights: Floats
    shares: Floats
    gain: float
    closeness: Floats
    sizes: tuple[int, ...]

    @property
    def k(self) -> int:
        """How many groups."""
        return len(self.weights)

    def memberships(self, counts: Floats) -> Floats:
        """Probability of each group for each reader, (n, k); rows sum to 1."""
        return _normalised(self.likelihoods(_Steps.of(counts, self.sizes)))[0]

    def likelihoods(self, steps: _Steps) -> Floats:
        """Log probability of each reader's counts and each group, (n, k)."""
        return np.asarray(np.log(self.weights) + steps.taken @ self._logs(steps))

    def sureness(self, counts: Floats) -> float:
        """How likely, on average, a reader belongs to the likeliest group."""
        return float(self.memberships(counts).max(axis=1).mean())

    def draw(self, counts: Floats, rng: np.random.Generator) -> Floats:
        """Readers who read as much as these do, each of a group that this one may belong to."""
        chances = self.memberships(counts).cumsum(axis=1)
        groups = (chances < rng.random((len(counts), 1))).sum(axis=1).clip(max=self.k - 1)
        first = _starts(self.sizes)[1:]
        blocks, shares = np.split(counts, first, axis=1), np.split(self.shares, first, axis=1)
        drawn = [np.empty_like(block) for block in blocks]
        for group in range(self.k):
            rows = groups == group
            for number, closeness in enumerate(self.closeness):
                tastes = rng.dirichlet(closeness * shares[number][group], int(rows.sum()))
                totals = blocks[number][rows].sum(axis=1).astype(np.int64)
                drawn[number][rows] = rng.multinomial(totals, tastes)
        return np.hstack(drawn)

    def assign(self, counts: Floats) -> Integers:
        """The likeliest group of each reader."""
        return np.asarray(self.memberships(counts).argmax(axis=1), dtype=np.int64)

    def _logs(self, steps: _Steps) -> Floats:
        logs = np.log(self._weight_of(steps) + steps.levels[:, None])
        logs[steps.is_total] *= -1
        return logs

    def _weight_of(self, steps: _Steps) -> Floats:
        """The Dirichlet's parameter (or their sum) behind each step, (steps, k)."""
        each = self.shares.T * np.repeat(self.closeness, self.sizes)[:, None]
        whole = np.repeat(self.closeness[:, None], self.k, axis=1)
        return np.vstack([each, whole])[steps.columns]

    def improved(self, steps: _Steps, groups: Floats, pooled: Floats) -> Mixture:
        """The parameters that make these memberships likelier: one pass of EM.

        Of a reader's counts of a value only those count in full that the group explains and not
        the reader's own taste: the expected number of the Dirichlet's draws from the group.
        """
        each = self._weight_of(steps)
        drawn = (steps.taken.T @ groups) * each / (each + steps.levels[:, None])
        told = np.zeros((len(self.shares.T) + len(self.sizes), self.k))
        np.add.at(told, steps.columns, drawn)
        values = told[: len(self.shares.T)]
        size = groups.sum(axis=0)
        borrowed = SMOOTHING * pooled * np.repeat(self.sizes, self.sizes)
        return Mixture(
            weights=(size + 1) / (size.sum() + self.k),
            shares=_shares(self.sizes, values.T + borrowed),
            gain=self.gain,
            closeness=self._closer(steps, drawn, each),
            sizes=self.sizes,
        )

    def _closer(self, steps: _Steps, drawn: Floats, each: Floats) -> Floats:
        """One step of Newton's method on the log of each facet's closeness, at most by half."""
        signs = np.where(steps.is_total, -1.0, 1.0)[:, None]
        bends = drawn * steps.levels[:, None] / (each + steps.levels[:, None])
        slope, bend = (
            np.bincount(steps.facets, (signs * part).sum(axis=1), len(self.sizes))
            for part in (drawn, bends)
        )
        move = np.where(bend < 0, -slope / np.minimum(bend, -1e-9), np.sign(slope))
        moved = self.closeness * np.exp(np.clip(move, -0.7, 0.7))
        return np.asarray(np.clip(moved, *CLOSENESS), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class _Steps:
    """Counts as steps: a count of 3 is the steps 0, 1 and 2 of its column.

    The log likelihood of a Dirichlet multinomial is a sum over them, without gamma functions.

    Attributes:
        taken: (n, steps), 1 where the reader's count goes beyond the step.
        columns: Of each step its value, or v + its facet where it is one of the facet's total.
        levels: Of each step its number, from 0.
        facets: Of each step its facet.
        is_total: Whether it is one of a facet's total.
    """

    taken: sparse.csr_array
    columns: Integers
    levels: Floats
    facets: Integers
    is_total: Flags

    @classmethod
    def of(cls, counts: Floats, sizes: Sequence[int]) -> _Steps:
        """Take counts apart, (n, v)."""
        whole = np.hstack([counts, np.add.reduceat(counts, _starts(sizes), axis=1)])
        highest = whole.max(axis=0, initial=0).astype(np.int64)
        firsts = np.concatenate([[0], np.cumsum(highest)])
        readers, columns = np.nonzero(whole)
        times = whole[readers, columns].astype(np.int64)
        rows = np.repeat(readers, times)
        within = np.arange(len(rows)) - np.repeat(np.cumsum(times) - times, times)
        places = np.repeat(firsts[columns], times) + within
        taken = sparse.csr_array(
            (np.ones(len(rows)), (rows, places)), shape=(len(counts), int(firsts[-1]))
        )
        step_columns = np.repeat(np.arange(whole.shape[1]), highest)
        levels = np.arange(firsts[-1]) - firsts[:-1][step_columns]
        facets = np.concatenate([np.repeat(np.arange(len(sizes)), sizes), np.arange(len(sizes))])
        is_total = step_columns >= counts.shape[1]
        return cls(taken, step_columns, levels.astype(np.float64), facets[step_columns], is_total)


def fit(
    counts: Floats, facets: Sequence[int], k: int, rng: np.random.Generator, *, starts: int
) -> Mixture:
    """The likeliest of several fits.

    Args:
        counts: (n, v), items read by each reader of each value, facet by facet.
        facets: How many values each facet has; together v.
        k: Groups.
        rng: Draws the starts.
        starts: How many fits.
    """
    sizes = tuple(facets)
    steps, pooled = _Steps.of(counts, sizes), _shares(sizes, counts.sum(axis=0, keepdims=True))
    alone = _alone(steps, sizes, pooled)
    first = (
        _climb(
            steps,
            _seeded(sizes, pooled, k),
            _start(counts, sizes, k, rng),
            pooled,
            at_most=FIRST_ITERATIONS,
        )
        for _ in range(starts)
    )
    best = max(first, key=lambda found: found.gain)
    top = _climb(steps, best, _normalised(best.likelihoods(steps))[0], pooled)
    return replace(top, gain=top.gain - alone.gain)


def draw_alike(counts: Floats, facets: Sequence[int], rng: np.random.Generator) -> Floats:
    """Readers who read as much as these do, their tastes spread around one and the same."""
    sizes = tuple(facets)
    pooled = _shares(sizes, counts.sum(axis=0, keepdims=True))
    return _alone(_Steps.of(counts, sizes), sizes, pooled).draw(counts, rng)


def _climb(
    steps: _Steps, found: Mixture, groups: Floats, pooled: Floats, *, at_most: int = ITERATIONS
) -> Mixture:
    """EM from these memberships; the gain is the log likelihood per reader."""
    before = likelihood = -np.inf
    for _ in range(at_most):
        found = found.improved(steps, groups, pooled)
        groups, likelihood = _normalised(found.likelihoods(steps))
        if likelihood - before < TOLERANCE:
            break
        before = likelihood
    return replace(found, gain=likelihood)


def _alone(steps: _Steps, sizes: tuple[int, ...], pooled: Floats) -> Mixture:
    """One group for all."""
    everybody = np.ones((steps.taken.shape[0], 1))
    return _climb(steps, _seeded(sizes, pooled, 1), everybody, pooled)


def _seeded(sizes: tuple[int, ...], pooled: Floats, k: int) -> Mixture:
    closeness = np.full(len(sizes), FIRST_CLOSENESS)
    return Mixture(np.full(k, 1 / k), np.repeat(pooled, k, axis=0), 0.0, closeness, sizes)


def _start(counts: Floats, facets: Sequence[int], k: int, rng: np.random.Generator) -> Floats:
    blocks = np.split(counts, _starts(facets)[1:], axis=1)
    points = np.hstack(
        [np.sqrt(block / np.maximum(block.sum(axis=1, keepdims=True), 1)) for block in blocks]
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an empty cluster is a bad start, not a fault
        _, labels = kmeans2(points, k, iter=10, minit="++", rng=rng)
    return np.asarray(np.eye(k)[labels] * 0.8 + 0.2 / k, dtype=np.float64)


def _starts(sizes: Sequence[int]) -> Integers:
    """The first column of each facet."""
    return np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)


def _shares(facets: Sequence[int], found: Floats) -> Floats:
    blocks = np.split(np.maximum(found, 1e-9), _starts(facets)[1:], axis=1)
    return np.hstack([block / block.sum(axis=1, keepdims=True) for block in blocks])


def _normalised(logs: Floats) -> tuple[Floats, float]:
    """Rows to probabilities, and the mean log of their sums."""
    top = logs.max(axis=1, keepdims=True)
    scaled = np.exp(logs - top)
    totals = scaled.sum(axis=1, keepdims=True)
    return scaled / totals, float((np.log(totals) + top).mean())
