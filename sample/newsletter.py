"""The fortnightly newsletter: deliveries, opens, clicks, unsubscriptions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sample.calendar import WEEKS, Calendar
from sample.chance import cumulative, happens, pick, pick_rows, sigmoid
from sample.content import SITE, Library
from sample.known import NEVER
from sample.noise import misspell, shorten
from sample.people import People
from sample.personas import TOPICS
from sample.records import Records, shuffled
from sample.text import DAY_MS, Bools, Ints, choose, iso_ms, iso_seconds, join, take, tokens, whole

_FIRST_ISSUE = 112
_SEND_HOUR_MS = DAY_MS + 14 * 3_600_000  # Monday's sequel: the second day of the week, 14:00 UTC
DELIVERED, OPENED, CLICKED, UNSUBSCRIBED = range(4)
_NAMES = ("Email Delivered", "Email Opened", "Email Link Clicked", "Unsubscribed")


@dataclass(frozen=True, slots=True)
class Mailings:
    """E-mail events of one block, ordered by time; ``left_ms`` has one row per person."""

    person: Ints
    at_ms: Ints
    kind: Ints
    issue: Ints
    item: Ints
    left_ms: Ints

    def clicks(self) -> tuple[Ints, Ints]:
        """Person and moment of each click that became a visit."""
        clicked = self.kind == CLICKED
        return self.person[clicked], self.at_ms[clicked] + 4_000


def mail_issues(
    rng: np.random.Generator,
    people: People,
    subscriber: Bools,
    calendar: Calendar,
) -> Mailings:
    """Send every second week's issue to the subscribers who are still there."""
    left = np.full(len(people), NEVER, dtype=np.int64)
    readers = np.flatnonzero(subscriber)
    parts = []
    for issue in range((WEEKS + 1) // 2):
        still = readers[left[readers] == NEVER]
        sent_ms = calendar.week_ms(2 * issue) + _SEND_HOUR_MS
        parts.append(_mail_issue(rng, people, still, issue, sent_ms))
        person, at_ms, kind = parts[-1][:3]
        left[person[kind == UNSUBSCRIBED]] = at_ms[kind == UNSUBSCRIBED]
    person, at_ms, kind, number, item = (
        np.concatenate(column) for column in zip(*parts, strict=True)
    )
    order = np.flatnonzero(at_ms < calendar.end_ms)
    order = order[np.argsort(at_ms[order], kind="stable")]
    return Mailings(person[order], at_ms[order], kind[order], number[order], item[order], left)


def _mail_issue(
    rng: np.random.Generator,
    people: People,
    readers: Ints,
    issue: int,
    sent_ms: int,
) -> tuple[Ints, Ints, Ints, Ints, Ints]:
    """Person, moment, kind, issue and item of every event of one issue."""
    n = len(readers)
    topic = issue % len(TOPICS)
    taste = people.interests[readers, topic]
    opened = happens(rng, n, sigmoid(-1.2 + 0.7 * people.engagement[readers] + 2.5 * taste))
    clicked = opened & happens(rng, n, 0.16 + 0.5 * taste)
    leaves = happens(rng, n, 0.005)
    delivered_at = sent_ms + rng.integers(0, 600_000, n)
    opened_at = delivered_at + rng.exponential(10 * 3_600_000, n).astype(np.int64) + 60_000
    clicked_at = opened_at + rng.integers(5_000, 240_000, n)
    item = pick_rows(rng, cumulative(people.interests), readers)  # row `topic` is an old item of it
    masks = (np.ones(n, dtype=np.bool_), opened, clicked, leaves)
    moments = (delivered_at, opened_at, clicked_at, clicked_at + 30_000)
    rows = np.concatenate([np.flatnonzero(mask) for mask in masks])
    kind = np.repeat(np.arange(4), [int(mask.sum()) for mask in masks])
    at_ms = np.concatenate([moment[mask] for moment, mask in zip(moments, masks, strict=True)])
    return readers[rows], at_ms, kind, np.full(len(rows), issue), item[rows]


def mail_lines(
    rng: np.random.Generator, mail: Mailings, emails: pa.Array, library: Library
) -> pa.Array:
    """The events as JSON lines, in the order of ``mail``."""
    subjects = [f'{_FIRST_ISSUE + issue}","email_subject":"The Tally no. {_FIRST_ISSUE + issue}: {TOPICS[issue % len(TOPICS)][0]}"'
                for issue in range(WEEKS)]  # fmt: skip
    link = join(',"link_url":"', SITE, library.path.take(pa.array(mail.item)),
                "?utm_source=newsletter&utm_medium=email&utm_campaign=tally-", whole(_FIRST_ISSUE + mail.issue), '"')  # fmt: skip
    return join('{"type":"track","event":"', take(_NAMES, mail.kind), '","messageId":"mail-', tokens(rng, len(mail.kind), 14),
                '","timestamp":"', iso_ms(mail.at_ms), '","properties":{"email_id":"tally-', take(subjects, mail.issue),
                pc.if_else(pa.array(mail.kind == CLICKED), link, ""),
                '},"context":{"traits":{"email":"', emails.take(pa.array(mail.person)), '"}}}\n')  # fmt: skip


def subscriber_emails(rng: np.random.Generator, people: People) -> tuple[pa.Array, Bools]:
    """The address each person would subscribe with, and whether nobody else has it.

    The list knows its readers by address, so a family's address is its first member's.
    """
    n = len(people)
    kind = pick(rng, n, [72, 18, 5, 5])
    personal = people.personal_email
    email = pc.choose(pa.array(kind), personal, pc.coalesce(people.work_email, personal),
                      pc.coalesce(people.old_email, personal), people.family_email)  # fmt: skip
    codes = email.dictionary_encode().indices.to_numpy()
    is_first = np.zeros(n, dtype=np.bool_)
    is_first[np.unique(codes, return_index=True)[1]] = True
    return email, is_first


def subscribers(
    rng: np.random.Generator, people: People, subscriber: Bools, emails: pa.Array, mail: Mailings, calendar: Calendar
) -> Records:  # fmt: skip
    """The list as the newsletter tool keeps it."""
    person = np.flatnonzero(subscriber)
    n, left = len(person), mail.left_ms[person]
    has_left = left < calendar.end_ms
    is_cleaned = ~has_left & happens(rng, n, 0.04)
    first = shorten(rng, people.first.take(pa.array(person)), people.home.given[person], 0.15)
    since = calendar.start_ms - rng.integers(DAY_MS, 900 * DAY_MS, n)
    status = np.select([has_left, is_cleaned], [1, 2], 0)
    table = pa.table({
        "email": emails.take(pa.array(person)),
        "first_name": choose(happens(rng, n, 0.72), misspell(rng, first, 0.01), None),
        "status": take(("subscribed", "unsubscribed", "cleaned"), status), "subscribed_at": iso_seconds(since),
        "unsubscribed_at": choose(has_left, iso_seconds(np.where(has_left, left, 0)), None),
    })  # fmt: skip
    return shuffled(
        rng, Records("newsletter_subscribers", "email", table, person, np.zeros(n, dtype=np.bool_))
    )
