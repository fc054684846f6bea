"""Every visit as the website saw it: which browser, on which network, signed in as whom."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sample.chance import happens, pick
from sample.companies import Companies
from sample.content import Library
from sample.devices import Devices, Usage
from sample.events import (
    ALIAS,
    CONTENT_PAGES,
    GROUP,
    HOME,
    IDENTIFY,
    PAGE,
    PRICING,
    SEARCH,
    Events,
    make_events,
)  # fmt: skip
from sample.known import NEVER, Known
from sample.people import People
from sample.text import Bools, Ints, choose, join
from sample.visits import Sessions

_SIGNS_IN = 0.3  # share of visits on which people with an account sign in
_KIOSK_SIGN_IN = 0.6
_JOINED_MS = 180_200  # an account exists just after the trial of a conversion visit
_BOT_VISITS = 4
_MINUTE = 60_000


@dataclass(frozen=True, slots=True)
class Traffic:
    """One row per visit, bots last; ``person`` is -1 for them.

    ``user_id`` holds from ``signed_in_ms`` on (``NEVER`` where nobody signed in), ``consent`` is
    the JSON text of the visit's consent or empty, ``start_of_context`` that of the browser.
    """

    person: Ints
    device: Ints
    start_ms: Ints
    signed_in_ms: Ints
    user_id: pa.Array
    start_of_context: pa.Array
    referrer: Ints
    campaign: Ints

    def __len__(self) -> int:
        """How many there are."""
        return len(self.person)


def observe_visits(
    rng: np.random.Generator,
    sessions: Sessions,
    devices: Devices,
    usage: Usage,
    known: Known,
    trial_ms: Ints,
) -> Traffic:
    """Let people sign in on their visits, and bots visit too."""
    signed_in = _sign_ins(rng, sessions, devices.kind[usage.device] != 0, known, trial_ms)
    bots = np.flatnonzero(devices.person < 0)
    bot = np.repeat(bots, _BOT_VISITS)
    zero, n = np.zeros(len(bot), dtype=np.int64), len(sessions)
    first, last = (int(sessions.start_ms.min()), int(sessions.start_ms.max())) if n else (0, 1)
    device = np.concatenate((usage.device, bot))
    context = choose(np.concatenate((usage.in_office, zero > 0)), devices.at_office.take(pa.array(device)),
                     devices.at_home.take(pa.array(device)))  # fmt: skip
    return Traffic(
        person=np.concatenate((sessions.person, zero - 1)), device=device,
        start_ms=np.concatenate((sessions.start_ms, rng.integers(first, last, len(bot)))),
        signed_in_ms=np.concatenate((signed_in, zero + NEVER)),
        user_id=pa.concat_arrays([_user_ids(sessions, known), pa.array([""] * len(bot), pa.string())]),
        start_of_context=context, referrer=np.concatenate((sessions.channel, zero)),
        campaign=np.concatenate((sessions.campaign, zero)),
    )  # fmt: skip


def _sign_ins(
    rng: np.random.Generator, sessions: Sessions, is_shared: Bools, known: Known, trial_ms: Ints
) -> Ints:
    """When each visit became a signed-in one."""
    n, person = len(sessions), sessions.person
    share = np.where(is_shared, _KIOSK_SIGN_IN, _SIGNS_IN)
    signs = known.can_sign_in(person, sessions.start_ms) & happens(rng, n, share)
    joins = (sessions.start_ms == trial_ms[person] - 3 * _MINUTE) & (
        known.billing_since_ms[person] == trial_ms[person]
    )
    at_ms = sessions.start_ms + rng.integers(800, 3_000, n)
    return np.where(joins, sessions.start_ms + _JOINED_MS, np.where(signs, at_ms, NEVER))


def _user_ids(sessions: Sessions, known: Known) -> pa.Array:
    """The billing account's id where there is one by then, else the CRM's."""
    at = pa.array(sessions.person)
    has_account = known.billing_since_ms[sessions.person] <= sessions.start_ms + _JOINED_MS
    return choose(has_account, known.billing_id.take(at), known.user_ids().take(at))


def sign_in_events(
    rng: np.random.Generator, traffic: Traffic, people: People, companies: Companies, known: Known
) -> list[Events]:
    """Identify on every sign-in, Group for some employees, Alias where a CRM id becomes a customer's."""
    session = np.flatnonzero(traffic.signed_in_ms != NEVER)
    person, at_ms = traffic.person[session], traffic.signed_in_ms[session]
    at = pa.array(person)
    traits = join(',"traits":{"email":"', known.login_email.take(at), '"}')
    older = known.user_ids().take(at)
    opened = np.maximum(known.billing_since_ms[person], 0)
    joins = (at_ms >= opened) & (at_ms - np.minimum(opened, at_ms) < _MINUTE)
    joins &= pc.not_equal(older, "").to_numpy(zero_copy_only=False)
    company = people.company[person]
    in_group = (company >= 0) & happens(rng, len(person), 0.25)
    row = pa.array(np.maximum(company, 0)[in_group])
    group = join(
        ',"groupId":"',
        companies.domain.take(row),
        '","traits":{"name":"',
        companies.name.take(row),
        '"}',
    )
    previous = join(',"previousId":"', older.take(pa.array(np.flatnonzero(joins))), '"')
    return [
        make_events(session, at_ms, IDENTIFY, extra=traits),
        make_events(session[in_group], at_ms[in_group] + 150, GROUP, extra=group),
        make_events(session[joins], at_ms[joins] + 90, ALIAS, extra=previous),
    ]  # fmt: skip


def crawl(rng: np.random.Generator, traffic: Traffic, library: Library) -> Events:
    """Twelve pages in a hurry on each visit of a bot."""
    session = np.repeat(np.flatnonzero(traffic.person < 0), 12)
    place = np.tile(np.arange(12), len(session) // 12)
    item = rng.integers(0, len(library.topic), len(session))
    static = np.array([HOME, PRICING, SEARCH])[pick(rng, len(session), [2, 1, 1])]
    page = np.where(happens(rng, len(session), 0.8), CONTENT_PAGES + item, static)
    return make_events(session, traffic.start_ms[session] + place * 700, PAGE, page=page)
