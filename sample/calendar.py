"""The weeks that the sample company's files cover."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from sample.text import DAY_MS

WEEKS = 17
DAYS = WEEKS * 7
WEEK_MS = 7 * DAY_MS
TRIAL_WEEK = 5  # five whole weeks pass before self-service trials open
EXPERIMENT_WEEKS = (3, 15)  # from the fourth to the fifteenth week


# The sample's own today, a Monday: whole weeks count from it, and no clock of a machine does.
AS_OF = date(2026, 6, 1)


@dataclass(frozen=True, slots=True)
class Calendar:
    """Moments of the company, in milliseconds since 1970 (UTC)."""

    as_of: date

    @property
    def first_day(self) -> date:
        """The first day with events."""
        return self.as_of - timedelta(days=DAYS)

    @property
    def end_ms(self) -> int:
        """Nothing was received at or after this moment."""
        return (self.as_of - date(1970, 1, 1)).days * DAY_MS

    @property
    def start_ms(self) -> int:
        """The first moment of the first day."""
        return self.end_ms - DAYS * DAY_MS

    def week_ms(self, week: int) -> int:
        """The first moment of a week, counted from 0."""
        return self.start_ms + week * WEEK_MS
