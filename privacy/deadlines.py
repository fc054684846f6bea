"""When the law wants an answer to a request."""

from __future__ import annotations

import calendar
from datetime import datetime, timedelta

# CCPA regulations section 7021(b).
_CCPA_DAYS = 45
# CCPA regulations section 7026(f): at most so many business days. Holidays are counted too, which
# makes the deadline the earlier one.
OPT_OUT_DAYS = 15
# CCPA regulations section 7021(a): the same of confirming that a request came.
_CONFIRM_DAYS = 10
_CONFIRMED = ("erasure", "access", "portability")
_FRIDAY = 5


def deadline(regulation: str, submitted_at: datetime) -> datetime:
    """When an answer is due.

    Source: GDPR Article 12(3) with Regulation 1182/71 (one month: the same day of the next
    month, else its last day); CCPA regulations section 7021(b) (45 calendar days).
    """
    if regulation == "ccpa":
        return submitted_at + timedelta(days=_CCPA_DAYS)
    return _months_after(submitted_at, 1)


def extended_deadline(regulation: str, submitted_at: datetime) -> datetime:
    """When an answer is due after the one extension that the law allows.

    Source: GDPR Article 12(3) (two further months, so three from the day of asking); CCPA
    regulations section 7021(b) (90 calendar days in all).
    """
    if regulation == "ccpa":
        return submitted_at + timedelta(days=2 * _CCPA_DAYS)
    return _months_after(submitted_at, 3)


def confirmation_due(regulation: str, request_type: str, submitted_at: datetime) -> datetime | None:
    """Until when it must be confirmed that a request came; None where no law here asks for it.

    Source: CCPA regulations section 7021(a) (10 business days, requests to delete and to know).
    """
    if regulation != "ccpa" or request_type not in _CONFIRMED:
        return None
    return working_days_after(submitted_at, _CONFIRM_DAYS)


def _months_after(day: datetime, months: int) -> datetime:
    """The same day of a later month, else its last day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return day.replace(year=year, month=month + 1, day=min(day.day, last))


def working_days_after(day: datetime, days: int) -> datetime:
    """The moment that many days from Monday to Friday later."""
    while days:
        day += timedelta(days=1)
        days -= day.isoweekday() <= _FRIDAY
    return day
