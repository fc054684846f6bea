"""Look at a running experiment more than once without finding what is not there. Pure.

Looks are planned beforehand. At each, as much of the 5 % is spent as O'Brien and Fleming's function
allows at that time: almost nothing early, nearly all of it at the end. Intervals at a look are as
much wider; an effect that a look shows may be acted upon, and the experiment ended.

Sources:
    Spending: Lan & DeMets (1983), "Discrete sequential boundaries for clinical trials", Biometrika
    70; by calendar time, with the information that the looks happened to have: Lan & DeMets (1989),
    Statistics in Medicine 8. Numerical integration: Armitage, McPherson & Rowe (1969), JRSS A 132.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import sqrt
from types import ModuleType

import numpy as np

from measurement.config import Looks
from measurement.lift import SIGNIFICANCE, Floats

# Points of the grid on which the estimate's distribution is carried from look to look; boundaries
# change by less than 1e-4 with twice as many.
_POINTS = 501
# Beyond so many standard errors no boundary is looked for.
_FAR = 9.0


@dataclass(frozen=True, slots=True)
class Look:
    """Where a plan stands.

    Attributes:
        number: Looks so far; 0 before the first.
        planned: Looks in all.
        at: The moment of the latest look, up to which outcomes count; None before the first.
        next_at: The next one; None after the last.
    """

    number: int
    planned: int
    at: dt.datetime | None
    next_at: dt.datetime | None


def look_of(looks: Looks, now: dt.datetime) -> Look:
    """The latest look of a plan at a moment (UTC, without a zone)."""
    moments = moments_of(looks)
    number = sum(moment <= now for moment in moments)
    return Look(
        number=number,
        planned=looks.count,
        at=moments[number - 1] if number else None,
        next_at=moments[number] if number < looks.count else None,
    )


def moments_of(looks: Looks) -> tuple[dt.datetime, ...]:
    """Every look of a plan, at 00:00 UTC."""
    begin = dt.datetime.combine(looks.begin, dt.time())
    return tuple(
        begin + dt.timedelta(days=looks.every_days * number) for number in range(1, looks.count + 1)
    )


def significance_at(look: Look, information: Sequence[float]) -> float:
    """The level at which the latest look is judged, 0..1; 0 where it has nothing to judge.

    Args:
        look: Not before the first.
        information: How much every look up to this one had, such as persons; never falling.
    """
    times = [number / look.planned for number in range(1, look.number + 1)]
    kept = [
        (time, amount)
        for place, (time, amount) in enumerate(zip(times, information, strict=True))
        if amount > (information[place - 1] if place else 0)
    ]
    if not kept or information[-1] != kept[-1][1] or kept[-1][0] != times[-1]:
        return 0.0
    bounds = boundaries(tuple(t for t, _ in kept), tuple(float(i) for _, i in kept))
    return float(2 * _stats().norm.sf(bounds[-1]))


@lru_cache(maxsize=256)
def boundaries(times: tuple[float, ...], information: tuple[float, ...]) -> tuple[float, ...]:
    """How many standard errors an effect must reach at each look.

    Args:
        times: Share of the planned time at each look, rising, at most 1: how much is spent.
        information: Of each look, rising: how looks hang together.
    """
    spent = [_spent(time) for time in times]
    found: list[float] = []
    reach, density = 0.0, None
    for place, amount in enumerate(information):
        step = sqrt(amount - (information[place - 1] if place else 0.0))
        wanted = spent[place] - (spent[place - 1] if place else 0.0)
        bound = _bound(density, reach, step, sqrt(amount), wanted)
        density = _carried(density, reach, step, bound * sqrt(amount))
        reach = bound * sqrt(amount)
        found.append(bound)
    return tuple(found)


def _spent(time: float) -> float:
    """Of the whole level, both sides together."""
    normal = _stats().norm
    return float(4 * normal.sf(normal.isf(SIGNIFICANCE / 4) / sqrt(min(time, 1.0))))


def _bound(density: Floats | None, reach: float, step: float, scale: float, wanted: float) -> float:
    """The bound that is first crossed at this look with probability ``wanted``."""
    normal = _stats().norm
    if density is None:
        return min(float(normal.isf(wanted / 2)), _FAR)
    grid, weights = _grid(reach)

    def crossed(bound: float) -> float:
        beyond = normal.sf((bound * scale - grid) / step) + normal.cdf(
            (-bound * scale - grid) / step
        )
        return float((weights * density * beyond).sum()) - wanted

    if crossed(_FAR) >= 0:
        return _FAR
    return float(_optimize().brentq(crossed, 0.0, _FAR, xtol=1e-10))


def _carried(density: Floats | None, reach: float, step: float, bound: float) -> Floats:
    """Density at this look of the paths that have crossed no bound, on the grid within the bound."""
    normal, grid = _stats().norm, _grid(bound)[0]
    if density is None:
        return np.asarray(normal.pdf(grid / step) / step, dtype=np.float64)
    before, weights = _grid(reach)
    moves = normal.pdf((grid[:, None] - before[None, :]) / step) / step
    return np.asarray(moves @ (weights * density), dtype=np.float64)


def _grid(reach: float) -> tuple[Floats, Floats]:
    """Points within the bound, and the weights of Simpson's rule."""
    points = np.linspace(-reach, reach, _POINTS)
    weights = np.full(_POINTS, 2.0)
    weights[1::2], weights[[0, -1]] = 4.0, 1.0
    return points, weights * (points[1] - points[0]) / 3


def _stats() -> ModuleType:
    from scipy import stats  # noqa: PLC0415 - takes a second, and definitions load without it

    return stats


def _optimize() -> ModuleType:
    from scipy import optimize  # noqa: PLC0415 - as above

    return optimize
