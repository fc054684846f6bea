"""The randomised hero experiment, its effect by segment, and who asks for a demo."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sample.browsing import LAND, Steps
from sample.calendar import EXPERIMENT_WEEKS, WEEK_MS, WEEKS, Calendar
from sample.chance import happens, pick
from sample.companies import Companies
from sample.events import HOME, SEEN_CONTROL, Events, make_events
from sample.known import NEVER
from sample.people import People
from sample.text import DAY_MS, Bools, Floats, Ints

ARMS = ("control", "hero_b", "holdout")
SEGMENTS = ("customer", "consumer", "enterprise", "smb")
CONTROL, HERO_B, HOLDOUT = 0, 1, 2
_SHARES = (0.45, 0.45, 0.10)
BASE_RATE = np.array([0.15, 0.10, 0.22, 0.14])  # demo within 14 days of first exposure
HERO_EFFECT = np.array([0.06, 0.0, -0.11, 0.12])  # absolute; the enterprise is harmed
OUTCOME_DAYS = 14
_ENTERPRISE_EMPLOYEES = 500
_WEEKLY_REST = 0.004  # weekly chance of a demo for people who were never exposed


@dataclass(frozen=True, slots=True)
class Experiment:
    """One row per person; ``exposed_ms`` and ``demo_ms`` are ``NEVER`` where it did not happen."""

    arm: Ints
    segment: Ints
    exposed_ms: Ints
    demo_ms: Ints
    base: Floats
    effect: Floats

    def succeeded(self) -> Bools:
        """Whether each person asked for a demo within the days after the first exposure."""
        exposed = self.exposed_ms != NEVER
        since = np.where(exposed & (self.demo_ms != NEVER), self.demo_ms - self.exposed_ms, -1)
        return np.asarray((since >= 0) & (since <= OUTCOME_DAYS * DAY_MS), dtype=np.bool_)


def segments(people: People, companies: Companies) -> Ints:
    """Row number of ``SEGMENTS`` for each person, the first that fits."""
    size = companies.employees[np.maximum(people.company, 0)]
    fits = [people.is_customer_before, people.company < 0, size >= _ENTERPRISE_EMPLOYEES]
    return np.select(fits, [0, 1, 2], 3).astype(np.int64)


def run_experiment(
    rng: np.random.Generator, segment: Ints, steps: Steps, ready: Floats, calendar: Calendar
) -> Experiment:
    """Assign arms, find first exposures, draw demo requests."""
    n = len(segment)
    arm = pick(rng, n, _SHARES)
    exposed = _first_exposure(steps, n, calendar)
    week = np.clip(
        (np.minimum(exposed, calendar.end_ms - 1) - calendar.start_ms) // WEEK_MS, 0, WEEKS - 1
    )
    eager = np.exp(0.35 * ready[np.arange(n), week])
    eager /= eager[exposed != NEVER].mean() if (exposed != NEVER).any() else 1.0
    base = np.clip(BASE_RATE[segment] * eager, 0.003, 0.8)
    treated = np.clip(base + HERO_EFFECT[segment] * eager, 0.003, 0.9)
    chance = np.where(arm == HERO_B, treated, base)
    asked = happens(rng, n, chance) & (exposed != NEVER)
    delay = (rng.beta(1.0, 2.2, n) * OUTCOME_DAYS * DAY_MS).astype(np.int64) + 60_000
    demo = np.where(asked, np.where(asked, exposed, 0) + delay, NEVER)
    rest = happens(rng, n, _WEEKLY_REST * WEEKS * np.minimum(eager, 3)) & (exposed == NEVER)
    other = calendar.start_ms + rng.integers(0, calendar.end_ms - calendar.start_ms, n)
    return Experiment(arm, segment, exposed, np.where(rest, other, demo), base, treated - base)


def _first_exposure(steps: Steps, people: int, calendar: Calendar) -> Ints:
    """When each person first saw the home page while the experiment ran."""
    first = np.full(people, NEVER, dtype=np.int64)
    seen = steps.where(_exposes(steps, calendar))
    np.minimum.at(first, seen.person, seen.at_ms)
    return first


def _exposes(steps: Steps, calendar: Calendar) -> Bools:
    start, stop = (calendar.week_ms(week) for week in EXPERIMENT_WEEKS)
    return np.asarray(
        (steps.kind == LAND) & (steps.at_ms >= start) & (steps.at_ms < stop), dtype=np.bool_
    )


def exposures(experiment: Experiment, steps: Steps, calendar: Calendar) -> Events:
    """Experiment Viewed, with every look at the home page while it ran."""
    seen = steps.where(_exposes(steps, calendar))
    kind = SEEN_CONTROL + experiment.arm[seen.person]
    return make_events(seen.session, seen.at_ms + 400, kind, page=HOME)
