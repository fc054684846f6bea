"""Accounts that pay (or do not yet), and their charges."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from sample.calendar import Calendar
from sample.chance import happens, pick
from sample.companies import Companies
from sample.contacts import Habits, write_down
from sample.known import Known
from sample.noise import write_full_name
from sample.people import People
from sample.records import Records, shuffled
from sample.text import DAY_MS, Ints, choose, iso_seconds, join, take, tokens, whole

BILLING = Habits(emails=(15, 25, 25, 28, 7, 0, 0), phones=(66, 4, 14, 0.3, 15.7),
                 nickname=0.05, slip=0.012, address=0.85, moved=0.1)  # fmt: skip
_LOGIN = 0.87  # accounts that keep the address their owner signs in with
PLANS = ("free", "starter", "team", "business")
_MONTHLY_USD = (0, 19, 89, 240)
_MONTH_MS = 30 * DAY_MS
_MOST_CHARGES = 9
_LEDGER = ("paid", "refunded", "failed")


def billing_customers(
    rng: np.random.Generator, people: People, companies: Companies, known: Known, calendar: Calendar
) -> Records:
    """One account for each customer; most with the address they sign in with."""
    person = np.flatnonzero(known.billing_since_ms < calendar.end_ms)
    n, at = len(person), pa.array(person)
    contact = write_down(rng, people, companies, person, BILLING)
    uses_login = happens(rng, n, _LOGIN)
    plan = pick(rng, n, [34, 33, 22, 11])
    usd = np.array(_MONTHLY_USD)[plan] * (1 + (plan > 1) * rng.integers(0, 4, n))
    table = pa.table({
        "customer_id": known.billing_id.take(at),
        "name": write_full_name(rng, contact.first, contact.last),
        "email": choose(uses_login, known.login_email.take(at), contact.email), "phone": contact.phone,
        "address_line1": contact.street, "city": contact.city, "state": contact.state,
        "postal_code": contact.postal_code, "created": iso_seconds(known.billing_since_ms[person]),
        "plan": take(PLANS, plan), "mrr_usd": whole(usd),
    })  # fmt: skip
    return shuffled(
        rng, Records("billing_customers", "customer_id", table, person, np.zeros(n, dtype=np.bool_))
    )


def purchases(
    rng: np.random.Generator, customers: Records, known: Known, calendar: Calendar
) -> pa.Table:
    """A charge a month for at most nine months, and single courses for accounts without a plan."""
    since = known.billing_since_ms[customers.person]
    usd = customers.table.column("mrr_usd").cast(pa.int64()).to_numpy()
    months = np.minimum((calendar.end_ms - since) // _MONTH_MS + 1, _MOST_CHARGES)
    charges = np.where(usd > 0, months, happens(rng, len(usd), 0.25).astype(np.int64))
    row = np.repeat(np.arange(len(usd)), charges)
    back = np.arange(len(row)) - np.repeat(np.cumsum(charges) - charges, charges)
    at_ms = (
        since[row] + (months[row] - 1 - back) * _MONTH_MS + rng.integers(0, 1000, len(row)) * 1000
    )
    at_ms = np.minimum(at_ms, calendar.end_ms - 1000)
    plan = customers.table.column("plan").combine_chunks().take(pa.array(row))
    order = np.argsort(at_ms, kind="stable")
    table = pa.table({
        "purchase_id": join("chg-", tokens(rng, len(row), 12)),
        "customer_id": customers.table.column("customer_id").combine_chunks().take(pa.array(row)),
        "sku": choose(usd[row] > 0, join("plan-", plan), "course-stocktake"),
        "amount_usd": _amounts(usd[row]), "purchased_at": iso_seconds(at_ms),
        "status": take(_LEDGER, pick(rng, len(row), [93, 3, 4])),
    })  # fmt: skip
    return table.take(pa.array(order))


def _amounts(usd: Ints) -> pa.Array:
    return join(whole(np.where(usd > 0, usd, 39)), ".00")
