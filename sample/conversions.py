"""Trials, upgrades and demo requests: the visits on which they happen and their events."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sample.behaviour import chance_within, weekly_trial_chance
from sample.calendar import TRIAL_WEEK, WEEK_MS, WEEKS, Calendar
from sample.chance import happens
from sample.events import (
    DEMO,
    DEMO_REQUESTED,
    PAGE,
    PLAN,
    PRICING,
    SIGNUP,
    TRIAL_STARTER,
    UPGRADED_TEAM,
    Events,
    make_events,
)  # fmt: skip
from sample.known import NEVER
from sample.text import DAY_MS, Bools, Floats, Ints, join, take
from sample.visits import Sessions, extra_visits

OUTCOME_DAYS = 30
CUTOFF_WEEKS = (WEEKS - 5, WEEKS)  # five weeks before the last day, and the last day
_MINUTE = 60_000


@dataclass(frozen=True, slots=True)
class Trials:
    """One row per person; moments are ``NEVER`` where it did not happen.

    ``chance`` and ``outcome`` have one column per cutoff: the true probability of a trial within
    30 days, and whether it came. What lies after the last day exists only here.
    """

    trial_ms: Ints
    upgrade_ms: Ints
    chance: Floats
    outcome: Bools
    is_eligible: Bools


def draw_trials(
    rng: np.random.Generator, ready: Floats, first_seen_ms: Ints, calendar: Calendar
) -> Trials:
    """Draw each person's first trial week by week, from the week in which trials open.

    Args:
        rng: Source of chance.
        ready: Readiness before each week, shape (people, weeks + 1).
        first_seen_ms: First visit of each person, ``NEVER`` without one.
        calendar: The weeks.
    """
    n = len(ready)
    weekly = weekly_trial_chance(ready)
    week_starts = calendar.start_ms + np.arange(WEEKS + 1) * WEEK_MS
    is_seen = first_seen_ms[:, None] < week_starts
    open_weeks = np.arange(WEEKS) >= TRIAL_WEEK
    hit = (rng.random((n, WEEKS)) < weekly[:, :WEEKS]) & open_weeks & is_seen[:, :WEEKS]
    moment = week_starts[hit.argmax(axis=1)] + rng.integers(0, WEEK_MS, n)
    trial = np.where(hit.any(axis=1), moment, NEVER)
    later = np.where(trial != NEVER, trial, 0) + rng.integers(4 * DAY_MS, 24 * DAY_MS, n)
    upgrades = (trial != NEVER) & happens(rng, n, 0.35) & (later < calendar.end_ms)
    chance = chance_within(ready[:, CUTOFF_WEEKS], OUTCOME_DAYS)
    cutoffs = week_starts[list(CUTOFF_WEEKS)]
    within = (trial[:, None] >= cutoffs) & (trial[:, None] < cutoffs + OUTCOME_DAYS * DAY_MS)
    within[:, -1] = happens(rng, n, chance[:, -1])
    eligible = (trial[:, None] >= cutoffs) & is_seen[:, list(CUTOFF_WEEKS)]
    return Trials(trial, np.where(upgrades, later, NEVER), chance, within, eligible)


@dataclass(frozen=True, slots=True)
class Conversions:
    """The visits made to convert; row i of each group follows the groups before it."""

    visits: Sessions
    demos: int
    trials: int


def conversion_visits(demo_ms: Ints, trials: Trials, calendar: Calendar) -> Conversions:
    """One visit for each demo, then each trial, then each upgrade, before the last day."""
    moments = (demo_ms, trials.trial_ms, trials.upgrade_ms)
    who = [np.flatnonzero(moment < calendar.end_ms) for moment in moments]
    when = [moment[people] for moment, people in zip(moments, who, strict=True)]
    visits = extra_visits(np.concatenate(who), np.concatenate(when) - 3 * _MINUTE)
    return Conversions(visits, len(who[0]), len(who[1]))


def conversion_events(
    rng: np.random.Generator, conversions: Conversions, first_session: int, emails: pa.Array
) -> list[Events]:
    """Pages and events of the conversion visits, numbered from ``first_session``."""
    visits = conversions.visits
    session, at_ms = first_session + np.arange(len(visits)), visits.start_ms
    demo = np.arange(len(visits)) < conversions.demos
    trial = ~demo & (np.arange(len(visits)) < conversions.demos + conversions.trials)
    page = np.select([demo, trial], [DEMO, SIGNUP], PLAN)
    plan = np.minimum(rng.integers(0, 5, len(visits)) // 2, 2)
    kind = np.select([demo, trial], [np.full(len(visits), DEMO_REQUESTED), TRIAL_STARTER + plan],
                     UPGRADED_TEAM + plan // 2)  # fmt: skip
    email = join(',"email":"', emails.take(pa.array(visits.person)), '"')
    extra = pc.if_else(pa.array(demo | trial), email, take([""], page * 0))
    prices = ~demo & happens(rng, len(visits), 0.5)
    return [
        make_events(session[prices], at_ms[prices], PAGE, page=PRICING),
        make_events(session, at_ms + _MINUTE, PAGE, page=page),
        make_events(session, at_ms + 3 * _MINUTE, kind, page=page, extra=extra),
    ]  # fmt: skip
