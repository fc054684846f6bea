"""On which day a landing file was received: its path says so, or else its time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime

# 2026-07-05, 2026/07/05, date=2026-07-05, year=2026/month=07/day=05, 20260705; a longer run of
# digits is an id.
_WRITTEN = re.compile(
    r"(?<!\d)(?:year=)?(?P<year>(?:19|20)\d\d)(?P<mark>[-/_.]?)(?:month=)?(?P<month>\d\d)"
    r"(?P=mark)(?:day=)?(?P<day>\d\d)(?!\d)"
)
# Segment's archives name the folder of a day by its first millisecond.
# Source: Segment documentation, "AWS S3 destination": segment-logs/{source-id}/{received-day}/.
_MILLISECONDS = re.compile(r"(?<!\d)\d{13}(?!\d)")
_DAY_MS = 86_400_000


def received_date(name: str, modified_at: datetime) -> date:
    """The first date in a file's path, else the date of its last change.

    Args:
        name: Path relative to the landing folder, with forward slashes.
        modified_at: When the file was last written, UTC without a zone.
    """
    return next(_dates_in(name), modified_at.date())


def _dates_in(name: str) -> Iterator[date]:
    for found in _WRITTEN.finditer(name):
        try:
            yield date(*(int(found[part]) for part in ("year", "month", "day")))
        except ValueError:  # 2026-13-45 is a number of something else
            continue
    for found in _MILLISECONDS.finditer(name):
        milliseconds = int(found[0])
        if milliseconds % _DAY_MS == 0:
            yield datetime.fromtimestamp(milliseconds / 1000, UTC).date()
