"""What can be observed of a person before each week, and the readiness that follows from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sample.browsing import PRICE, Steps
from sample.calendar import WEEK_MS, WEEKS, Calendar
from sample.chance import sigmoid
from sample.content import Library
from sample.text import Bools, Floats, Ints

MEMORY_WEEKS = 4  # readiness looks back over this many weeks
DECISION = 2  # funnel stage
_USUAL = 1.3  # readiness of the usual visitor
_FADING = 0.7  # per week; the best possible AUC of the last cutoff is .81 by it
_WEEKLY_LOGIT = -6.7  # of somebody who did nothing in the last four weeks


@dataclass(frozen=True, slots=True)
class Behaviour:
    """Counts over the four weeks before each week, shape (people, weeks + 1).

    The last column stands for the four weeks before the last day.
    """

    prices: Floats
    reads: Floats
    decision_reads: Floats
    depth: Floats
    visits: Floats
    newsletter: Floats


def observe(
    steps: Steps, clicks: tuple[Ints, Ints], people: int, library: Library, calendar: Calendar
) -> Behaviour:
    """Count what people did, by week."""
    count = _Counter(people, calendar)
    reads = steps.where(steps.item >= 0)
    decisive = library.funnel_stage[reads.item] == DECISION
    prices = steps.where(steps.kind == PRICE)
    first = np.flatnonzero(np.diff(steps.session, prepend=-1))
    return Behaviour(
        prices=count.of(prices.person, prices.at_ms), reads=count.of(reads.person, reads.at_ms),
        decision_reads=count.of(reads.person[decisive], reads.at_ms[decisive]),
        depth=count.of(reads.person, reads.at_ms, reads.scroll),
        visits=count.of(steps.person[first], steps.at_ms[first]), newsletter=count.of(*clicks),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Counter:
    people: int
    calendar: Calendar

    def of(self, person: Ints, at_ms: Ints, weight: Floats | None = None) -> Floats:
        """Sums over the four weeks before each week."""
        week = np.clip((at_ms - self.calendar.start_ms) // WEEK_MS, 0, WEEKS - 1)
        cells = np.bincount(person * WEEKS + week, weight, self.people * WEEKS)
        upto = np.zeros((self.people, WEEKS + 1))
        upto[:, 1:] = np.cumsum(cells.reshape(self.people, WEEKS), axis=1)
        before = np.zeros_like(upto)
        before[:, MEMORY_WEEKS:] = upto[:, :-MEMORY_WEEKS]
        return np.asarray(upto - before, dtype=np.float64)


def readiness(behaviour: Behaviour, is_employed: Bools) -> Floats:
    """Log-odds scale of being ready to act, shape (people, weeks + 1); 0 without any behaviour."""
    mean_depth = behaviour.depth / np.maximum(behaviour.reads, 1)
    return np.asarray(
        1.35 * np.log1p(behaviour.prices) + 0.45 * np.log1p(behaviour.reads)
        + 0.75 * np.log1p(behaviour.decision_reads) + 0.55 * np.log1p(behaviour.visits)
        + 0.9 * mean_depth + 0.6 * np.log1p(behaviour.newsletter)
        + 0.35 * is_employed[:, None],
        dtype=np.float64,
    )  # fmt: skip


def weekly_trial_chance(ready: Floats) -> Floats:
    """Chance that a trial starts within one week, same shape."""
    return sigmoid(_WEEKLY_LOGIT + ready)


def chance_within(ready: Floats, days: int) -> Floats:
    """Chance of a trial within so many days, same shape: readiness fades week by week.

    What people will do is not known; they come closer to the usual visitor each week.
    """
    stays_away = np.ones_like(ready)
    for week in range(-(-days // 7)):
        then = _USUAL + (ready - _USUAL) * _FADING**week
        stays_away *= (1 - weekly_trial_chance(then)) ** min(1.0, days / 7 - week)
    return np.asarray(1 - stays_away, dtype=np.float64)
