"""What shares of variants lose where effects change, and where they do not, with and without forgetting.

Forgetting is not built in: this measures whether it would pay. Outcomes of earlier weeks count by half
after so many weeks. Chosen half-lives are judged one week ahead: of those who converted in a week, how
likely was it that so many had met the new arm, by what was known before? That asks about the arms alone,
so that a season, which moves all of them, is no reason to forget.

Run it by ``python -m benchmarks.forget_outcomes --companies 10``.
"""

from __future__ import annotations

import argparse
import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from benchmarks.guard_variants import ARMS, experiment_of
from measurement import GLOBAL_SEGMENT, Counts, Guard
from personalization.pauses import Cell, History, Standing
from personalization.policies import share_out

Floats = NDArray[np.float64]
_BEGIN = dt.datetime(2026, 1, 5, tzinfo=dt.UTC)
SEGMENTS = 4
# Weeks until the outcome of a week's people is known.
LAG = 2
# People whose worth the mean of all segments has in a forecast.
_LEANING = 50
HALF_LIVES = (4, 8, 16)
WORLDS = (
    "no change",
    "all flip at half time",
    "one flips at half time",
    "slow drift to the opposite",
)


@dataclass(slots=True)
class Forgetting:
    """How outcomes are forgotten.

    Attributes:
        name: Of it.
        weeks: The half-life; None: none.
        tried: Half-lives, one of which is used once the log prefers it.
        bar: By how many nats; what is in use stays as long as it is better at all.
        is_recent: Whether evidence from before the time that favours it most is left out.
    """

    name: str
    weeks: float | None = None
    tried: Sequence[float] = ()
    bar: float = 3.0
    is_recent: bool = False
    scores: dict[float | None, list[float]] = field(default_factory=dict)

    def choose(self, met: Floats, won: Floats, week: int) -> None:
        """Settle the half-life by what is known at the end of a week."""
        gains = {weeks: self._gain(met, won, week, weeks) for weeks in self.tried}
        for weeks in gains:
            gains[weeks] -= 0 if weeks == self.weeks else self.bar
        if gains:
            best = max(gains, key=lambda weeks: gains[weeks])
            self.weeks = best if gains[best] > 0 else None

    def _gain(self, met: Floats, won: Floats, week: int, weeks: float) -> float:
        for tried in (None, weeks):
            known = self.scores.setdefault(tried, [])
            for judged in range(LAG + 3 + len(known), week - LAG + 1):
                known.append(forecast(met, won, judged, tried))
        gained = 0.0
        for ours, plain in zip(self.scores[weeks], self.scores[None], strict=True):
            gained += ours - plain
            gained = max(gained, 0.0) if self.is_recent else gained
        return gained


def remembered(cohorts: Floats, week: int, weeks: float | None) -> Floats:
    """(segments, arms), summed over the weeks whose outcomes are known at the end of a week."""
    age = np.arange(week - LAG, -1, -1)
    worth = np.ones(len(age)) if weeks is None else 0.5 ** (age / weeks)
    return np.asarray(np.tensordot(worth, cohorts[: len(age)], 1), dtype=np.float64)


def forecast(met: Floats, won: Floats, week: int, weeks: float | None) -> float:
    """Log likelihood of which arm those had met who converted in a week, by what was known before it."""
    n, converted = (remembered(cohorts, week - 1, weeks) for cohorts in (met, won))
    everybody = (converted.sum(axis=0) + 1) / (n.sum(axis=0) + 10)
    expected = met[week] * (converted + _LEANING * everybody) / (n + _LEANING)
    share = expected / np.maximum(expected.sum(axis=1, keepdims=True), 1e-9)
    return float((won[week] * np.log(np.clip(share, 1e-6, 1.0))).sum())


def live(rates: Floats, people: Floats, forgetting: Forgetting, seed: int) -> tuple[float, float]:
    """Conversions lost of 1,000 people, and the share of weeks in which something is forgotten.

    Args:
        rates: (weeks, segments, arms).
        people: Of each segment, a week.
        forgetting: How.
        seed: The same people come for all ways to forget.
    """
    asked = experiment_of(SEGMENTS, Guard())
    assert asked.variants is not None
    met, won = np.zeros((2, *rates.shape))
    shares, standings = np.full(SEGMENTS, 0.5), dict[Cell, Standing]()
    lost, forgot = 0.0, 0
    for week in range(len(rates)):
        rng = np.random.default_rng([seed, week])
        for number in range(SEGMENTS):
            count = rng.poisson(people[number])
            is_new, luck = rng.random(count) < shares[number], rng.random(count)
            for arm, there in enumerate((~is_new, is_new)):
                met[week, number, arm] = there.sum()
                won[week, number, arm] = (luck[there] < rates[week, number, arm]).sum()
        lost += float((met[week] * (rates[week].max(axis=1, keepdims=True) - rates[week])).sum())
        forgetting.choose(met, won, week)
        forgot += forgetting.weeks is not None
        table = _table(met, won, week, forgetting.weeks)
        history = History(_BEGIN + dt.timedelta(weeks=week + 1), standings,
                          _since(met, won, week, standings, forgetting.weeks))  # fmt: skip
        found = list(share_out(table, asked, asked.variants, history=history))
        standings = {(p.segment, p.arm): p.standing for p in found}
        by_segment = {p.segment: p.probability for p in found if p.arm == ARMS[1]}
        shares = np.array([by_segment[f"s{number}"] for number in range(SEGMENTS)])
    return 1_000 * lost / met.sum(), forgot / len(rates)


def _since(
    met: Floats, won: Floats, week: int, standings: Mapping[Cell, Standing], weeks: float | None
) -> Mapping[Cell, Mapping[str, Counts]]:
    """Of arms that are judged anew: those alone who came since."""
    found = {}
    for (segment, arm), one in standings.items():
        if one.judged_from:
            is_since = np.arange(len(met)) >= (one.judged_from - _BEGIN).days // 7
            late = is_since[:, None, None]
            found[segment, arm] = _table(met * late, won * late, week, weeks)[segment]
    return found


def _table(
    met: Floats, won: Floats, week: int, weeks: float | None
) -> Mapping[str, Mapping[str, Counts]]:
    n, converted = (remembered(cohorts, week, weeks) for cohorts in (met, won))
    rows = [(GLOBAL_SEGMENT, n.sum(axis=0), converted.sum(axis=0))]
    rows += [(f"s{number}", n[number], converted[number]) for number in range(SEGMENTS)]
    return {
        name: {arm: Counts(a[place], b[place]) for place, arm in enumerate(ARMS)}
        for name, a, b in rows
    }


def made_rates(world: str, weeks: int, seed: int) -> Floats:
    """(weeks, segments, arms): the new arm helps or harms each segment, by a third of its rate or more."""
    rng = np.random.default_rng([seed, 7])
    base = rng.uniform(0.08, 0.22, SEGMENTS)
    effect = np.tile(base * rng.choice([-0.4, 0.3, 0.5, 0.7], SEGMENTS), (weeks, 1))
    half = weeks // 2
    if "all flip" in world:
        effect[half:] *= -1
    elif "one flips" in world:
        effect[half:, 0] *= -1
    elif "drift" in world:
        effect *= np.linspace(1, -1, weeks)[:, None]
    return np.stack([np.tile(base, (weeks, 1)), (base + effect).clip(0, 1)], axis=2)


def ways() -> Iterator[Forgetting]:
    """What is compared; the first is what Candor does."""
    yield Forgetting("never")
    yield Forgetting("half-life of 16 weeks", weeks=16)
    yield Forgetting("half-life of 4 weeks", weeks=4)
    yield Forgetting("chosen where 20 times as likely", tried=HALF_LIVES)
    yield Forgetting("chosen by recent evidence, 5 nats", tried=HALF_LIVES, bar=5, is_recent=True)


def main() -> None:
    """Print what each way loses of 1,000 people, and beside never forgetting, company by company."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--companies", type=int, default=10)
    parser.add_argument("--weeks", type=int, default=40)
    parser.add_argument("--people", type=float, default=300, help="a week, in all segments")
    parser.add_argument("--worlds", type=int, nargs="+", default=range(len(WORLDS)))
    asked = parser.parse_args()
    for world in (WORLDS[number] for number in asked.worlds):
        lost: dict[str, list[tuple[float, float]]] = {}
        for seed in range(asked.companies):
            rates = made_rates(world, asked.weeks, seed)
            rng = np.random.default_rng([seed, 8])
            people = asked.people * rng.dirichlet(np.full(SEGMENTS, 3.0))
            for way in ways():
                lost.setdefault(way.name, []).append(live(rates, people, way, seed))
        print(f"{world}; {asked.people:g} people a week, {asked.weeks} weeks")
        _print(lost)


def _print(lost: Mapping[str, Sequence[tuple[float, float]]]) -> None:
    never = np.array(lost["never"])[:, 0]
    for name, rows in lost.items():
        ours, forgot = np.array(rows).T
        more = ours - never
        half = stats.t.ppf(0.975, len(more) - 1) * stats.sem(more)
        print(
            f"  {name}: {ours.mean():.2f} lost; {more.mean():+.2f} (+-{half:.2f}, {more.mean() / never.mean():+.0%}); "
            f"forgets in {forgot.mean():.0%} of weeks"
        )


if __name__ == "__main__":
    main()
