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
_ALIKE = "liked by readers with like interests"
_LIFTED = "so that the list is not of one topic alone"
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
    is_lifted: Flags | None = None,
) -> pa.Array:
    """The reason of each chosen cell: what weighed most.

    Args:
        catalogue: The content.
        expectation: What the persons of the batch are expected to read.
        cells: Persons and items, in equal number.
        is_pinned: Of each cell.
        is_discovery: Of each cell.
        is_lifted: Of each cell, whether its topic brought it there; None: nowhere.
    """
    persons, items = cells
    words = [_POPULAR, _TOGETHER, _DRAWN, _PINNED, _ALIKE, _LIFTED]
    code, strongest = np.zeros(len(is_pinned), dtype=np.int64), np.full(len(is_pinned), _NOTABLE)
    for name, interest in expectation.interests.items():
        values, of_item = np.unique(catalogue.facets[name], return_inverse=True)
        of_cell = of_item[items]
        strength = interest.ratio[persons, of_cell] ** STRENGTH[name]
        leads = (strength > strongest) & (values[of_cell] != "")
        own = np.where(
            interest.own[persons, of_cell] > 0, len(words) + of_cell, words.index(_ALIKE)
        )
        code, strongest = np.where(leads, own, code), np.where(leads, strength, strongest)
        words += [_WORDS[name].format(value) for value in values.tolist()]
    code[_co_reading_lift(expectation, cells) > strongest] = words.index(_TOGETHER)
    if is_lifted is not None:
        code[is_lifted] = words.index(_LIFTED)
    code[is_discovery] = words.index(_DRAWN)
    code[is_pinned] = words.index(_PINNED)
    return pa.array(words).take(pa.array(code))


def _co_reading_lift(expectation: Expectation, cells: tuple[Integers, Integers]) -> Floats:
    """How much more likely than for others co-reading alone makes each cell."""
    persons, items = cells
    lift = 1 - expectation.together_weight[persons]
    if expectation.together is not None:
        lift = lift + expectation.together[cells] / expectation.popularity[items]
    return np.asarray(lift, dtype=np.float64)
