"""Candidate pairs as arrays: how alike they are in each field, and of which sources they are."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from identity.cluster import Bools, Ints
from identity.train import Floats

Levels = npt.NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class SourcePairs:
    """Which two sources the records of each pair are of.

    Attributes:
        names: Both sources of each combination, in order.
        total_pairs: Per combination, all pairs that its records could form; 0 where unknown.
        place: Per pair, the place of its combination.
    """

    names: tuple[tuple[str, str], ...]
    total_pairs: tuple[float, ...]
    place: Ints


@dataclass(frozen=True, slots=True)
class PairEvidence:
    """Candidate pairs as arrays, all of one length.

    Attributes:
        levels: Per field, the level's place from the strongest (0); -1 is unknown.
        adjustments: Per field with names or dates, the bits that a rare value adds; see ``frequencies``.
        total_pairs: All pairs that the records could form.
        sources: Which sources the pairs are of; None where nobody knows.
        placed: Share of all pairs of which both records have an address.
    """

    levels: dict[str, Levels]
    adjustments: dict[str, Floats]
    total_pairs: float
    sources: SourcePairs | None = None
    placed: float = 1.0

    def part(self, chosen: slice | Bools) -> PairEvidence:
        """Some of the pairs."""
        return PairEvidence(
            {name: levels[chosen] for name, levels in self.levels.items()},
            {name: bits[chosen] for name, bits in self.adjustments.items()},
            self.total_pairs,
            None
            if self.sources is None
            else replace(self.sources, place=self.sources.place[chosen]),
            self.placed,
        )
