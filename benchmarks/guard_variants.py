"""How often a guard pauses what harms and what does not, on made companies, and what it costs.

Each company has three to six segments of unlike sizes, 1,000 to 20,000 people who come within twelve
weeks, and two arms. Each week everybody who came so far is counted, and the shares of the next week
are learnt as a run learns them. Nothing but chance differs between guards: the same people come.

Run it by ``python -m benchmarks.guard_variants --companies 400``.
"""

from __future__ import annotations

import argparse
import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from measurement import GLOBAL_SEGMENT, Counts, Experiment, Guard
from personalization.pauses import Cell, History, Standing
from personalization.policies import ArmPolicy, share_out

Floats = NDArray[np.float64]
Counted = NDArray[np.int64]
_BEGIN = dt.datetime(2026, 1, 5, tzinfo=dt.UTC)
ARMS = ("control", "new")
# In which the people of a company come; in what is simulated after them, as many come again.
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

    def going_on(self, weeks: int, seed: int) -> MadeCompany:
        """The same company, to which as many people come a week for so many weeks."""
        rng = np.random.default_rng([seed, weeks])
        more = rng.poisson(self.people.mean(axis=0), size=(max(weeks - WEEKS, 0), len(self.base)))
        return MadeCompany(np.vstack((self.people, more))[:weeks], self.base, self.effect)


@dataclass(frozen=True, slots=True)
class Ended:
    """One segment after the last week."""

    effect: float
    relative: float
    met: int
    is_withheld: bool
    was_withheld: bool
    weeks_withheld: int
    lost: float


def experiment_of(segments: int, guard: Guard | None) -> Experiment:
    """Of two arms; None: no guard."""
    return Experiment.model_validate(
        {
            "exposure": {"event": "Experiment Viewed"},
            "baseline": ARMS[0],
            "metrics": {"won": {"event": "Won", "within_days": 1}},
            "segments": [{"name": f"s{number}"} for number in range(segments)],
            "variants": {"metric": "won", "guard": guard},
        }
    )


def live(company: MadeCompany, guard: Guard | None, seed: int) -> Iterator[Ended]:
    """The weeks of a company; each of its segments as it ends."""
    count = len(company.base)
    asked = experiment_of(count, guard)
    assert asked.variants is not None
    rates = np.column_stack([company.base, company.base + company.effect])
    met, won = np.zeros((2, len(company.people), count, len(ARMS)), dtype=np.int64)
    shares, standings = np.full(count, 0.5), dict[Cell, Standing]()
    withheld = np.zeros((len(company.people), count), dtype=np.bool_)
    for week in range(len(company.people)):
        rng = np.random.default_rng([seed, week])
        # The same luck whatever the shares are: who draws what, and who would convert under what.
        for number, people in enumerate(company.people[week]):
            is_new = rng.random(people) < shares[number]
            luck = rng.random(people)
            for arm, there in enumerate((~is_new, is_new)):
                met[week, number, arm] = there.sum()
                won[week, number, arm] = (luck[there] < rates[number, arm]).sum()
        found = list(
            share_out(
                _table(met, won), asked, asked.variants, history=_history(week, standings, met, won)
            )
        )
        standings = {(p.segment, p.arm): p.standing for p in found}
        withheld[week] = [_is_withheld(standings, number) for number in range(count)]
        shares = _shares(found, count)
    total = met.sum(axis=0)
    worst = np.abs(np.where(company.effect > 0, total[:, 0], total[:, 1]) * company.effect)
    for number in range(count):
        weeks = withheld[:, number]
        yield Ended(
            company.effect[number], round(company.effect[number] / company.base[number], 2),
            int(total[number].sum()), bool(weeks[-1]), bool(weeks.any()), int(weeks.sum()),
            float(worst[number]),
        )  # fmt: skip


def _is_withheld(standings: Mapping[Cell, Standing], number: int) -> bool:
    return standings[f"s{number}", ARMS[1]].state in ("paused", "switched_off")


def _history(week: int, standings: Mapping[Cell, Standing], met: Counted, won: Counted) -> History:
    """Who comes in a week is known at its end; who is judged anew, by the weeks since."""
    since = {
        (segment, arm): _table(met[first:], won[first:])[segment]
        for (segment, arm), standing in standings.items()
        if standing.judged_from and (first := (standing.judged_from - _BEGIN).days // 7) >= 0
    }
    return History(_BEGIN + dt.timedelta(weeks=week + 1), standings, since)


def _table(met: Counted, won: Counted) -> Mapping[str, Mapping[str, Counts]]:
    def counts(n: NDArray[np.int64], converted: NDArray[np.int64]) -> Mapping[str, Counts]:
        return {arm: Counts(int(n[a]), int(converted[a])) for a, arm in enumerate(ARMS)}

    met, won = met.sum(axis=0), won.sum(axis=0)
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
    parser.add_argument("--weeks", type=int, default=WEEKS)
    parser.add_argument(
        "--reviews", type=_days, nargs="+", default=(Guard().review_after_days,), metavar="DAYS",
        help="none: pauses are not looked at anew",
    )  # fmt: skip
    asked = parser.parse_args()
    for world in (WORLDS[number] for number in asked.worlds):
        for guard in _guards(asked.bars, asked.reviews):
            kinds: dict[str, list[Ended]] = defaultdict(list)
            for seed in range(asked.companies):
                company = MadeCompany.draw(world, seed).going_on(asked.weeks, seed)
                for ended in live(company, guard, seed):
                    kinds[_kind(ended)].append(ended)
            _print(world, guard, kinds)


def _guards(bars: Sequence[float | None], reviews: Sequence[int | None]) -> Iterator[Guard | None]:
    for bar in bars:
        if bar is None:
            yield None
            continue
        for days in reviews:
            yield Guard(harm_probability=bar, review_after_days=days)


def _days(text: str) -> int | None:
    return None if text == "none" else int(text)


def _bar(text: str) -> float | None:
    return None if text == "none" else float(text)


def _print(world: str, guard: Guard | None, kinds: Mapping[str, list[Ended]]) -> None:
    every = [ended for found in kinds.values() for ended in found]
    people = sum(ended.met for ended in every) / 1000
    harm = sum(ended.lost for ended in every if ended.effect < 0) / people
    forgone = sum(ended.lost for ended in every if ended.effect > 0) / people
    name = (
        f"bar {guard.harm_probability}, review after {guard.review_after_days} days"
        if guard
        else "no guard"
    )
    print(
        f"{world}; {name}: per 1,000 people {harm:.3f} conversions less by harm, ",
        end="",
    )
    print(f"{forgone:.3f} gains forgone")
    for kind, found in sorted(kinds.items()):
        withheld, ever = (
            np.mean([getattr(e, name) for e in found]) for name in ("is_withheld", "was_withheld")
        )
        print(
            f"  {kind}: {withheld:.1%} withheld at the end, {ever:.1%} at some time, for "
            f"{np.mean([e.weeks_withheld for e in found]):.1f} weeks on average, of {len(found)}"
        )


if __name__ == "__main__":
    main()
