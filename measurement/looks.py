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
from math import pi, sqrt
from types import ModuleType

import numpy as np

from measurement.config import Looks
from measurement.lift import SIGNIFICANCE, Floats

# Points of the grid on which the estimate's distribution is carried from look to look; boundaries
# change by less than 1e-4 with twice as many.
_POINTS = 301
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

    Looks at the same people are one, at the latest of their times: what any of them shows, that one
    shows too.

    Args:
        look: Not before the first.
        information: How much every look up to this one had, such as persons; never falling.
    """
    times = [number / look.planned for number in range(1, look.number + 1)]
    latest = {float(i): time for i, time in zip(information, times, strict=True) if i > 0}
    if not latest:
        return 0.0
    last = _after(tuple(latest.values()), tuple(latest))
    return float(2 * _special().ndtr(-last.bound))


def boundaries(times: tuple[float, ...], information: tuple[float, ...]) -> tuple[float, ...]:
    """How many standard errors an effect must reach at each look.

    Args:
        times: Share of the planned time at each look, rising, at most 1: how much is spent.
        information: Of each look, rising: how looks hang together.
    """
    return tuple(
        _after(times[:number], information[:number]).bound for number in range(1, len(times) + 1)
    )


@dataclass(frozen=True, slots=True)
class _State:
    """After a look: its bound, how far the paths inside it reach, and their density on the grid."""

    bound: float
    reach: float
    density: Floats


@lru_cache(maxsize=1024)
def _after(times: tuple[float, ...], information: tuple[float, ...]) -> _State:
    """The last of some looks; those before it are found once."""
    before = _after(times[:-1], information[:-1]) if len(times) > 1 else None
    amount, wanted = information[-1], _spent(times[-1])
    if before is None:
        step = sqrt(amount)
        bound = min(-float(_special().ndtri(wanted / 2)), _FAR)
        density = _density(_grid(bound * step)[0] / step) / step
        return _State(bound, bound * step, density)
    step = sqrt(amount - information[-2])
    bound = _bound(before, step, sqrt(amount), wanted - _spent(times[-2]))
    reach = bound * sqrt(amount)
    points, weights = _grid(before.reach)
    moves = _density((_grid(reach)[0][:, None] - points[None, :]) / step) / step
    return _State(bound, reach, np.asarray(moves @ (weights * before.density), dtype=np.float64))


def _spent(time: float) -> float:
    """Of the whole level, both sides together."""
    special = _special()
    return float(4 * special.ndtr(special.ndtri(SIGNIFICANCE / 4) / sqrt(min(time, 1.0))))


def _bound(before: _State, step: float, scale: float, wanted: float) -> float:
    """The bound that is first crossed at this look with probability ``wanted``."""
    points, weights = _grid(before.reach)
    mass, ndtr = weights * before.density, _special().ndtr

    def crossed(bound: float) -> float:
        beyond = ndtr((points - bound * scale) / step) + ndtr((-bound * scale - points) / step)
        return float(mass @ beyond) - wanted

    if crossed(_FAR) >= 0:
        return _FAR
    return float(_optimize().brentq(crossed, 0.0, _FAR, xtol=1e-8))


def _density(values: Floats) -> Floats:
    """Of the standard normal distribution."""
    return np.asarray(np.exp(-(values**2) / 2) / sqrt(2 * pi), dtype=np.float64)


def _grid(reach: float) -> tuple[Floats, Floats]:
    """Points within the bound, and the weights of Simpson's rule."""
    points = np.linspace(-reach, reach, _POINTS)
    weights = np.full(_POINTS, 2.0)
    weights[1::2], weights[[0, -1]] = 4.0, 1.0
    return points, weights * (points[1] - points[0]) / 3


def _special() -> ModuleType:
    from scipy import special  # noqa: PLC0415 - takes long, and definitions load without it

    return special


def _optimize() -> ModuleType:
    from scipy import optimize  # noqa: PLC0415 - as above

    return optimize
