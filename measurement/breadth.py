"""Whether what is chosen for people narrows what they meet, against those who are held out. Pure.

Three measures, none of which is a success in itself:

* topics per reader: how many topics somebody reads of in a month;
* Gini coefficient of readers over content: 0 where all content has as many readers, near 1 where
  one item has them all;
* discovery yield: of places drawn at random from content with few readers, how many led to a first
  reading within days, against the draws that were written down for the held-out and never shown.

Sources:
    Gini's coefficient of a finite list: Damgaard & Weiner (2000), "Describing inequality in plant
    size or fecundity", Ecology 81. That it grows as readers get fewer, so that unequal numbers are
    compared at the smaller one: rarefaction, Hurlbert (1971), Ecology 52.
    Its error by drawing fewer units of all, each at most once: Politis, Romano & Wolf (1999),
    "Subsampling". Units that a bootstrap draws twice make few readings look less uncertain than they are.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import sqrt
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from measurement.lift import (
    FEWEST,
    FEWEST_TOLD,
    SIGNIFICANCE,
    Floats,
    Interval,
    critical_value,
)
from measurement.samples import FEWEST_UNITS, PER, Sample, difference
from settings import plain_number

BreadthVerdict = Literal["wider", "narrower", "cannot_tell"]
NO_HOLDOUT = "no hold-out in experiments.yml: nothing to compare with"
HIDDEN = f"of fewer than {FEWEST_TOLD} no figure is told, as it would tell of each of them"
NOT_SHOWN = "what is shown; the held-out are shown none of it, so there is nothing to compare with"
# Draws of units: the error of the error is 4 % then; for the mean of a larger side fewer do. Units
# that one of them holds at most.
_DRAWS = 300
_DRAWS_OF_MEAN = 100
_MOST_UNITS = 5_000
_SEED = 20_260_101


@dataclass(frozen=True, slots=True)
class BreadthFinding:
    """One measure, of those who are chosen for and of those who are held out.

    Attributes:
        measure: topics_per_reader, exposure_gini or discovery_yield.
        subject: Of what: readings, shown, pages or mailings.
        n: Readers, or persons to whom a draw was shown, behind ``value``; companies where these
            are held out.
        n_held_out: Likewise of the held-out.
        value: Of those who are chosen for; None where they are fewer than 10.
        value_held_out: Of those who are held out; likewise.
        effect: The difference; None where it cannot be told.
        interval: Its 95 % interval.
        verdict: Whether people meet more of the content, or less, by what is chosen.
        reason: Why this verdict, in words.
    """

    measure: str
    subject: str
    n: int = 0
    n_held_out: int = 0
    value: float | None = None
    value_held_out: float | None = None
    effect: float | None = None
    interval: Interval | None = None
    verdict: BreadthVerdict = "cannot_tell"
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ReadersOfContent:
    """Who read what; an entry for each unit and item that one of its persons read.

    Attributes:
        units: Position of the unit of each entry; ascending.
        items: Position of the item of each entry.
        readers: How many persons of the unit read it.
        is_held_out: Of each unit.
        n_items: Items in all, read or not.
    """

    units: NDArray[np.int64]
    items: NDArray[np.int64]
    readers: Floats
    is_held_out: NDArray[np.bool_]
    n_items: int


def gini(counts: Floats) -> float:
    """How unequal the counts are: 0 all alike, 1 - 1/n one has everything; 0 where all are 0."""
    ordered, total = np.sort(counts), float(counts.sum())
    if not total:
        return 0.0
    ranks = np.arange(1, len(ordered) + 1)
    return float(2 * (ranks @ ordered) / (len(ordered) * total) - (len(ordered) + 1) / len(ordered))


def compare_means(
    measure: str, subject: str, chosen: Sample | None, held_out: Sample | None
) -> BreadthFinding:
    """A ratio of sums over units, such as topics per reader.

    Args:
        measure: Its name; more is wider.
        subject: Of what.
        chosen: Units that content is chosen for; None: there are none.
        held_out: Units that are held out.
    """
    found = BreadthFinding(
        measure, subject, n=_units(chosen), n_held_out=_units(held_out),
        value=_rate(chosen), value_held_out=_rate(held_out),
    )  # fmt: skip
    lacking = [
        f"{name} are {_lack(sample)}"
        for name, sample in (("those chosen for", chosen), ("the held-out", held_out))
        if sample is None or not sample.is_enough
    ]
    if lacking or chosen is None or held_out is None:
        return hide_few(replace(found, reason=f"too few yet: {'; '.join(lacking)}"))
    between = difference(chosen, held_out)
    return _judged(found, between.effect, between.interval(), more_is_wider=True)


def compare_gini(readings: ReadersOfContent) -> BreadthFinding:
    """Gini's coefficient of readers over content, both sides at the smaller one's number of units.

    Deterministic. The value of the larger side is the mean over draws of as many units as the
    smaller one has. The error is that of drawing who is held out anew from all units.
    """
    held_out = np.flatnonzero(readings.is_held_out)
    chosen = np.flatnonzero(~readings.is_held_out)
    found = BreadthFinding("exposure_gini", "readings", len(chosen), len(held_out))
    size = min(len(chosen), len(held_out), _MOST_UNITS)
    if size < FEWEST_UNITS:
        everybody = _gini_of(readings, chosen) if len(chosen) else None
        lack = f"too few yet: one side has {size} and needs {FEWEST_UNITS} readers"
        return hide_few(replace(found, value=everybody, reason=lack))
    rng = np.random.default_rng(_SEED)
    sides = [_rarefied(readings, units, size, rng) for units in (chosen, held_out)]
    variance = _variance(readings, size, rng) * (
        _part(size, len(chosen)) + _part(size, len(held_out))
    )
    effect = sides[0] - sides[1]
    half = critical_value(SIGNIFICANCE) * sqrt(variance)
    return _judged(
        replace(found, value=sides[0], value_held_out=sides[1]),
        effect, Interval(effect - half, effect + half), more_is_wider=False,
    )  # fmt: skip


def hide_few(found: BreadthFinding, counts: tuple[int, int] | None = None) -> BreadthFinding:
    """Without the figures of fewer than 10, and with the reason.

    Args:
        found: What was found.
        counts: People behind its value, and behind that of the held-out; what it says itself, where
            not given.
    """
    chosen, held_out = counts or (found.n, found.n_held_out)
    few = (chosen < FEWEST_TOLD, held_out < FEWEST_TOLD)
    hides = (few[0] and found.value is not None) or (few[1] and found.value_held_out is not None)
    return replace(
        found,
        value=None if few[0] else found.value,
        value_held_out=None if few[1] else found.value_held_out,
        reason=f"{found.reason}; {HIDDEN}" if hides else found.reason,
    )


def _units(sample: Sample | None) -> int:
    return sample.units if sample else 0


def _rate(sample: Sample | None) -> float | None:
    return sample.rate if sample and sample.sums[PER] else None


def _lack(sample: Sample | None) -> str:
    if sample is None or sample.units < FEWEST_UNITS:
        return f"{sample.units if sample else 0} and {FEWEST_UNITS} are needed"
    return f"{sample.with_outcome} with the outcome and {FEWEST} are needed"


def _judged(
    found: BreadthFinding, effect: float, interval: Interval, *, more_is_wider: bool
) -> BreadthFinding:
    verdict: BreadthVerdict = "wider" if (effect > 0) == more_is_wider else "narrower"
    low, high = (plain_number(end, sign="+") for end in (interval.low, interval.high))
    reason = f"95 % sure of {low} to {high}"
    if interval.low <= 0 <= interval.high:
        verdict, reason = "cannot_tell", "no difference is among the likely ones"
    return replace(found, effect=effect, interval=interval, verdict=verdict, reason=reason)


def _gini_of(readings: ReadersOfContent, drawn: NDArray[np.int64]) -> float:
    """Of the units that were drawn, each as often as it was."""
    first, end = np.searchsorted(readings.units, [drawn, drawn + 1])
    lengths = end - first
    entries = np.arange(lengths.sum()) + np.repeat(first - np.cumsum(lengths) + lengths, lengths)
    found = np.bincount(
        readings.items[entries], readings.readers[entries], minlength=readings.n_items
    )
    return gini(found.astype(np.float64))


def _rarefied(
    readings: ReadersOfContent, units: NDArray[np.int64], size: int, rng: np.random.Generator
) -> float:
    """The mean of what so many of the units say, each at most once."""
    if len(units) == size:
        return _gini_of(readings, units)
    draws = (rng.choice(units, size, replace=False) for _ in range(_DRAWS_OF_MEAN))
    return float(np.mean([_gini_of(readings, drawn) for drawn in draws]))


def _part(size: int, units: int) -> float:
    """How much the mean of a side's draws varies, of what one draw of so many units does."""
    share = size / units
    return share + (1 - share) / _DRAWS_OF_MEAN


def _variance(readings: ReadersOfContent, size: int, rng: np.random.Generator) -> float:
    """Of Gini's coefficient of so many units, as they would come from a larger population."""
    units = len(readings.is_held_out)
    draws = (rng.choice(units, size, replace=False) for _ in range(_DRAWS))
    drawn = float(np.var([_gini_of(readings, some) for some in draws], ddof=1))
    # Draws of a part of all units hold many of the same, and vary less.
    return drawn / (1 - size / units)
