"""How often a guard pauses what harms and what does not, on made companies, and what it costs.

Each company has three to six segments of unlike sizes, 1,000 to 20,000 people who come within twelve
weeks, and two arms. Each week everybody who came so far is counted, and the shares of the next week
are learnt as a run learns them. Nothing but chance differs between guards: the same people come.

Run it by ``python -m benchmarks.guard_variants --companies 400``.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from measurement import GLOBAL_SEGMENT, Counts, Experiment
from personalization.policies import ArmPolicy, Cell, share_out

Floats = NDArray[np.float64]
ARMS = ("control", "new")
WEEKS = 12
# None: without a guard.
BARS = (0.8, 0.9, 0.95, None)
# Of a segment: how many of its people met either arm in all.
SIZES = (0, 200, 500, 2000, 10**9)
WORLDS = ("nothing differs", "new helps all", "new harms one", "new harms one and helps the rest")


@dataclass(frozen=True, slots=True)
class MadeCompany:
    """One row per segment: people a week, share that converts, and what the new arm adds to it."""

    people: NDArray[np.int64]
    base: Floats
    effect: Floats

    @classmethod
    def draw(cls, world: str, seed: int) -> MadeCompany:
        """A company of one of the worlds."""
        rng = np.random.default_rng([seed, WEEKS + WORLDS.index(world)])
        count = int(rng.integers(3, 7))
        total = np.exp(rng.uniform(np.log(1_000), np.log(20_000))) / WEEKS
        people = rng.poisson(total * rng.dirichlet(np.full(count, 2.0)), size=(WEEKS, count))
        base = rng.uniform(0.03, 0.25, count)
        gains = rng.uniform(0.1, 0.5, count) * world.count("helps")
        if "harms one" in world:
            gains[0] = rng.choice([-0.25, -0.5])
        return cls(people, base, gains * base)


@dataclass(frozen=True, slots=True)
class Ended:
    """One segment after the last week."""

    effect: float
    relative: float
    met: int
    is_withheld: bool
    was_withheld: bool
    lost: float


def experiment_of(segments: int, bar: float | None) -> Experiment:
    """Of two arms, paused where harm is as probable as ``bar``; None: no guard."""
    return Experiment.model_validate(
        {
            "exposure": {"event": "Experiment Viewed"},
            "baseline": ARMS[0],
            "metrics": {"won": {"event": "Won", "within_days": 1}},
            "segments": [{"name": f"s{number}"} for number in range(segments)],
            "variants": {"metric": "won", "guard": {"harm_probability": bar} if bar else None},
        }
    )


def live(company: MadeCompany, bar: float | None, seed: int) -> Iterator[Ended]:
    """Twelve weeks of a company; each of its segments as it ends."""
    count = len(company.base)
    asked = experiment_of(count, bar)
    assert asked.variants is not None
    rates = np.column_stack([company.base, company.base + company.effect])
    met, won = np.zeros((count, 2), dtype=np.int64), np.zeros((count, 2), dtype=np.int64)
    shares, withheld, ever = np.full(count, 0.5), set[Cell](), set[Cell]()
    for week in range(WEEKS):
        rng = np.random.default_rng([seed, week])
        # The same luck whatever the shares are: who draws what, and who would convert under what.
        for number, people in enumerate(company.people[week]):
            is_new = rng.random(people) < shares[number]
            luck = rng.random(people)
            for arm, there in enumerate((~is_new, is_new)):
                met[number, arm] += there.sum()
                won[number, arm] += (luck[there] < rates[number, arm]).sum()
        found = list(share_out(_table(met, won), asked, asked.variants, withheld=withheld))
        withheld = {(p.segment, p.arm) for p in found if p.state != "shown"}
        ever |= withheld
        shares = _shares(found, count)
    worst = np.abs(np.where(company.effect > 0, met[:, 0], met[:, 1]) * company.effect)
    for number in range(count):
        cell = (f"s{number}", ARMS[1])
        yield Ended(
            company.effect[number], round(company.effect[number] / company.base[number], 2),
            int(met[number].sum()), cell in withheld, cell in ever, float(worst[number]),
        )  # fmt: skip


def _table(met: NDArray[np.int64], won: NDArray[np.int64]) -> Mapping[str, Mapping[str, Counts]]:
    def counts(n: NDArray[np.int64], converted: NDArray[np.int64]) -> Mapping[str, Counts]:
        return {arm: Counts(int(n[a]), int(converted[a])) for a, arm in enumerate(ARMS)}

    segments = {f"s{number}": counts(met[number], won[number]) for number in range(len(met))}
    return {GLOBAL_SEGMENT: counts(met.sum(axis=0), won.sum(axis=0)), **segments}


def _shares(found: list[ArmPolicy], count: int) -> Floats:
    by_segment = {p.segment: p.probability for p in found if p.arm == ARMS[1]}
    return np.array([by_segment[f"s{number}"] for number in range(count)])


def _kind(ended: Ended) -> str:
    if ended.effect >= 0:
        return "helped" if ended.effect else "no effect"
    place = int(np.searchsorted(SIZES, ended.met, side="right"))
    return (
        f"harmed by {-ended.relative:.0%} of its rate, {SIZES[place - 1]} to {SIZES[place]} people"
    )


def main() -> None:
    """Print, for each world and guard, what was paused or off at the end and what was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--companies", type=int, default=400)
    parser.add_argument("--bars", type=_bar, nargs="+", default=BARS, help="none: no guard")
    parser.add_argument("--worlds", type=int, nargs="+", default=range(len(WORLDS)))
    asked = parser.parse_args()
    for world in (WORLDS[number] for number in asked.worlds):
        for bar in asked.bars:
            kinds: dict[str, list[Ended]] = defaultdict(list)
            for seed in range(asked.companies):
                for ended in live(MadeCompany.draw(world, seed), bar, seed):
                    kinds[_kind(ended)].append(ended)
            _print(world, bar, kinds)


def _bar(text: str) -> float | None:
    return None if text == "none" else float(text)


def _print(world: str, bar: float | None, kinds: Mapping[str, list[Ended]]) -> None:
    every = [ended for found in kinds.values() for ended in found]
    people = sum(ended.met for ended in every) / 1000
    harm = sum(ended.lost for ended in every if ended.effect < 0) / people
    forgone = sum(ended.lost for ended in every if ended.effect > 0) / people
    print(
        f"{world}; {f'bar {bar}' if bar else 'no guard'}: per 1,000 people {harm:.3f} conversions less by harm, ",
        end="",
    )
    print(f"{forgone:.3f} gains forgone")
    for kind, found in sorted(kinds.items()):
        withheld, ever = (
            np.mean([getattr(e, name) for e in found]) for name in ("is_withheld", "was_withheld")
        )
        print(
            f"  {kind}: {withheld:.1%} withheld at the end, {ever:.1%} at some time, of {len(found)}"
        )


if __name__ == "__main__":
    main()
