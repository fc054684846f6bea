"""How long until an experiment can say something, at the pace so far. Pure, but for the pace."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from measurement.config import GLOBAL_SEGMENT
from measurement.lift import FEWEST
from measurement.report import Arm, Finding
from measurement.samples import FEWEST_UNITS, Sample
from warehouse import Warehouse

# The difference of which the page says when it would be known: a tenth of the baseline's rate.
WORTH_KNOWING = 0.1
# Whoever has met nobody new for so long is taken to have ended.
_QUIET_DAYS = 14
_PACE = """
    with spans as (
        select experiment_key, max(first_exposed_at) as last_at, greatest(date_diff('day',
            min(first_exposed_at), max(first_exposed_at)), 1) as days
        from measurement.exposures group by experiment_key
    )
    select experiment_key, coalesce(segment, '') as segment, arm, last_at,
        count(*) / any_value(days) as per_day
    from measurement.exposures inner join spans using (experiment_key)
    group by all
"""


@dataclass(frozen=True, slots=True)
class Waiting:
    """How long until a difference worth knowing would be seen.

    Attributes:
        people: Persons needed in each of the two arms, about; for a first verdict, in the arm alone.
        days: Days more at the pace so far; None where nobody comes.
        baseline_people: For a first verdict, those needed in the other one; None: as many.
    """

    people: int
    days: int | None
    baseline_people: int | None = None


@dataclass(frozen=True, slots=True)
class Pace:
    """How many persons meet one experiment a day.

    Attributes:
        per_day: By segment (empty where none fits) and arm.
        last_at: When the last one did, UTC.
    """

    per_day: Mapping[tuple[str, str], float]
    last_at: dt.datetime | None = None

    def of(self, segment: str, arm: str) -> float:
        """Of one arm in one segment; of everybody all segments together."""
        return sum(
            per_day
            for (where, what), per_day in self.per_day.items()
            if what == arm and segment in (GLOBAL_SEGMENT, where)
        )

    def ended(self, now: dt.datetime) -> dt.datetime | None:
        """When the last person met it, where that is long ago."""
        if self.last_at is None or now - self.last_at <= dt.timedelta(days=_QUIET_DAYS):
            return None
        return self.last_at


NOBODY = Pace({})


def read_paces(warehouse: Warehouse) -> Mapping[str, Pace]:
    """The pace of every experiment that somebody met."""
    per_day: dict[str, dict[tuple[str, str], float]] = {}
    last: dict[str, dt.datetime] = {}
    for row in warehouse.read(_PACE).to_pylist():  # one row per experiment, segment and arm
        key = row["experiment_key"]
        per_day.setdefault(key, {})[row["segment"], row["arm"]] = row["per_day"]
        last[key] = row["last_at"]
    return {key: Pace(found, last[key]) for key, found in per_day.items()}


def waiting(finding: Finding, pace: Pace) -> Waiting | None:
    """When a difference of a tenth of the baseline would be seen; None where that is unknown.

    The error of a difference falls with the square root of the number of people. Of an arm that is
    too small to be judged: when it is large enough for a first verdict.

    Args:
        finding: One comparison, of everybody or a segment.
        pace: Of its experiment.
    """
    arms = ((finding.arm, finding.counts), (finding.baseline_arm, finding.baseline))
    if finding.p_value is None:
        return _until_enough(arms, finding.segment, pace)
    wanted = WORTH_KNOWING * abs(finding.baseline.rate)
    if not wanted or finding.minimum_detectable is None:
        return None
    growth = (finding.minimum_detectable / wanted) ** 2
    smaller = min((arm for _, arm in arms), key=lambda arm: arm.n)
    people = smaller.n * growth
    return Waiting(round(people), _days(arms, [max(arm.n * (growth - 1), 0) for _, arm in arms],
                                        finding.segment, pace))  # fmt: skip


def _until_enough(arms: tuple[tuple[str, Arm], ...], segment: str, pace: Pace) -> Waiting | None:
    growths = [_growth(arm) for _, arm in arms]
    if None in growths:
        return None
    needed = [arm.n * (growth or 1.0) for (_, arm), growth in zip(arms, growths, strict=True)]
    missing = [people - arm.n for people, (_, arm) in zip(needed, arms, strict=True)]
    people, baseline_people = map(round, needed)
    return Waiting(people, _days(arms, missing, segment, pace), baseline_people)


def _growth(arm: Arm) -> float | None:
    """By how much an arm must grow to be judged, as it converts now; None where nobody does."""
    if isinstance(arm, Sample):
        rarest, drawn = arm.with_outcome, FEWEST_UNITS / max(arm.units, 1)
    else:
        rarest, drawn = min(arm.converted, arm.n - arm.converted), 1.0
    return max(FEWEST / rarest, drawn, 1.0) if rarest else None


def _days(
    arms: tuple[tuple[str, Arm], ...], missing: list[float], segment: str, pace: Pace
) -> int | None:
    """Until the slower of the arms has the persons that it lacks."""
    days = []
    for (arm, _), people in zip(arms, missing, strict=True):
        per_day = pace.of(segment, arm)
        if people > 0 and not per_day:
            return None
        days.append(people / per_day if people > 0 else 0.0)
    return round(max(days))
