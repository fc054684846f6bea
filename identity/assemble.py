"""Assemble parts of persons into persons, so that no chain of chances makes one of many.

Two namesakes each have a record that says next to nothing, a name alone, and that likens it to the
other's: one link between them, though every other record of the one is unlike every record of the
other. Whoever follows links joins the two, and with them all others who are linked so. Here two
groups of parts are joined only where the parts of the smaller one are, on average, as likely as the
threshold asks to be one with the part of the other that is most like them. A part by itself thus
follows its best link; groups follow what most of them say. What no key brought to comparison is as
unlike as anything can be.

Source: agglomerative clustering, most likely pair first, as in Sokal & Michener (1958), "A
statistical method for evaluating systematic relationships"; the mean of the nearest as the distance
of two sets: Dubuisson & Jain (1994), "A modified Hausdorff distance for object matching".
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from identity.cluster import Bools, Ints


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


def assemble(likenesses: Likenesses, *, is_named: Bools, bar: int, unlike: int) -> Ints:
    """Return per part the smallest part of its group; the order of the pairs changes nothing.

    The cost is that of the pairs of the parts given, in Python: leave out whoever is joined anyway.

    Args:
        likenesses: How alike the parts are.
        is_named: Per part, whether it has a name; one without says nothing against anybody.
        bar: Log odds from which groups are joined, in millionths.
        unlike: Log odds of parts that were not compared, in millionths.
    """
    groups = _Groups(likenesses, is_named.tolist(), unlike)
    groups.join_from(bar)
    found = np.arange(len(is_named), dtype=np.int64)
    for members in groups.members():
        found[members] = min(members)
    return found


class _Groups:
    """Groups of parts; each part knows its nearest of every other group, by the group's number."""

    def __init__(self, likenesses: Likenesses, is_named: list[bool], unlike: int) -> None:
        self._is_named, self._unlike = is_named, unlike
        self._members: dict[int, list[int]] = {}
        self._nearest: dict[int, dict[int, int]] = {}
        self._links: dict[int, set[int]] = {}
        self._changes: dict[int, int] = {}
        pairs = zip(
            likenesses.left.tolist(), likenesses.right.tolist(), likenesses.log_odds.tolist(),
            likenesses.may_join.tolist(), strict=True,
        )  # fmt: skip
        for left, right, log_odds, may_join in pairs:
            self._nearest.setdefault(left, {})[right] = log_odds
            self._nearest.setdefault(right, {})[left] = log_odds
            if may_join:
                self._links.setdefault(left, set()).add(right)
                self._links.setdefault(right, set()).add(left)
        for part in self._nearest:
            self._members[part], self._changes[part] = [part], 0
            self._links.setdefault(part, set())

    def members(self) -> Iterator[list[int]]:
        """The parts of each group."""
        return iter(self._members.values())

    def join_from(self, bar: int) -> None:
        """Join the two linked groups that are most alike, as long as they reach the bar."""
        waiting = [
            self._candidate(one, other, bar)
            for one, others in self._links.items()
            for other in others
            if one < other
        ]
        heap = [item for item in waiting if item is not None]
        heapq.heapify(heap)
        while heap:
            _, one, other, *changes = heapq.heappop(heap)
            # Whoever has joined another since was weighed anew.
            if [self._changes.get(one), self._changes.get(other)] != changes:
                continue
            self._join(one, other)
            for further in self._links[one]:
                item = self._candidate(min(one, further), max(one, further), bar)
                if item is not None:
                    heapq.heappush(heap, item)

    def _candidate(self, one: int, other: int, bar: int) -> tuple[float, int, int, int, int] | None:
        likeness = self._likeness(one, other)
        if likeness < bar:
            return None
        return -likeness, one, other, self._changes[one], self._changes[other]

    def _likeness(self, one: int, other: int) -> float:
        """Of the smaller group the mean of its parts' nearest; of two as large the lower one."""
        sizes = len(self._members[one]), len(self._members[other])
        if sizes[0] == sizes[1]:
            return min(self._mean(one, other), self._mean(other, one))
        return self._mean(one, other) if sizes[0] < sizes[1] else self._mean(other, one)

    def _mean(self, group: int, other: int) -> float:
        total = count = 0
        for part in self._members[group]:
            nearest = self._nearest[part].get(other)
            if nearest is None:
                if not self._is_named[part]:
                    continue
                nearest = self._unlike
            total += nearest
            count += 1
        return total / count

    def _join(self, one: int, other: int) -> None:
        """Make two groups one, under the smaller number, which comes first."""
        for group in self._around(other):
            for part in self._members[group]:
                nearest = self._nearest[part]
                log_odds = nearest.pop(other, None)
                if log_odds is not None:
                    nearest[one] = max(log_odds, nearest.get(one, log_odds))
        self._members[one] += self._members.pop(other)
        for part in self._members[one]:
            self._nearest[part].pop(one, None)
        for group in self._links.pop(other):
            self._links[group].discard(other)
            self._links[group].add(one)
            self._links[one].add(group)
        self._links[one] -= {one, other}
        self._changes[one] += 1
        del self._changes[other]

    def _around(self, group: int) -> set[int]:
        """The groups that some part of this one was compared with."""
        return {near for part in self._members[group] for near in self._nearest[part]}
