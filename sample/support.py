"""Support tickets: who asked what, as typed into a form."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from sample.calendar import Calendar
from sample.chance import happens, pick, scatter
from sample.companies import Companies
from sample.contacts import Habits, write_down
from sample.known import Known
from sample.noise import write_full_name
from sample.people import People
from sample.records import Records, shuffled
from sample.text import DAY_MS, choose, iso_seconds, join, padded, take, whole

SUPPORT = Habits(
    emails=(26, 60, 3, 5, 3, 0.5, 2.5), phones=(42, 3, 9, 0.5, 45.5), nickname=0.18, slip=0.03
)
_TOPICS = (
    ("billing", "A charge I do not know"), ("billing", "Change of billing address"),
    ("sign-in", "The link does not arrive"), ("hardware", "The scanner stays dark"),
    ("import", "Items are missing after the import"), ("idea", "Could it print labels?"),
)  # fmt: skip
_PRIORITIES = ("low", "normal", "high", "urgent")


def support_tickets(
    rng: np.random.Generator, people: People, companies: Companies, known: Known, calendar: Calendar
) -> Records:
    """A ticket for one person in seven, mostly customers."""
    is_customer = known.billing_since_ms < calendar.end_ms
    asked = rng.poisson(np.where(is_customer, 0.36, 0.05))
    person = np.repeat(np.arange(len(people)), asked)[: len(people)]
    n = len(person)
    contact = write_down(rng, people, companies, person, SUPPORT)
    opened = calendar.end_ms - rng.integers(DAY_MS // 24, 300 * DAY_MS, n)
    solved = opened + (rng.exponential(1.5, n) * DAY_MS).astype(np.int64) + 300_000
    is_solved = solved < calendar.end_ms
    topic = pick(rng, n, [20, 12, 22, 14, 20, 12])
    name = choose(happens(rng, n, 0.75), write_full_name(rng, contact.first, contact.last), None)
    table = pa.table({
        "ticket_id": join("T-", padded(scatter(people.start + np.arange(n), 90_000_000), 8)),
        "requester_email": contact.email, "requester_phone": contact.phone, "requester_name": name,
        "subject": take([subject for _, subject in _TOPICS], topic),
        "topic": take([name for name, _ in _TOPICS], topic),
        "priority": take(_PRIORITIES, pick(rng, n, [25, 50, 20, 5])), "created_at": iso_seconds(opened),
        "solved_at": choose(is_solved, iso_seconds(solved), None),
        "csat": choose(is_solved & happens(rng, n, 0.4), whole(1 + pick(rng, n, [5, 6, 14, 35, 40])), None),
    })  # fmt: skip
    return shuffled(
        rng, Records("support_tickets", "ticket_id", table, person, np.zeros(n, dtype=np.bool_))
    )
