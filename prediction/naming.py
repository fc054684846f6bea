"""Name groups of readers by what sets them apart, and keep their ids over retrainings."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from prediction.dataset import Floats

# A value names a group when its readers read it so many times as often as the average reader,
MIN_LIFT = 1.3
# and when it is at least such a share of what they read: rare things say little of anybody.
MIN_SHARE = 0.08
NAMED_BY = 2
# Share of either side's readers that must be the same people for a group to keep its id.
SAME_READERS = 0.5


@dataclass(frozen=True, slots=True)
class Trait:
    """One thing that a group reads more than others.

    Attributes:
        facet: Property of content.
        value: Its value.
        share: Share of the group's readings within the facet.
        lift: In multiples of the average reader's share.
    """

    facet: str
    value: str
    share: float
    lift: float


def find_traits(
    shares: Floats, average: Floats, facets: Sequence[str], values: Sequence[str]
) -> tuple[tuple[Trait, ...], ...]:
    """What each group reads more than others, the most telling first.

    Telling is share x log(lift): how much of the group's difference the value explains.

    Args:
        shares: (k, v), within each facet what a group reads.
        average: (v,), what everybody reads.
        facets: (v,).
        values: (v,).
    """
    lifts = shares / np.maximum(average, 1e-9)
    weights = shares * np.log(np.maximum(lifts, 1e-9))
    found = []
    for group in range(len(shares)):
        order = np.argsort(-weights[group], kind="stable")
        traits = (
            Trait(facets[v], values[v], float(shares[group, v]), float(lifts[group, v]))
            for v in order
        )
        found.append(tuple(t for t in traits if t.lift >= MIN_LIFT and t.share >= MIN_SHARE))
    return tuple(found)


def name_groups(traits: Sequence[Sequence[Trait]]) -> tuple[str, ...]:
    """A name for each group, all different."""
    names: list[str] = []
    for found in traits:
        words = [trait.value.replace("-", " ").replace("_", " ") for trait in found]
        first = " and ".join(words[:NAMED_BY])
        name = f"{first[:1].upper()}{first[1:]} readers" if first else "General readers"
        more = iter(words[NAMED_BY:])
        while name in names:
            name = (
                f"{name.removesuffix(' readers')}, {word} readers"
                if (word := next(more, ""))
                else f"{name} again"
            )
        names.append(name)
    return tuple(names)


def describe(traits: Sequence[Trait]) -> str:
    """What a group reads more than others, in words."""
    if not traits:
        return "reads much like everybody else"
    parts = [f"{trait.value} {trait.lift:.1f} times as often" for trait in traits[:5]]
    return f"reads {', '.join(parts)} as the average reader"


def keep_ids(
    names: Sequence[str], overlap: Floats, before: Sequence[str], taken: Sequence[str]
) -> tuple[str, ...]:
    """An id for each group: that of the old group with the same readers, else one of its name.

    Args:
        names: Of the k new groups.
        overlap: (k, m), readers that new and old groups share, as a share of both together
            (Jaccard's index) of those who were in any old group.
        before: Ids of the m old groups.
        taken: Ids ever given: a new group never takes the id of another one.

    Source: Kuhn (1955), "The Hungarian method for the assignment problem".
    """
    kept: dict[int, str] = {}
    if len(before):
        rows, columns = linear_sum_assignment(-overlap)
        kept = {
            int(row): before[int(column)]
            for row, column in zip(rows, columns, strict=True)
            if overlap[row, column] >= SAME_READERS
        }
    used = {*taken, *before}
    found = []
    for number, name in enumerate(names):
        found.append(kept.get(number) or _unused(_slug(name), used))
        used.add(found[-1])
    return tuple(found)


def rename(ids: Sequence[str], names: Sequence[str], chosen: Mapping[str, str]) -> tuple[str, ...]:
    """The names that people chose, where they did."""
    return tuple(chosen.get(key, name) for key, name in zip(ids, names, strict=True))


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower().removesuffix(" readers")).strip("_") or "group"


def _unused(slug: str, used: set[str]) -> str:
    if slug not in used:
        return slug
    return next(name for n in range(2, len(used) + 3) if (name := f"{slug}_{n}") not in used)
