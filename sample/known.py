"""Which tools know a person, under which id, and since when."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from sample.calendar import Calendar
from sample.chance import happens, scatter
from sample.people import People
from sample.text import DAY_MS, Bools, Floats, Ints, choose, join, padded, tokens

NEVER = int(np.iinfo(np.int64).max)


@dataclass(frozen=True, slots=True)
class Known:
    """One row per person; ``billing_since_ms`` is ``NEVER`` for those without an account."""

    in_hubspot: Bools
    in_salesforce: Bools
    in_newsletter: Bools
    hubspot_id: pa.Array
    salesforce_id: pa.Array
    billing_id: pa.Array
    billing_since_ms: Ints
    login_email: pa.Array

    def user_ids(self) -> pa.Array:
        """The id a person signs in with before owning a billing account, "" without one."""
        crm = choose(self.in_salesforce, self.salesforce_id, "")
        return choose(self.in_hubspot, self.hubspot_id, crm)

    def can_sign_in(self, person: Ints, at_ms: Ints) -> Bools:
        """Whether each person had any account at that moment."""
        in_crm = self.in_hubspot | self.in_salesforce
        return np.asarray(in_crm[person] | (self.billing_since_ms[person] <= at_ms))


def introduce(rng: np.random.Generator, people: People, calendar: Calendar) -> Known:
    """Decide who is in which tool when the first day begins."""
    n = len(people)
    employed = people.company >= 0
    since = calendar.start_ms - rng.integers(DAY_MS, 800 * DAY_MS, n)
    number = people.start + np.arange(n)
    use_work = employed & happens(rng, n, 0.4)
    return Known(
        in_hubspot=happens(rng, n, 0.74), in_salesforce=happens(rng, n, _where(employed, 0.52, 0.08)),
        in_newsletter=happens(rng, n, 0.28),
        hubspot_id=padded(10_000_000_000 + scatter(number, 89_999_999_977), 11),
        salesforce_id=join("003W7000", tokens(rng, n, 10)), billing_id=join("acct-", tokens(rng, n, 12)),
        billing_since_ms=np.where(people.is_customer_before, since, NEVER),
        login_email=choose(use_work, people.work_email, people.personal_email),
    )  # fmt: skip


def with_trials(known: Known, trial_ms: Ints, opens_account: Bools) -> Known:
    """Give a billing account, from the trial on, to those whom the trial turns into one."""
    opened = (known.billing_since_ms == NEVER) & (trial_ms != NEVER) & opens_account
    return replace(known, billing_since_ms=np.where(opened, trial_ms, known.billing_since_ms))


def _where(mask: Bools, yes: float, no: float) -> Floats:
    return np.where(mask, yes, no).astype(np.float64)
