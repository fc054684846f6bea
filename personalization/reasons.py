"""Say in words why a content was chosen."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from personalization.interests import STRENGTH, Expectation
from personalization.readings import Catalogue, Flags, Floats, Integers

# An interest is named as the reason where the person reads a fifth more of it than others do,
# and so with what co-reading adds.
_NOTABLE = 1.2
_PINNED = "pinned by the editors"
_DRAWN = "drawn at random from content with few readers"
_TOGETHER = "read by those who read the same"
_POPULAR = "popular now"
_WORDS = {
    "topic": "reads about {}",
    "content_type": "reads much of the type {}",
    "funnel_stage": "reads much for the stage {}",
}


def reasons_of(
    catalogue: Catalogue,
    expectation: Expectation,
    cells: tuple[Integers, Integers],
    *,
    is_pinned: Flags,
    is_discovery: Flags,
) -> pa.Array:
    """The reason of each chosen cell: what weighed most.

    Args:
        catalogue: The content.
        expectation: What the persons of the batch are expected to read.
        cells: Persons and items, in equal number.
        is_pinned: Of each cell.
        is_discovery: Of each cell.
    """
    words, code = [_POPULAR, _TOGETHER, _DRAWN, _PINNED], np.zeros(len(is_pinned), dtype=np.int64)
    strongest = np.full(len(is_pinned), _NOTABLE)
    for name, ratio in expectation.interests.items():
        values, of_item = np.unique(catalogue.facets[name], return_inverse=True)
        strength = ratio[cells] ** STRENGTH[name]
        leads = (strength > strongest) & (catalogue.facets[name][cells[1]] != "")
        code = np.where(leads, len(words) + of_item[cells[1]], code)
        strongest = np.where(leads, strength, strongest)
        words += [_WORDS[name].format(value) for value in values.tolist()]
    code[_co_reading_lift(expectation, cells) > strongest] = words.index(_TOGETHER)
    code[is_discovery] = words.index(_DRAWN)
    code[is_pinned] = words.index(_PINNED)
    return pa.array(words).take(pa.array(code))


def _co_reading_lift(expectation: Expectation, cells: tuple[Integers, Integers]) -> Floats:
    """How much more likely than for others co-reading alone makes each cell."""
    persons, items = cells
    weight = expectation.co_reading.sum(axis=1)[persons]
    lift = 1 - weight + expectation.co_reading[cells] / expectation.popularity[items]
    return np.asarray(lift, dtype=np.float64)
