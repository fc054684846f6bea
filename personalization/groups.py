"""Find groups of readers with alike tastes, and lean on them where a person has read little. Pure.

A mixture of Dirichlet-multinomials: each group has mean shares of every facet's values, and its
members scatter about them. What a person has read says which groups are likely theirs; expected
shares are those of the groups, weighted by that, mixed with the person's own. One group is everybody.

Sources: Holmes, Harris & Quince (2012), "Dirichlet multinomial mixtures", PLoS ONE 7(2);
Minka (2000), "Estimating a Dirichlet distribution".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln, logsumexp

from personalization.readings import Floats
from personalization.standing import least

# How many groups are tried; which is best is judged on readers who did not teach them.
NUMBERS = (1, 3, 6, 9)
# Readers who teach; more change the shares by less than the draws of the start do.
MOST_READERS = 4_000
# Readers below which there is one group. As for personas: 300.
FEWEST_READERS = 300
_STARTS = 3
_ROUNDS = 40
# Gain of the mean log-likelihood below which the rounds end.
_ENOUGH = 1e-3
# Readings of everybody that each group starts with, for each facet.
_BASE_READINGS = 3.0


@dataclass(frozen=True, slots=True)
class Tastes:
    """Readings of n persons by the values of each facet.

    Attributes:
        counts: Of each facet (n, values), decayed readings.
        concentration: Of each facet the readings of its group that a member's own are mixed with.
    """

    counts: Mapping[str, Floats]
    concentration: Mapping[str, float]

    def __len__(self) -> int:
        return len(next(iter(self.counts.values())))

    def of(self, rows: slice) -> Tastes:
        """Some of the persons."""
        return Tastes({name: c[rows] for name, c in self.counts.items()}, self.concentration)


@dataclass(frozen=True, slots=True)
class ReaderGroups:
    """Groups of readers.

    Attributes:
        weights: Share of the readers in each; sums to 1.
        shares: Of each facet (groups, values); rows sum to 1.
    """

    weights: Floats
    shares: Mapping[str, Floats]

    def __len__(self) -> int:
        return len(self.weights)

    def expected(self, tastes: Tastes) -> Mapping[str, Floats]:
        """Shares of the groups that each person is likely of: for each facet (n, values)."""
        likely, _ = _responsibilities(self, tastes)
        return {name: likely @ shares for name, shares in self.shares.items()}


def find_groups(
    tastes: Tastes, everybody: Mapping[str, Floats], *, stays: bool = False
) -> ReaderGroups:
    """Find as many groups as describe other readers best; deterministic.

    Args:
        tastes: Of persons who have read something.
        everybody: Shares of each facet's values, the only group where readers are few.
        stays: Whether groups are in use already: then fewer readers are enough.
    """
    tastes = tastes.of(slice(None, None, max(1, -(-len(tastes) // MOST_READERS))))
    if len(tastes) < least(FEWEST_READERS, stays=stays):
        return ReaderGroups(
            np.ones(1), {name: shares[None, :] for name, shares in everybody.items()}
        )
    half, other = tastes.of(slice(0, None, 2)), tastes.of(slice(1, None, 2))
    fits = [_responsibilities(_fit(half, number, starts=1), other)[1] for number in NUMBERS]
    return _fit(tastes, NUMBERS[int(np.argmax(fits))], starts=_STARTS)


def _fit(tastes: Tastes, number: int, *, starts: int) -> ReaderGroups:
    """The best of a few starts, by likelihood; seeds are fixed."""
    found = [_climb(tastes, number, seed) for seed in range(starts if number > 1 else 1)]
    return max(found, key=lambda pair: pair[1])[0]


def _climb(tastes: Tastes, number: int, seed: int) -> tuple[ReaderGroups, float]:
    """Expectation maximisation, from groups about readers who are drawn."""
    evidence = {name: _evidence(tastes, name) for name in tastes.counts}
    likely = _responsibilities(_start(evidence, number, seed), tastes)[0]
    reached = -np.inf
    for _ in range(_ROUNDS):
        groups = _describe(likely, evidence)
        likely, fit = _responsibilities(groups, tastes)
        if fit - reached < _ENOUGH:
            break
        reached = fit
    return groups, fit


def _start(evidence: Mapping[str, Floats], number: int, seed: int) -> ReaderGroups:
    """One group about each of the readers drawn, from those who say more than the usual one."""
    totals = np.sum([counts.sum(axis=1) for counts in evidence.values()], axis=0)
    telling = np.flatnonzero(totals >= np.median(totals))
    drawn = np.random.default_rng(seed).choice(telling, size=number, replace=len(telling) < number)
    likely = np.zeros((len(totals), number))
    likely[drawn, np.arange(number)] = 1
    return _describe(likely, evidence)


def _evidence(tastes: Tastes, name: str) -> Floats:
    """Counts, weighed as what they say of the group's mean: many of one person say little more."""
    counts, prior = tastes.counts[name], tastes.concentration[name]
    totals = counts.sum(axis=1, keepdims=True)
    return np.asarray(counts * (prior + 1) / (prior + np.maximum(totals, 1)), dtype=np.float64)


def _describe(likely: Floats, evidence: Mapping[str, Floats]) -> ReaderGroups:
    shares: dict[str, Floats] = {}
    for name, counts in evidence.items():
        base = counts.sum(axis=0) + 1
        own = likely.T @ counts + _BASE_READINGS * base / base.sum()
        shares[name] = own / own.sum(axis=1, keepdims=True)
    sizes = likely.sum(axis=0) + 1
    return ReaderGroups(sizes / sizes.sum(), shares)


def _responsibilities(groups: ReaderGroups, tastes: Tastes) -> tuple[Floats, float]:
    """How likely each person is of each group, (n, groups), and the mean log-likelihood."""
    logs = np.tile(np.log(groups.weights), (len(tastes), 1))
    for name, shares in groups.shares.items():
        prior = tastes.concentration[name] * shares
        logs += _log_likelihoods(tastes.counts[name], list(prior))
    totals = logsumexp(logs, axis=1, keepdims=True)
    return np.exp(logs - totals), float(totals.mean()) if len(totals) else 0.0


def _log_likelihoods(counts: Floats, priors: Sequence[Floats]) -> Floats:
    """Of the Dirichlet-multinomial, less what is the same in every group; (n, groups).

    Only cells with readings differ from zero, and most persons have read of few values.
    """
    rows, columns = np.nonzero(counts)
    read = counts[rows, columns]
    terms = [gammaln(read + prior[columns]) - gammaln(prior)[columns] for prior in priors]
    return np.column_stack([np.bincount(rows, term, minlength=len(counts)) for term in terms])
