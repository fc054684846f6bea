"""Assemble parts of persons into persons, so that no chain of chances makes one of many.

Two namesakes each have a record that says next to nothing, a name alone, and that likens it to the
other's: one link between them, though every other record of the one is unlike every record of the
other. Whoever follows links joins the two, and with them all others who are linked so. Here two
groups of parts are joined only where the parts of the smaller one are, on average, as likely as the
threshold asks to be one with the part of the other that is most like them. A part by itself thus
follows its best link; groups follow what most of them say. What no key brought to comparison is as
unlike as anything can be.

Of each two groups that were compared the sum is kept by which one's parts are like their nearest of
the other, so that a likeness is weighed without a look at the parts. When two are joined, the
smaller tables go into the larger ones, and only the likenesses are weighed anew that can have
changed: those of the groups compared with the one that has fewer neighbours, and of groups no
smaller than the other one, for the mean is that of the smaller group's parts.

Source: agglomerative clustering, most likely pair first, as in Sokal & Michener (1958), "A
statistical method for evaluating systematic relationships"; the mean of the nearest as the distance
of two sets: Dubuisson & Jain (1994), "A modified Hausdorff distance for object matching".
"""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass

import numpy as np

from identity.cluster import Bools, Edges, Ints, connect

# Components of so many parts have one order in which they can be joined.
_SMALL = 3
# Weighings and entries in the heap per pair of a component. Stars, chains and cliques take 3 to 5;
# only many groups that grow in step, each linked to each, take up to twice their size.
_MOST_WORK = 100


@dataclass(frozen=True, slots=True)
class Likenesses:
    """How alike parts are, all arrays of one length; each pair of parts once.

    Attributes:
        left: One part, by number.
        right: The other.
        log_odds: That both are one person, in millionths: sums of whole numbers have no order.
        may_join: Whether a link between the two may join them.
    """

    left: Ints
    right: Ints
    log_odds: Ints
    may_join: Bools

    def chosen(self, which: Bools | Ints) -> Likenesses:
        """Some of them."""
        return Likenesses(
            self.left[which], self.right[which], self.log_odds[which], self.may_join[which]
        )


def assemble(likenesses: Likenesses, *, is_named: Bools, bar: int, unlike: int) -> Ints:
    """Return per part the smallest part of its group; the order of the pairs changes nothing.

    The cost is that of the pairs: groups of up to three parts are settled in arrays, larger ones in
    Python, component by component. Where groups that grow in step would be weighed ``_MOST_WORK``
    times per pair, the parts of their component stay apart.

    Args:
        likenesses: How alike the parts are.
        is_named: Per part, whether it has a name; one without says nothing against anybody.
        bar: Log odds from which groups are joined, in millionths.
        unlike: Log odds of parts that were not compared, in millionths.
    """
    parts = len(is_named)
    may_join, left, right = likenesses.may_join, likenesses.left, likenesses.right
    links = Edges(left[may_join], right[may_join], np.ones(int(may_join.sum())))
    component = connect(links, nodes=parts)
    # Pairs between components are of groups that nothing joins.
    within = likenesses.chosen(component[left] == component[right])
    found = np.arange(parts, dtype=np.int64)
    is_small = np.bincount(component, minlength=parts)[component] <= _SMALL
    _settle_small(within.chosen(is_small[within.left]), component, bar, found)
    large = within.chosen(~is_small[within.left])
    order = np.argsort(component[large.left], kind="stable")
    bounds = np.flatnonzero(np.diff(component[large.left][order])) + 1
    for pairs in np.split(order, bounds) if len(order) else ():
        _settle_large(large.chosen(pairs), is_named, bar, unlike, found)
    return found


def _settle_small(likenesses: Likenesses, component: Ints, bar: int, found: Ints) -> None:
    """Settle components of two or three parts.

    The most alike are joined first; the third then follows its best pair, if any of its pairs is a
    link.
    """
    left = np.minimum(likenesses.left, likenesses.right)
    right = np.maximum(likenesses.left, likenesses.right)
    links, log_odds = likenesses.may_join, likenesses.log_odds
    order = np.lexsort((-log_odds, ~links, component[left]))
    whole = component[left][order]
    is_first = np.ones(len(order), dtype=np.bool_)
    is_first[1:] = whole[1:] != whole[:-1]
    first = order[is_first & (log_odds[order] >= bar)]
    found[right[first]] = left[first]
    rest = order[~is_first]
    has_link, reaches = (np.zeros(len(found), dtype=np.bool_) for _ in range(2))
    has_link[component[left[rest[links[rest]]]]] = True
    reaches[component[left[rest[log_odds[rest] >= bar]]]] = True
    is_one = np.zeros(len(found), dtype=np.bool_)
    is_one[component[left[first]]] = True
    is_one &= has_link & reaches
    parts = np.flatnonzero(is_one[component])
    found[parts] = component[parts]


def _settle_large(
    likenesses: Likenesses, is_named: Bools, bar: int, unlike: int, found: Ints
) -> None:
    """Settle one component."""
    ends = np.concatenate([likenesses.left, likenesses.right])
    parts, places = np.unique(ends, return_inverse=True)
    left, right = places[: len(ends) // 2], places[len(ends) // 2 :]
    placed = Likenesses(left, right, likenesses.log_odds, likenesses.may_join)
    groups = _Groups(placed, is_named[parts].tolist(), bar=bar, unlike=unlike)
    if groups.join(_MOST_WORK * len(left)):
        found[parts] = parts[groups.firsts()]


@dataclass(slots=True)
class _Said:
    """What the parts of a group that were compared with another one say of it, in sum."""

    total: int = 0
    parts: int = 0
    named: int = 0

    def add(self, total: int, parts: int, named: int) -> None:
        self.total += total
        self.parts += parts
        self.named += named


class _Groups:
    """Groups of the parts 0, 1, ... of one component; each goes by one of its parts."""

    def __init__(
        self, likenesses: Likenesses, is_named: list[bool], *, bar: int, unlike: int
    ) -> None:
        count = len(is_named)
        self._is_named, self._bar, self._unlike = is_named, bar, unlike
        self._group = list(range(count))
        self._smallest = list(range(count))
        self._sizes, self._named = [1] * count, [int(named) for named in is_named]
        # Per group: of parts outside the nearest, what it says of others, how alike linked ones are.
        self._nearest: list[dict[int, int]] = [{} for _ in range(count)]
        self._said: list[dict[int, _Said]] = [{} for _ in range(count)]
        self._alike: list[dict[int, float]] = [{} for _ in range(count)]
        # Linked groups that are no smaller, and those as alike as the level or more.
        self._no_smaller: list[set[int]] = [set() for _ in range(count)]
        self._waiting: list[set[int]] = [set() for _ in range(count)]
        self._heap: list[tuple[float, int, int, int, int]] = []
        self._level = math.inf
        self._work = 0
        pairs = zip(
            likenesses.left.tolist(), likenesses.right.tolist(), likenesses.log_odds.tolist(),
            likenesses.may_join.tolist(), strict=True,
        )  # fmt: skip
        for left, right, log_odds, may_join in pairs:
            for one, other in ((left, right), (right, left)):
                self._nearest[one][other] = log_odds
                self._said[one][other] = _Said(log_odds, 1, self._named[one])
                if may_join:
                    self._alike[one][other] = math.nan
        for one, alike in enumerate(self._alike):
            for other in alike:
                if one < other:
                    self._weigh(one, other)

    def firsts(self) -> Ints:
        """Per part the smallest part of its group."""
        return np.array([self._smallest[self._find(part)] for part in range(len(self._group))])

    def join(self, most_work: int) -> bool:
        """Join what is alike; False where that takes more than this many weighings."""
        while self._heap:
            if self._work > most_work:
                return False
            likeness = -self._heap[0][0]
            if likeness < self._level:
                self._lower(likeness)
                continue
            _, low, high, one, other = heapq.heappop(self._heap)
            # Whoever was weighed anew, or goes by a smaller part, was put in again.
            ends = (self._smallest[one], self._smallest[other])
            if self._alike[one].get(other) == likeness and (min(ends), max(ends)) == (low, high):
                self._join(one, other)
        return True

    def _lower(self, level: float) -> None:
        """Bring those that are next in the order of their smallest parts, which decides of equals."""
        pairs = set()
        while self._heap and -self._heap[0][0] == level:
            *_, one, other = heapq.heappop(self._heap)
            if self._alike[one].get(other) == level:
                pairs.add((one, other))
        self._level = level
        for one, other in pairs:
            self._put(one, other, level)

    def _put(self, one: int, other: int, likeness: float) -> None:
        self._work += 1
        low, high = sorted((self._smallest[one], self._smallest[other]))
        heapq.heappush(self._heap, (-likeness, low, high, one, other))
        if likeness >= self._level:
            self._waiting[one].add(other)
            self._waiting[other].add(one)

    def _weigh(self, one: int, other: int) -> None:
        self._work += 1
        sizes = self._sizes[one], self._sizes[other]
        for group, near, is_no_smaller in (
            (one, other, sizes[1] >= sizes[0]),
            (other, one, sizes[0] >= sizes[1]),
        ):
            if is_no_smaller:
                self._no_smaller[group].add(near)
            else:
                self._no_smaller[group].discard(near)
        likeness = self._likeness(one, other)
        if likeness != self._alike[one][other]:
            self._alike[one][other] = self._alike[other][one] = likeness
            if likeness >= self._bar:
                self._put(one, other, likeness)

    def _likeness(self, one: int, other: int) -> float:
        """Of the smaller group the mean of its parts' nearest; of two as large the lower one."""
        if self._sizes[one] == self._sizes[other]:
            return min(self._mean(one, other), self._mean(other, one))
        smaller = self._sizes[one] < self._sizes[other]
        return self._mean(one, other) if smaller else self._mean(other, one)

    def _mean(self, group: int, other: int) -> float:
        said = self._said[group][other]
        silent = self._named[group] - said.named
        return (said.total + self._unlike * silent) / (said.parts + silent)

    def _find(self, part: int) -> int:
        group = self._group
        while group[part] != part:
            group[part] = group[group[part]]
            part = group[part]
        return part

    def _join(self, one: int, other: int) -> None:
        """Make two groups one, under the number of the one that has more neighbours."""
        is_larger = (len(self._said[one]), -one) >= (len(self._said[other]), -other)
        kept, gone = (one, other) if is_larger else (other, one)
        self._group[gone] = kept
        del self._said[kept][gone], self._said[gone][kept]
        del self._alike[kept][gone], self._alike[gone][kept]
        self._no_smaller[kept].discard(gone)
        changed = self._move_said(kept, gone)
        self._move_nearest(kept, gone)
        self._sizes[kept] += self._sizes[gone]
        self._named[kept] += self._named[gone]
        is_renamed = self._smallest[gone] < self._smallest[kept]
        self._smallest[kept] = min(self._smallest[kept], self._smallest[gone])
        for near in changed | self._no_smaller[kept]:
            self._weigh(kept, near)
        if is_renamed:
            self._put_again(kept)

    def _move_said(self, kept: int, gone: int) -> set[int]:
        """Give the one what the other says and what is said of it; return who is linked then."""
        for near, said in self._said[gone].items():
            mine = self._said[kept].setdefault(near, _Said())
            mine.add(said.total, said.parts, said.named)
            back = self._said[near].pop(gone)
            theirs = self._said[near].setdefault(kept, _Said())
            theirs.add(back.total, back.parts, back.named)
        for near in self._alike[gone]:
            del self._alike[near][gone]
            self._alike[near].setdefault(kept, math.nan)
            self._alike[kept].setdefault(near, math.nan)
            self._no_smaller[near].discard(gone)
            self._waiting[near].discard(gone)
        changed = {near for near in self._said[gone] if near in self._alike[kept]}
        self._said[gone], self._alike[gone] = {}, {}
        self._no_smaller[gone], self._waiting[gone] = set(), set()
        return changed

    def _move_nearest(self, kept: int, gone: int) -> None:
        """Leave the parts outside that knew both the nearer of the two."""
        fewer, more = sorted((self._nearest[kept], self._nearest[gone]), key=len)
        for part, log_odds in fewer.items():
            near = self._find(part)
            if near == kept:
                continue
            known = more.get(part)
            more[part] = log_odds if known is None else max(known, log_odds)
            if known is not None:
                said = self._said[near][kept]
                said.add(-min(known, log_odds), -1, -int(self._is_named[part]))
        self._nearest[kept], self._nearest[gone] = more, {}

    def _put_again(self, group: int) -> None:
        """Bring those that wait into the order of the part that the group goes by now."""
        alike = self._alike[group]
        waiting = [
            near for near in self._waiting[group] if alike.get(near, -math.inf) >= self._level
        ]
        self._waiting[group] = set()
        for near in waiting:
            self._put(group, near, alike[near])
