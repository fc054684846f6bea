"""How events travel: clocks that are wrong, queues without network, retries, broken lines."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from sample.calendar import Calendar
from sample.chance import happens
from sample.malformed import WHOLE, draw_damage
from sample.text import DAY_MS, Bools, Ints

_LATE = 0.012  # share of events that wait in a browser without network
_LATEST_MS = 10 * DAY_MS
_REPEATED = 0.009  # share of lines that the collector wrote twice
_RESENT = 0.005  # share of events that the browser sent twice
_HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Deliveries:
    """One row per line: the event's row, when it was sent and received, and what broke it."""

    event: Ints
    wait_ms: Ints
    received_ms: Ints
    damage: Ints

    def __len__(self) -> int:
        """How many there are."""
        return len(self.event)

    def at(self, rows: Bools | npt.NDArray[np.intp] | slice) -> Deliveries:
        """The rows asked for."""
        return Deliveries(*(getattr(self, part.name)[rows] for part in fields(self)))


def deliver(rng: np.random.Generator, at_ms: Ints, calendar: Calendar) -> Deliveries:
    """Lines of the events in the order of receipt, without what came after the last day."""
    n = len(at_ms)
    is_late = happens(rng, n, _LATE)
    queue = np.minimum(rng.exponential(1.6 * DAY_MS, n), _LATEST_MS - _HOUR_MS).astype(np.int64)
    wait = np.where(is_late, queue, rng.integers(40, 2_500, n))
    received = at_ms + wait + rng.integers(15, 600, n)
    event = np.arange(n)
    repeated, resent = (event[happens(rng, n, share)] for share in (_REPEATED, _RESENT))
    again = np.concatenate((repeated, resent))
    pause = rng.exponential(2 * _HOUR_MS, len(resent)).astype(np.int64) + 500
    later = received[again] + np.concatenate((np.zeros(len(repeated), dtype=np.int64), pause))
    broken, damage = draw_damage(rng, n)
    lines = Deliveries(
        np.concatenate((event, again, broken)), np.concatenate((wait, wait[again], wait[broken])),
        np.concatenate((received, later, received[broken])),
        np.concatenate((np.full(n + len(again), WHOLE), damage)),
    )  # fmt: skip
    lines = lines.at(lines.received_ms < calendar.end_ms)
    jitter = np.where(happens(rng, len(lines), 0.03), rng.integers(0, 600_000, len(lines)), 0)
    day = lines.received_ms // DAY_MS
    return lines.at(np.lexsort((lines.received_ms + jitter, day)))
