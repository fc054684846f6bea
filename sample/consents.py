"""What people allow: answers to the banner on each browser, and later changes of mind."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from sample.calendar import Calendar
from sample.chance import happens
from sample.devices import OWNED, Devices
from sample.known import NEVER, Known
from sample.people import People
from sample.text import Bools, Ints, choose, iso_ms, join, take
from sample.traffic import Traffic

PURPOSES = ("analytics", "personalization", "advertising")
_GRANTS = (0.87, 0.78, 0.55)  # share of people who allow each
_ANSWERS = 0.78  # share of browsers on which the banner was answered
_CHANGES = 0.06  # share of people who change one answer in the preference center
_TRANSMITS = 0.9  # share of visits whose events carry the answers


@dataclass(frozen=True, slots=True)
class Decisions:
    """One row per decision; ``device`` is -1 for one made in the preference center."""

    person: Ints
    device: Ints
    at_ms: Ints
    purpose: Ints
    granted: Bools


@dataclass(frozen=True, slots=True)
class Will:
    """What each person of a block wants: at first, and after one change of mind.

    Shape (people, purposes); ``change_ms`` is ``NEVER`` for the steadfast.
    """

    at_first: Bools
    afterwards: Bools
    change_ms: Ints

    def at(self, person: Ints, at_ms: Ints) -> Bools:
        """The will of each person at each moment, shape (rows, purposes)."""
        later = (at_ms >= self.change_ms[person])[:, None]
        return np.where(later, self.afterwards[person], self.at_first[person])


def make_up_minds(
    rng: np.random.Generator, people: People, known: Known, calendar: Calendar
) -> Will:
    """Draw what people want; only those whom some tool knows can change it later."""
    n = len(people)
    first = rng.random((n, len(PURPOSES))) < np.array(_GRANTS)
    which = rng.integers(0, len(PURPOSES), n)
    flipped = first ^ (np.arange(len(PURPOSES))[None, :] == which[:, None])
    changes = happens(rng, n, _CHANGES) & (known.in_hubspot | known.in_salesforce)
    moment = calendar.start_ms + rng.integers(0, calendar.end_ms - calendar.start_ms, n)
    return Will(first, flipped, np.where(changes, moment, NEVER))


def decide(
    rng: np.random.Generator, will: Will, traffic: Traffic, devices: Devices, calendar: Calendar
) -> Decisions:
    """The banner's answers on the first visit of a browser, and the changes of mind.

    On a shared browser the last visitor of the household answers for all of them.
    """
    first = np.full(len(devices), NEVER, dtype=np.int64)
    np.minimum.at(first, traffic.device, traffic.start_ms)
    asked = (devices.person >= 0) & (first < calendar.end_ms) & happens(rng, len(devices), _ANSWERS)
    device = np.flatnonzero(asked)
    person, at_ms = devices.person[device], first[device] + rng.integers(1_000, 20_000, len(device))
    answers = will.at(person, at_ms)
    changed = np.flatnonzero(will.change_ms < calendar.end_ms)
    flips = will.at_first[changed] != will.afterwards[changed]
    purposes = len(PURPOSES)
    return Decisions(
        person=np.concatenate((np.repeat(person, purposes), changed)),
        device=np.concatenate((np.repeat(device, purposes), np.full(len(changed), -1))),
        at_ms=np.concatenate((np.repeat(at_ms, purposes), will.change_ms[changed])),
        purpose=np.concatenate((np.tile(np.arange(purposes), len(device)), flips.argmax(axis=1))),
        granted=np.concatenate((answers.ravel(), will.afterwards[changed][flips])),
    )  # fmt: skip


def decision_lines(decisions: Decisions, devices: Devices, known: Known) -> pa.Array:
    """The decisions as JSON lines, in order of time."""
    order = np.argsort(decisions.at_ms, kind="stable")
    device, person = decisions.device[order], decisions.person[order]
    on_banner, granted = device >= 0, decisions.granted[order]
    subject = choose(
        on_banner, join('"anonymous_id":"', devices.anonymous_id.take(pa.array(np.maximum(device, 0)))),
        join('"email":"', known.login_email.take(pa.array(person))),
    )  # fmt: skip
    status = choose(granted, "granted", choose(on_banner, "denied", "revoked"))
    return join('{"subject":{', subject, '"},"purpose":"', take(PURPOSES, decisions.purpose[order]),
                '","status":"', status, '","timestamp":"', iso_ms(decisions.at_ms[order]),
                '","source":"', choose(on_banner, "cmp_banner", "preference_center"), '"}\n')  # fmt: skip


def final_consents(decisions: Decisions, devices: Devices, people: People) -> pa.Table:
    """The latest decision of each person and purpose; shared browsers speak for nobody."""
    own = (decisions.device < 0) | (devices.kind[np.maximum(decisions.device, 0)] == OWNED)
    person, purpose, granted = decisions.person[own], decisions.purpose[own], decisions.granted[own]
    order = np.lexsort((decisions.at_ms[own], purpose, person))
    key = (person * len(PURPOSES) + purpose)[order]
    last = order[np.flatnonzero(np.diff(key, append=-1))]
    return pa.table({
        "subject_type": pa.array(["person"] * len(last), pa.string()),
        "subject_id": people.person_id.take(pa.array(person[last])), "purpose": take(PURPOSES, purpose[last]),
        "status": choose(granted[last], "granted", "denied"),
    })  # fmt: skip


def carried_consents(
    rng: np.random.Generator, will: Will, traffic: Traffic, decisions: Decisions, devices: int
) -> pa.Array:
    """JSON text of the answers that the events of each visit carry; empty where none were sent."""
    answered = np.full(devices, NEVER, dtype=np.int64)
    on_banner = decisions.device >= 0
    np.minimum.at(answered, decisions.device[on_banner], decisions.at_ms[on_banner])
    sends = (answered[traffic.device] <= traffic.start_ms + 20_000) & happens(
        rng, len(traffic), _TRANSMITS
    )
    wish = will.at(np.maximum(traffic.person, 0), traffic.start_ms)
    return choose(sends & (traffic.person >= 0), take(_texts(), wish @ np.array([4, 2, 1])), "")


def _texts() -> list[str]:
    """The eight possible answers."""
    word = ("false", "true")
    return [
        f',"consent":{{"categoryPreferences":{{"analytics":{word[n >> 2 & 1]},'
        f'"personalization":{word[n >> 1 & 1]},"advertising":{word[n & 1]}}}}}'
        for n in range(8)
    ]
