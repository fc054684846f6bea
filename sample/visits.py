"""When people visit: sessions over the weeks, in bursts of interest."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from sample.calendar import DAYS, Calendar
from sample.chance import happens, pick
from sample.people import People
from sample.text import DAY_MS, Bools, Ints

VISITOR_SHARE = 0.64  # the others are known from records only
HOUR_MS = 3_600_000
# Visits per hour of the day (UTC), for people in American time zones.
_HOURS = (3, 3, 2, 2, 1, 1, 1, 1, 1, 1, 1, 2, 4, 7, 9, 10, 10, 9, 10, 10, 9, 8, 6, 4)
REFERRERS = ("", "https://www.google.com/", "https://www.facebook.com/", "https://duckduckgo.com/",
             "https://www.reddit.com/")  # fmt: skip
CAMPAIGNS: tuple[str, ...] = ("", *(
    f',"campaign":{{"source":"{source}","medium":"{medium}","name":"{name}"}}'
    for source, medium in (("newsletter", "email"), ("bing", "cpc"), ("instagram", "paid-social"),
                           ("radio", "audio"), ("guild", "referral"))
    for name in ("tally", "spring-fair", "reminder", "how-to")
))  # fmt: skip
NEWSLETTER_CAMPAIGN = 1


@dataclass(frozen=True, slots=True)
class Sessions:
    """One row per visit; ``device`` and the others are row numbers of their tables."""

    person: Ints
    start_ms: Ints
    channel: Ints
    campaign: Ints

    def __len__(self) -> int:
        """How many there are."""
        return len(self.person)

    def joined(self, other: Sessions) -> Sessions:
        """These visits, then the others."""
        return Sessions(*(np.concatenate((getattr(self, part.name), getattr(other, part.name)))
                          for part in fields(self)))  # fmt: skip


def plan_visits(
    rng: np.random.Generator, people: People, clicks: tuple[Ints, Ints], calendar: Calendar
) -> Sessions:
    """Visits of one block; newsletter clicks (person, moment) become visits too."""
    visitor = np.flatnonzero(happens(rng, len(people), VISITOR_SHARE))
    mean = np.exp(0.88 + 0.6 * people.engagement[visitor])
    person = np.repeat(visitor, 1 + rng.poisson(mean))
    n = len(person)
    start = calendar.start_ms + _days(rng, person, len(people)) * DAY_MS + _clock(rng, n)
    campaign = np.where(happens(rng, n, 0.2), rng.integers(1, len(CAMPAIGNS), n), 0)
    visits = Sessions(person, start, pick(rng, n, [30, 42, 14, 8, 6]), campaign)
    reader, at_ms = clicks
    zero = np.zeros(len(reader), dtype=np.int64)
    return visits.joined(Sessions(reader, at_ms, zero, zero + NEWSLETTER_CAMPAIGN))


def extra_visits(person: Ints, start_ms: Ints) -> Sessions:
    """Direct visits at given moments."""
    zero = np.zeros(len(person), dtype=np.int64)
    return Sessions(person, start_ms, zero, zero)


def _days(rng: np.random.Generator, person: Ints, people: int) -> Ints:
    """Day of each visit, counted from 0: most fall around the person's one burst of interest."""
    burst = rng.uniform(0, DAYS, people)[person]
    near = burst + rng.laplace(0, 9.0, len(person))
    in_burst = happens(rng, len(person), 0.72) & _inside(near)
    day = np.where(in_burst, near, rng.uniform(0, DAYS, len(person))).astype(np.int64)
    to_monday = happens(rng, len(person), 0.45) & (day % 7 >= 5) & (day < DAYS - 3)
    return np.where(to_monday, day + 2, day)


def _inside(day: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Bools:
    return (day >= 0) & (day < DAYS)


def _clock(rng: np.random.Generator, n: int) -> Ints:
    """Time of day in milliseconds."""
    return pick(rng, n, _HOURS) * HOUR_MS + rng.integers(0, HOUR_MS, n)
