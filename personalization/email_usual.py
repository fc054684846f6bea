"""Business as usual: the same mailing for everybody, in which nothing of a person is looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from personalization.email_fill import Candidates
from personalization.readings import Catalogue, Floats

LISTED, POPULAR, DEFAULT = "usual", "popular", "default"
SAME_FOR_ALL = "same_for_all"
_REASONS = {
    LISTED: "business as usual: the list for everybody",
    POPULAR: "business as usual: popular now",
    DEFAULT: "business as usual: a default of the block",
}


@dataclass(frozen=True, slots=True)
class UsualSlot:
    """One slot of the mailing for everybody."""

    content_id: str
    level: str


def usual_slots(
    usual: list[str],
    candidates: Candidates,
    catalogue: Catalogue,
    popularity: Floats,
) -> tuple[UsualSlot, ...]:
    """What everybody gets: the list, then what is popular in the block, then defaults.

    Args:
        usual: Ids in order, whatever the filters of the block say, its defaults too; what is not
            published, or is banned, is passed over.
        candidates: The block without a rule.
        catalogue: What is published.
        popularity: Share of each item.
    """
    ids = catalogue.content_ids.tolist()
    offered = {ids[item] for item in np.flatnonzero(candidates.rules.allowed)}
    listable = set(ids) - candidates.banned
    listed = [UsualSlot(one, LISTED) for one in dict.fromkeys(usual) if one in listable]
    taken = {slot.content_id for slot in listed}
    popular = [
        UsualSlot(ids[item], POPULAR)
        for item in np.argsort(-popularity, kind="stable").tolist()
        if ids[item] in offered - taken
    ]
    filled = (listed + popular)[: candidates.rules.size]
    return (*filled, *_rest(candidates, filled))


def _rest(candidates: Candidates, filled: Sequence[UsualSlot]) -> list[UsualSlot]:
    """Defaults for the slots that are left: each slot's own first, none that is listed already."""
    number, taken = len(filled), {slot.content_id for slot in filled}
    in_turn = (*candidates.defaults[number:], *candidates.defaults[:number])
    free = [UsualSlot(one, DEFAULT) for one in in_turn if one not in taken]
    return free[: candidates.rules.size - number]


def usual_columns(slots: tuple[UsualSlot, ...], persons: int) -> dict[str, pa.Array]:
    """The columns of :func:`slot_columns` for so many persons, slot by slot of each."""
    levels = [slot.level for slot in slots] * persons
    return {
        "slot": pa.array(np.tile(np.arange(1, len(slots) + 1, dtype=np.int32), persons)),
        "content_id": pa.array([slot.content_id for slot in slots] * persons, pa.string()),
        "reason": pa.array([_REASONS[level] for level in levels], pa.string()),
        "is_discovery": pa.repeat(pa.scalar(value=False), len(levels)),
        "propensity": pa.repeat(1.0, len(levels)),
        "fallback_level": pa.array(levels, pa.string()),
    }
