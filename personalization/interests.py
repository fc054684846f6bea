"""Expect what a person reads next: popularity, interests, readers alike, and what is read together.

    expected = (1 - w) * popularity x interests + w * co-reading,  each a share that sums to 1

w is at most .25 or, where co-reading leads, .75.

* *popularity*: how often an item is read in a day, of the days since its publication, both decayed
  by age, and shrunk towards the rate of all: new content is neither unknown nor unpopular;
* *interests*: how much more than others the person reads of a topic (and, weaker, of a type and a
  funnel stage): ``(own + k * expected) / (total + k) / share``. What is expected of somebody who
  has read little is what the groups of readers read that they resemble (``groups``), else what
  everybody reads;
* *co-reading*: item-kNN or EASE (``co_reading``), weighted by the evidence of item and person,
  ``n / (n + k)``. Below 1,000 readings or 25 persons with two it is not used.

Which of these are used is a :class:`Method`; ``champion`` chooses it by a backtest.

Source: that such simple methods are hard to beat: Ferrari Dacrema, Cremonesi & Jannach (2019),
"Are we really making much progress?", RecSys.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from scipy import sparse

from personalization.co_reading import ease, item_knn
from personalization.groups import ReaderGroups, Tastes, find_groups
from personalization.readings import Catalogue, Floats, Integers, Readings, Singles

# Readings of the person's groups that one's own are mixed with, and how far an interest counts.
# Two backtests on one company (30 days ahead, NDCG@10): with types as strong as topics .193, to the
# power .3 .214, to none .213; with groups, k of topics at 4, 6, 10, 20: .2167, .2186, .2178, .2125.
PRIOR_READINGS: Mapping[str, float] = {"topic": 6.0, "content_type": 10.0, "funnel_stage": 10.0}
STRENGTH: Mapping[str, float] = {"topic": 1.0, "content_type": 0.3, "funnel_stage": 0.1}
# Readings at which a person's co-reading counts half.
PERSON_EVIDENCE = 3.0
# The largest share of what is expected that comes from co-reading: beside what content is about, or
# ahead of it. On one company .25 and .5 raised NDCG@10 alike, by .001, and a public log of films
# gained .053 with EASE at .25 and .096 at .75, so both are judged.
CO_READING_WEIGHT = 0.25
LEADING_WEIGHT = 0.75
# Readings of the usual item that an item's own are mixed with, over the days that they take.
PRIOR_RATE_READINGS = 2.0
# Far below what popularity is known to.
_TIE_BREAK = 1e-3
# What groups are told apart by: stages blur them (NDCG@10 .2186 without, .2166 with).
GROUPED = ("topic", "content_type")


# What the reading of one item says of another: by item-kNN sparse, by EASE dense; None: not used.
Together = sparse.csr_matrix | Singles | None


class Method(StrEnum):
    """What is expected of a person's next readings, from the simplest to the most complex."""

    POPULAR = "popular"
    INTERESTS = "interests"
    GROUPS = "groups"
    GROUPS_AND_CO_READING = "groups_and_co_reading"
    CO_READING_AND_GROUPS = "co_reading_and_groups"
    GROUPS_AND_EASE = "groups_and_ease"
    EASE_AND_GROUPS = "ease_and_groups"

    @property
    def uses_groups(self) -> bool:
        """Whether readers alike speak for a person who has read little."""
        return self not in {Method.POPULAR, Method.INTERESTS}

    @property
    def uses_item_knn(self) -> bool:
        """Whether what is read together counts, by item-kNN."""
        return self in {Method.GROUPS_AND_CO_READING, Method.CO_READING_AND_GROUPS}

    @property
    def uses_ease(self) -> bool:
        """Whether what is read together counts, by EASE."""
        return self in {Method.GROUPS_AND_EASE, Method.EASE_AND_GROUPS}

    @property
    def co_reading_weight(self) -> float:
        """The share of co-reading for a person of whom all is known."""
        leads = self in {Method.CO_READING_AND_GROUPS, Method.EASE_AND_GROUPS}
        return LEADING_WEIGHT if leads else CO_READING_WEIGHT


@dataclass(frozen=True, slots=True)
class Facet:
    """One property of content.

    Attributes:
        name: topic, content_type or funnel_stage.
        values: Its values, in order; "" is unknown.
        of_item: (items,), position of each item's value.
        shares: Of each value among all recent readings; sums to 1.
    """

    name: str
    values: tuple[str, ...]
    of_item: Integers
    shares: Floats

    def counts(self, liked: sparse.csr_matrix) -> Floats:
        """Readings of each person by value, (persons, values)."""
        shape = (len(self.of_item), len(self.values))
        where = (np.arange(shape[0]), self.of_item)
        membership = sparse.csr_matrix((np.ones(shape[0]), where), shape)
        return np.asarray((liked @ membership).toarray(), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Interest:
    """How a batch of persons reads the values of one facet; arrays are (persons, values).

    Attributes:
        own: Decayed readings.
        ratio: How much more than others the person is expected to read of it; 1 is alike.
    """

    own: Floats
    ratio: Floats


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a batch of persons is expected to read.

    Attributes:
        scores: (persons, items), shares; rows sum to 1.
        popularity: (items,), shares of all.
        interests: By facet.
        together: Likewise, the part that comes from what is read together; None: nothing does.
        together_weight: (persons,), the sum of that.
    """

    scores: Singles
    popularity: Floats
    interests: Mapping[str, Interest]
    together: Singles | None
    together_weight: Floats


@dataclass(frozen=True, slots=True)
class ReadingModel:
    """What the readings of all say.

    Attributes:
        method: What is used of it.
        popularity: Share of each item; sums to 1.
        facets: What interests are taken in; none where popularity alone counts.
        groups: Of readers; None: everybody is expected to read as all do.
        similarity: (items, items), what reading the row says of the column, by item-kNN (sparse) or
            EASE (dense); None where it is not used.
    """

    method: Method
    popularity: Floats
    facets: Mapping[str, Facet]
    groups: ReaderGroups | None
    similarity: Together

    def expect(self, liked: sparse.csr_matrix, counts: Floats) -> Expectation:
        """Expect the next readings of a batch.

        Args:
            liked: (persons, items), decayed readings.
            counts: Readings of each person.
        """
        interests = self._interests(liked)
        scores = self._content(interests, liked.shape[0])
        together, weight = self._read_together(liked, counts)
        if scores.size:
            scores *= ((1 - weight) / scores.sum(axis=1, dtype=np.float64))[:, None]
        if together is not None:
            scores += together
        return Expectation(scores, self.popularity, interests, together, weight)

    def _content(self, interests: Mapping[str, Interest], persons: int) -> Singles:
        """Popularity times interests, not yet shares, in single precision.

        Logarithms of ratios are summed by one product of matrices, in place of one pass over all
        cells for each facet.
        """
        if not interests:
            return np.tile(self.popularity.astype(np.float32), (persons, 1))
        facets = [self.facets[name] for name in interests]
        ratios = [STRENGTH[name] * np.log(found.ratio) for name, found in interests.items()]
        values = np.concatenate([np.arange(len(f.values))[:, None] == f.of_item for f in facets])
        scores = np.hstack(ratios).astype(np.float32) @ values.astype(np.float32)
        np.exp(scores, out=scores)
        scores *= self.popularity.astype(np.float32)
        return scores

    def _interests(self, liked: sparse.csr_matrix) -> Mapping[str, Interest]:
        own = {name: facet.counts(liked) for name, facet in self.facets.items()}
        expected = {name: facet.shares[None, :] for name, facet in self.facets.items()}
        if self.groups is not None:
            expected |= self.groups.expected(_tastes(own))
        return {
            name: Interest(own[name], _ratio(own[name], expected[name], facet))
            for name, facet in self.facets.items()
        }

    def _read_together(
        self, liked: sparse.csr_matrix, counts: Floats
    ) -> tuple[Singles | None, Floats]:
        """Shares from co-reading, and what they sum to: the weight that the evidence allows."""
        if self.similarity is None:
            return None, np.zeros(liked.shape[0])
        found = liked.astype(np.float32) @ self.similarity
        found = found.toarray() if sparse.issparse(found) else np.maximum(found, 0)
        totals = found.sum(axis=1, dtype=np.float64)
        weight = np.where(totals > 0, counts / (counts + PERSON_EVIDENCE), 0.0)
        weight *= self.method.co_reading_weight
        found *= (weight / np.where(totals > 0, totals, 1.0))[:, None]
        return found, weight


def learn_interests(
    catalogue: Catalogue,
    readings: Readings,
    method: Method = Method.GROUPS_AND_CO_READING,
    *,
    standing: Method | None = None,
) -> ReadingModel:
    """Take popularity, facets, groups and similarity from the readings of all.

    Args:
        catalogue: The content.
        readings: Of all readers.
        method: What to use.
        standing: What is in use already, which takes less to stay.
    """
    popularity = popularity_of(
        np.asarray(readings.recent.sum(axis=0), dtype=np.float64).ravel(),
        catalogue,
        span_days=readings.span_days,
        half_life_days=readings.half_life_days,
    )
    names = catalogue.facets if len(catalogue) and method is not Method.POPULAR else ()
    facets = {name: _facet(name, catalogue, popularity) for name in names}
    return ReadingModel(
        method=method,
        popularity=popularity,
        facets=facets,
        groups=_groups(facets, readings, standing) if facets and method.uses_groups else None,
        similarity=similarity_of(readings, method, standing),
    )


def similarity_of(readings: Readings, method: Method, standing: Method | None = None) -> Together:
    """What is read together, as the method takes it; None where it does not, or readings are few."""
    if method.uses_ease:
        return ease(readings, stays=bool(standing and standing.uses_ease))
    if method.uses_item_knn:
        return item_knn(readings, stays=bool(standing and standing.uses_item_knn))
    return None


def popularity_of(
    read: Floats, catalogue: Catalogue, *, span_days: float, half_life_days: float
) -> Floats:
    """Shares of the decayed readings in a day that the item was there to be read.

    The prior is a gamma distribution about the rate of all: the posterior mean of a Poisson rate.

    Args:
        read: Decayed readings of each item.
        catalogue: The items.
        span_days: Days since the first reading of all.
        half_life_days: By which the readings are decayed.
    """
    days = np.minimum(catalogue.age_days, max(span_days, 1.0))
    exposed = 1 - 0.5 ** (np.maximum(days, 0.0) / half_life_days)
    usual = (read.sum() + 1) / max(exposed.sum(), 1e-12)
    rate = (read + PRIOR_RATE_READINGS) / (exposed + PRIOR_RATE_READINGS / usual)
    # Equal items fall in the order of their ids, also in single precision.
    rate = rate * (1 - _TIE_BREAK * np.arange(len(rate)) / max(len(rate), 1))
    return np.asarray(rate / rate.sum(), dtype=np.float64)


def _facet(name: str, catalogue: Catalogue, popularity: Floats) -> Facet:
    values, of_item = np.unique(catalogue.facets[name], return_inverse=True)
    shares = np.bincount(of_item, popularity, minlength=len(values)).astype(np.float64)
    return Facet(name, tuple(values.tolist()), of_item.astype(np.int64), shares)


def _groups(
    facets: Mapping[str, Facet], readings: Readings, standing: Method | None
) -> ReaderGroups:
    liked = readings.liked[readings.per_person > 0]
    own = {name: facets[name].counts(liked) for name in GROUPED}
    everybody = {name: facets[name].shares for name in GROUPED}
    return find_groups(_tastes(own), everybody, stays=bool(standing and standing.uses_groups))


def _tastes(own: Mapping[str, Floats]) -> Tastes:
    return Tastes({name: own[name] for name in GROUPED}, PRIOR_READINGS)


def _ratio(own: Floats, expected: Floats, facet: Facet) -> Floats:
    prior = PRIOR_READINGS[facet.name]
    shares = (own + prior * expected) / (own.sum(axis=1, keepdims=True) + prior)
    return np.asarray(shares / facet.shares, dtype=np.float64)
