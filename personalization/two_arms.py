"""Two arms in one segment: whether they say enough, and which converts more. Pure; no warehouse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType

import numpy as np

from measurement import Counts

# Of fewer persons in either arm of a segment nothing is done or told by their outcomes alone: one of
# them moves a rate by two points or more, and near ten a pause would tell what those few did.
FEWEST_HERE = 50
# Rates are taken for normal where this many of each arm would convert, and would not, if both arms did
# alike: Cochran (1954), "Some methods for strengthening the common chi-squared tests", Biometrics 10.
FEWEST_EXPECTED = 5
# Equally likely rates of the baseline, over which a comparison is averaged.
_QUANTILES = (np.arange(512) + 0.5) / 512


@dataclass(frozen=True, slots=True)
class Pair:
    """What an arm and the baseline did in one segment: people who met them, and who converted.

    All are divided by how many persons say as much as one who was drawn alone.
    """

    n: float
    converted: float
    n_baseline: float
    converted_baseline: float

    @classmethod
    def of(
        cls, counts: Mapping[str, Counts], arm: str, baseline: str, design_effect: float
    ) -> Pair:
        """Of counts by arm; where an arm was not met, nobody."""
        ours, theirs = (counts.get(name, Counts(0, 0)) for name in (arm, baseline))
        sizes = (ours.n, ours.converted, theirs.n, theirs.converted)
        return cls(*(size / design_effect for size in sizes))

    @property
    def is_many(self) -> bool:
        """Whether so many met both that something is done by their outcomes alone."""
        return min(self.n, self.n_baseline) >= FEWEST_HERE

    @property
    def is_normal(self) -> bool:
        """Whether their rates may be taken for normal."""
        if not self.is_many:
            return False
        rate = (self.converted + self.converted_baseline) / (self.n + self.n_baseline)
        return min(self.n, self.n_baseline) * min(rate, 1 - rate) >= FEWEST_EXPECTED

    def harmful(self, is_better: float) -> float | None:
        """Whether the baseline converts more, by flat priors, exactly; None: too few."""
        if not self.is_many:
            return None
        special = _special()
        rates = special.betaincinv(
            self.converted_baseline + 1, self.n_baseline - self.converted_baseline + 1, _QUANTILES
        )
        lower = float(
            special.betainc(self.converted + 1, self.n - self.converted + 1, rates).mean()
        )
        return lower if is_better > 0 else 1 - lower


def _special() -> ModuleType:
    from scipy import special  # noqa: PLC0415 - takes time, and definitions load without it

    return special
