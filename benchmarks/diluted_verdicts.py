"""Whose effect the verdict should be: everybody's, that of those known before, or one of both.

People have several browsers, few of which can be joined; what somebody does on one is not seen on the
others. Arms are drawn per person or per browser, and a conversion may tell who it was, which joins
browsers afterwards. Told is how often each way finds a difference and how often its interval holds the effect per
person. The verdict of "scaled" is everybody's: it multiplies that effect by how much more often the known convert.

Run it by ``python -m benchmarks.diluted_verdicts --worlds 4000``.
"""

from __future__ import annotations

import argparse
from collections import Counter
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from measurement import Counts
from measurement.lift import Interval, difference_interval

PEOPLE = 1100
# Of the browsers of those who sign in at all; of browsers, how many meet an arm; of conversions of
# people who can be told, how many tell.
SIGNED_IN, MET, TELLS = 0.7, 0.8, 0.6
_TWO_SIDED = float(stats.norm.ppf(0.975))
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class World:
    """One kind of company.

    Attributes:
        rate: How many convert under the old arm.
        effect: Of the new arm, per person.
        can_be_told: Share of people who sign in anywhere.
        more: Browsers that a person has besides the first, on average.
        is_per_person: Whether all browsers of a person meet one arm.
        known_rate: How many times as often those who can be told convert.
    """

    rate: float
    effect: float
    can_be_told: float = 0.35
    more: float = 1.5
    is_per_person: bool = True
    known_rate: float = 1.0


WORLDS = (
    World(0.1, 0.0),
    World(0.1, 0.0, is_per_person=False),
    World(0.1, 0.06),
    World(0.1, 0.06, is_per_person=False),
    World(0.15, -0.1),
    World(0.15, -0.1, can_be_told=0.7, more=0.5),
    World(0.1, 0.06, known_rate=1.8),
    World(0.1, 0.06, can_be_told=0.7, more=0.5, is_per_person=False, known_rate=0.5),
)


@dataclass(frozen=True, slots=True)
class Seen:
    """What the company sees: one of each per unit that met an arm."""

    is_new: Flags
    has_converted: Flags
    is_known: Flags

    def counts(self, among: Flags) -> tuple[Counts, Counts]:
        """The new arm and the old."""
        return tuple(  # type: ignore[return-value]
            Counts(int(who.sum()), int(self.has_converted[who].sum()))
            for who in (among & self.is_new, among & ~self.is_new)
        )


def live(world: World, rng: np.random.Generator) -> Seen:
    """Let people meet an arm and convert, and join what can be joined."""
    browsers = 1 + rng.poisson(world.more, PEOPLE)
    owner = np.repeat(np.arange(PEOPLE), browsers)
    can_be_told = rng.random(PEOPLE) < world.can_be_told
    is_known = can_be_told[owner] & (rng.random(len(owner)) < SIGNED_IN)
    met, moment = rng.random(len(owner)) < MET, rng.random(len(owner))
    new = rng.random(len(owner)) < 0.5
    if world.is_per_person:
        new = (rng.random(PEOPLE) < 0.5)[owner]
    first = _first(owner, moment + 2 * ~met)
    rates = world.rate * np.where(can_be_told, world.known_rate, 1.0)
    converts = rng.random(PEOPLE) < rates + world.effect * (new & met)[first]
    where = np.cumsum(browsers) - browsers + (rng.random(PEOPLE) * browsers).astype(int)
    converted = np.zeros(len(owner), dtype=np.bool_)
    converted[where[converts]] = True
    tells = converted & can_be_told[owner] & (rng.random(len(owner)) < TELLS)
    unit = np.where(is_known | tells, -1 - owner, np.arange(len(owner)))
    _, unit = np.unique(unit, return_inverse=True)
    begun = _first(unit, moment + 2 * ~met)
    outcome = np.bincount(unit, weights=converted) > 0
    here = met[begun]
    return Seen(new[begun][here], outcome[here], is_known[begun][here])


def _first(group: NDArray[np.intp], moment: NDArray[np.float64]) -> NDArray[np.intp]:
    """The row of each group with the least moment, in the order of the groups."""
    order = np.lexsort((moment, group))
    return order[np.unique(group[order], return_index=True)[1]]


def judge(seen: Seen) -> dict[str, tuple[float, Interval]]:
    """The effect and its 95 % interval by every way."""
    everybody = np.ones(len(seen.is_known), dtype=np.bool_)
    all_, known, rest = (
        (_effect(pair), difference_interval(*pair))
        for pair in map(seen.counts, (everybody, seen.is_known, ~seen.is_known))
    )
    weights = [1 / max(_error(way[1]), 1e-9) ** 2 for way in (known, rest)]
    mean = (weights[0] * known[0] + weights[1] * rest[0]) / sum(weights)
    half = _TWO_SIDED / sqrt(sum(weights))
    return {
        "everybody": all_,
        "known before": known,
        "both, weighed": (mean, Interval(mean - half, mean + half)),
        "scaled": _scaled(all_, seen),
    }


def _effect(pair: tuple[Counts, Counts]) -> float:
    return pair[0].rate - pair[1].rate


def _error(interval: Interval) -> float:
    return (interval.high - interval.low) / 2 / _TWO_SIDED


def _scaled(everybody: tuple[float, Interval], seen: Seen) -> tuple[float, Interval]:
    """Everybody's effect times how much more often the known convert, which is itself unsure."""
    known = max(int(seen.has_converted[seen.is_known].sum()), 1)
    times = known / max(int(seen.is_known.sum()), 1) / max(seen.has_converted.mean(), 1e-9)
    noise = 1 / known - 1 / max(int(seen.has_converted.sum()), 1)
    effect, error = everybody[0], _error(everybody[1])
    half = _TWO_SIDED * times * sqrt(error**2 + effect**2 * max(noise, 0.0))
    return effect * times, Interval(effect * times - half, effect * times + half)


def main() -> None:
    """Live every kind of company as often as is asked, and print what each way tells."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, default=4000)
    asked = parser.parse_args()
    for number, world in enumerate(WORLDS):
        found, wrong, held = Counter[str](), Counter[str](), Counter[str]()
        rng = np.random.default_rng([number, 12])
        for _ in range(asked.worlds):
            for name, (effect, interval) in judge(live(world, rng)).items():
                is_found = not interval.low <= 0 <= interval.high
                found[name] += is_found
                wrong[name] += is_found and effect * world.effect < 0
                held[name] += interval.low <= world.effect <= interval.high
        print(world)
        for name in held:
            shares = (counted[name] / asked.worlds for counted in (found, wrong, held))
            print(f"  {name}: found {{:.1%}}, wrong sign {{:.2%}}, holds {{:.1%}}".format(*shares))


if __name__ == "__main__":
    main()
