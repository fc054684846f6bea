"""At which past dates people are looked at: some to learn from, a later one to judge at.

      training   training   training         judging            as_of
    ----+----------+----------+-----------------+------------------+---->
        |-- horizon --|       |--- horizon ---| |--- horizon ----|

Every outcome that is learnt from before judging is known by the judging date, so a model is judged
on what nobody could know when it was made. The dates in between (``recent``) are learnt from too,
once the model is judged.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from prediction.config import PropensityConfig

# Features count back up to 30 days and more; with less than two weeks behind it a date says little.
MIN_PAST_DAYS = 14
# Segment asks for 1.5 times the horizon (and the gap) of history at least.
MIN_HISTORY = 1.5


class Role(StrEnum):
    """What a row of the spine is wanted for."""

    TRAINING = "training"
    RECENT = "recent"
    JUDGING = "judging"
    SCORING = "scoring"


@dataclass(frozen=True, slots=True)
class History:
    """How far the events reach back.

    Attributes:
        first_event_at: The first event of all; None where there is none.
        first_target_at: The first time that anybody did what is predicted; None where nobody did.
    """

    first_event_at: dt.datetime | None
    first_target_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class DatedRole:
    """One date and what it is for."""

    as_of: dt.datetime
    role: Role


def plan_dates(
    model: PropensityConfig, history: History, *, as_of: dt.datetime
) -> tuple[DatedRole, ...]:
    """The dates of one model, oldest first; the last one is for scoring.

    A date before anybody ever did it teaches nothing: the offer may not have existed.
    """
    past = sorted(_past(model, history, as_of), key=lambda dated: dated.as_of)
    return (*past, DatedRole(as_of, Role.SCORING))


def missing_history_days(model: PropensityConfig, history: History, *, as_of: dt.datetime) -> int:
    """How many days of history are still wanted before anything can be learnt."""
    wanted = MIN_HISTORY * (model.horizon_days + model.gap_days)
    if history.first_event_at is None:
        return int(wanted + 0.5)
    return max(0, int(wanted - (as_of - history.first_event_at).days + 0.5))


def _past(model: PropensityConfig, history: History, as_of: dt.datetime) -> Iterator[DatedRole]:
    if history.first_event_at is None or history.first_target_at is None:
        return
    ripe = dt.timedelta(days=model.horizon_days + model.gap_days)
    judging = as_of - ripe
    earliest = max(
        history.first_event_at + dt.timedelta(days=MIN_PAST_DAYS), history.first_target_at
    )
    for number in range(model.dates):
        date = judging - number * dt.timedelta(days=model.every_days)
        if date < earliest:
            return
        yield DatedRole(date, _role(date, judging, ripe))


def _role(date: dt.datetime, judging: dt.datetime, ripe: dt.timedelta) -> Role:
    if date == judging:
        return Role.JUDGING
    return Role.TRAINING if date + ripe <= judging else Role.RECENT
