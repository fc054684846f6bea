"""How often harm to one segment is found, and claimed where there is none, by several ways to judge.

Each company has the four segments of a hero experiment as Fernhill's: sizes, rates, two equal arms. All ways
judge the same people once. What they are compared at is an equal share of false calls where nothing
differs, as any way finds more with a lower bar.

Run it by ``python -m benchmarks.judge_harm --companies 300``.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from measurement import GLOBAL_SEGMENT, Counts
from personalization.variants import HARMFUL, believe

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Table = Mapping[str, Mapping[str, Counts]]
ARMS = ("control", "new")
PEOPLE = np.array([301, 532, 204, 527])
RATES = np.array([0.198, 0.143, 0.167, 0.135])
NOTHING = "nothing differs"
WORLDS = {
    NOTHING: (0.0, 0.0, 0.0, 0.0),
    "as on Fernhill": (-0.083, 0.107, 0.0, 0.1475),
    "one harmed, nothing else": (-0.083, 0.0, 0.0, 0.0),
    "one harmed by a quarter, nothing else": (-0.05, 0.0, 0.0, 0.0),
}
WAYS = ("all segments", "its own people", "all segments, adjusted", "its own people, adjusted")


@dataclass(frozen=True, slots=True)
class MadePeople:
    """Who met which arm; all arrays are of persons.

    Attributes:
        segment: Number of the segment.
        is_new: Whether the new arm was met.
        before: What is seen of how ready they were before.
        did: Whether they converted.
    """

    segment: NDArray[np.int64]
    is_new: Flags
    before: Floats
    did: Flags

    @classmethod
    def draw(cls, effects: Floats, seed: int, *, spread: float, seen: float) -> MadePeople:
        """Rates differ by ``spread`` on the log, and ``seen`` is the correlation of what is seen with that."""
        rng = np.random.default_rng(seed)
        segment = np.repeat(np.arange(len(PEOPLE)), rng.poisson(PEOPLE))
        is_new, ready = rng.random(len(segment)) < 0.5, rng.normal(size=len(segment))
        rates = (RATES[segment] + is_new * effects[segment]) * np.exp(
            spread * ready - spread**2 / 2
        )
        before = seen * ready + np.sqrt(1 - seen**2) * rng.normal(size=len(segment))
        return cls(segment, is_new, before, rng.random(len(segment)) < rates.clip(0.003, 0.9))


def tables(people: MadePeople) -> tuple[Table, Table]:
    """Counts by segment and arm, and the same adjusted for what was before, within each segment."""
    counted: dict[str, dict[str, Counts]] = {GLOBAL_SEGMENT: {}}
    adjusted: dict[str, dict[str, Counts]] = {GLOBAL_SEGMENT: {}}
    for number in range(len(PEOPLE)):
        here, name = people.segment == number, f"s{number}"
        sides = [here & (people.is_new == side) for side in (False, True)]
        counted[name] = {
            arm: Counts(int(side.sum()), int(people.did[side].sum()))
            for arm, side in zip(ARMS, sides, strict=True)
        }
        adjusted[name] = _adjusted(people, sides, people.before[here].mean())
    return counted, adjusted


def _adjusted(people: MadePeople, sides: list[Flags], mean: float) -> dict[str, Counts]:
    """Rates by regression within the arms; what it explains makes the people say more."""
    before = np.concatenate([people.before[side] - people.before[side].mean() for side in sides])
    did = np.concatenate([people.did[side] - people.did[side].mean() for side in sides])
    slope = before @ did / (before @ before)
    worth = (did @ did) / ((did - slope * before) @ (did - slope * before))
    found = {}
    for arm, side in zip(ARMS, sides, strict=True):
        rate = people.did[side].mean() - slope * (people.before[side].mean() - mean)
        n = float(side.sum() * worth)
        found[arm] = Counts(n, n * min(max(rate, 0.0), 1.0))
    return found


def judge(people: MadePeople) -> Floats:
    """(ways, segments): the probability that the new arm harms."""
    found = []
    for table in tables(people):
        beliefs = believe(table, ARMS, baseline=ARMS[0])
        ours = [beliefs[f"s{number}"][ARMS[1]] for number in range(len(PEOPLE))]
        found += [[one.p_harmful for one in ours], [one.p_harmful_alone or 0.0 for one in ours]]
    return np.array(found)


def main() -> None:
    """Print what each way finds at its bar, and at bars with the same share of false calls."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--companies", type=int, default=300)
    parser.add_argument("--spread", type=float, default=0.35, help="of rates, on the logarithm")
    parser.add_argument("--seen", type=float, default=0.5, help="correlation, 0..1")
    asked = parser.parse_args()
    judged = {
        world: np.array([
            judge(MadePeople.draw(np.array(effects), seed, spread=asked.spread, seen=asked.seen))
            for seed in range(asked.companies)
        ])
        for world, effects in WORLDS.items()
    }  # fmt: skip
    _print(f"bar {HARMFUL}", judged, np.full(len(WAYS), HARMFUL))
    for share in (0.01, 0.025):
        bars = np.quantile(
            judged[NOTHING].transpose(1, 0, 2).reshape(len(WAYS), -1), 1 - share, axis=1
        )
        _print(f"{share:.1%} false calls where nothing differs", judged, bars)


def _print(title: str, judged: Mapping[str, Floats], bars: Floats) -> None:
    print(title)
    for world, found in judged.items():
        effects, called = np.array(WORLDS[world]), found >= bars[:, None]
        for way, name in enumerate(WAYS):
            told = [
                f"{words} {called[:, way, kind].mean():.1%}"
                for words, kind in (("found", effects < 0), ("called wrongly", effects == 0))
                if kind.any()
            ]
            print(f"  {world}; {name}, at {bars[way]:.3f}: {', '.join(told)}")


if __name__ == "__main__":
    main()
