"""The artefact that decisions are taken from: one SQLite file that is only ever replaced whole.

It holds, for persons who granted personalization, their lists, their segments and what they have
read of the lists that everybody gets, under their person_id,
keyed hashes of the ids by which they can be asked for, the ids by which they are drawn where these
are older, and what holds for everybody. No name, address or raw id is in it.

Source: HMAC-SHA256, RFC 2104 and FIPS 198-1, over ``kind|value``, its first 128 bits in hex.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from measurement import GLOBAL_SEGMENT, Holdout
from personalization.decide import (
    BlockFacts,
    Consent,
    Decision,
    DecisionRequest,
    Earlier,
    Facts,
    Listed,
    Situation,
    Unit,
    VariantFacts,
    choose,
)
from personalization.draws import HOLDOUT_DRAW, slot_draw
from personalization.errors import MissingArtefactError, UnknownSlotError

FORMAT = 3
KEY_DIGITS = 32
SCHEMA = """
    create table meta (content text not null);
    create table persons (
        person_id text primary key, account_id text, consent_version text,
        segments text, lists text, read text, drawn text
    ) without rowid;
    create table keys (key text primary key, person_id text not null) without rowid;
"""


@dataclass(frozen=True, slots=True)
class BlockSlot:
    """A block, and what everybody gets in it; lists by topic, ``""`` for any other."""

    size: int
    discovery_slots: float
    repeats: bool
    policy: str
    lists: Mapping[str, tuple[Listed, ...]]
    pool: tuple[str, ...]
    kind: Literal["block"] = "block"


@dataclass(frozen=True, slots=True)
class Shares:
    """How often each arm is shown in one segment, and why."""

    level: str
    shares: Mapping[str, float]
    reasons: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class VariantSlot:
    """An experiment, with the shares of each segment, ``global`` among them."""

    baseline: str
    held_out: str | None
    held_out_share: float
    unit: Literal["person", "account"]
    policy: str
    segments: Mapping[str, Shares]
    kind: Literal["variant"] = "variant"


@dataclass(frozen=True, slots=True)
class Meta:
    """What holds for everybody.

    Attributes:
        format: Of the file.
        version: Follows from what the file says.
        built_at: The moment up to which it knows, UTC.
        holdout: Who is held out of everything.
        slots: By key.
        published_at: When it was published, UTC; None: unknown, and so of any age.
        stale_after_days: Age from which nothing in it about a person counts.
    """

    format: int
    version: str
    built_at: dt.datetime
    holdout: Holdout | None
    slots: Mapping[str, BlockSlot | VariantSlot]
    published_at: dt.datetime | None = None
    stale_after_days: float | None = None

    def is_stale(self, at: dt.datetime) -> bool:
        """Whether it is too old to say anything of a person."""
        if self.published_at is None or self.stale_after_days is None:
            return False
        return at - self.published_at > dt.timedelta(days=self.stale_after_days)


META: TypeAdapter[Meta] = TypeAdapter(Meta)


@dataclass(frozen=True, slots=True)
class _Person:
    """A row of the artefact."""

    person_id: str
    account_id: str | None
    consent_version: str | None
    segments: Mapping[str, str]
    lists: Mapping[str, Any]
    read: frozenset[str]
    drawn: Mapping[str, str]

    def drawn_as(self, draw: str, *, by_account: bool) -> str:
        """By which id they are drawn: the one that met the draw first, else today's."""
        return self.drawn.get(draw) or (by_account and self.account_id) or self.person_id


class Artefact:
    """An open artefact. One thread at a time; answers from the file as it was when opened."""

    def __init__(self, connection: sqlite3.Connection, meta: Meta, secret: bytes) -> None:
        self._connection = connection
        self._secret = secret
        self.meta = meta

    @classmethod
    def open(cls, path: Path, secret: bytes) -> Artefact:
        """Open the file for reading.

        Args:
            path: Where :func:`publish_artefact` put it.
            secret: The key of its keyed hashes.

        Raises:
            MissingArtefactError: It is not there or has another format.
        """
        try:
            connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
            content = connection.execute("select content from meta").fetchone()[0]
            meta = META.validate_json(content)
        except (sqlite3.Error, ValidationError, TypeError) as error:
            raise MissingArtefactError(path) from error
        if meta.format != FORMAT:
            raise MissingArtefactError(path)
        return cls(connection, meta, secret)

    def close(self) -> None:
        """Let the file go."""
        self._connection.close()

    def look_up(self, request: DecisionRequest) -> tuple[Situation, Facts]:
        """Find whom a request is about and what is known; without consent, nobody and nothing.

        Raises:
            UnknownSlotError: The slot is in no block and no experiment with variants.
        """
        slot = self.meta.slots.get(request.slot)
        if slot is None:
            raise UnknownSlotError(request.slot, sorted(self.meta.slots))
        is_stale = self.meta.is_stale(request.at)
        person = None if request.consent == "denied" or is_stale else self._person(request)
        consent: Consent = "granted" if person else request.consent or "unknown"
        is_unit = consent == "granted" and not is_stale
        unit = self._unit(request, person, slot) if is_unit else None
        situation = Situation(
            request.request_id, request.slot, request.at, unit, request.topic, request.seen,
            _kept(request, slot) if unit else None,
        )  # fmt: skip
        facts = Facts(
            artefact_version=self.meta.version,
            built_at=self.meta.built_at,
            consent=consent,
            consent_version=person.consent_version if person else None,
            holdout=self.meta.holdout,
            slot=_facts_of(request, slot, person),
            is_stale=is_stale,
        )
        return situation, facts

    def knows(self, request: DecisionRequest) -> bool:
        """Whether it holds the person whom a request names; it holds only who agreed."""
        return self._person(request) is not None

    def _person(self, request: DecisionRequest) -> _Person | None:
        for person_id in self._person_ids(request):
            row = self._connection.execute(
                "select account_id, consent_version, segments, lists, read, drawn from persons "
                "where person_id = ?",
                (person_id,),
            ).fetchone()
            if row:
                found = [json.loads(text) if text else {} for text in row[2:]]
                segments, lists, read, drawn = found
                return _Person(person_id, row[0], row[1], segments, lists, frozenset(read), drawn)
        return None

    def _person_ids(self, request: DecisionRequest) -> list[str]:
        """The persons that the request may mean, the surest first."""
        found = [request.person_id] if request.person_id else []
        for kind, value in (("user_id", request.user_id), ("anonymous_id", request.anonymous_id)):
            if value:
                key = keyed(self._secret, kind, value)
                row = self._connection.execute("select person_id from keys where key = ?", (key,))
                found += [person_id for (person_id,) in row.fetchall()]
        return found

    def _unit(
        self, request: DecisionRequest, person: _Person | None, slot: BlockSlot | VariantSlot
    ) -> Unit | None:
        if person is not None:
            by_account = isinstance(slot, VariantSlot) and slot.unit == "account"
            out_by_account = self.meta.holdout is not None and self.meta.holdout.unit == "account"
            return Unit(
                kind="account" if by_account and person.account_id else "person",
                unit_id=person.drawn_as(slot_draw(request.slot), by_account=by_account),
                person_id=person.person_id,
                holdout_id=person.drawn_as(HOLDOUT_DRAW, by_account=out_by_account),
            )
        if request.anonymous_id is None:
            return None
        key = keyed(self._secret, "anonymous_id", request.anonymous_id)
        return Unit("anonymous", key, None, key)


def decide(request: DecisionRequest, artefact: Artefact) -> Decision:
    """Decide what one slot of one page is to show; the same request and artefact, the same decision.

    Raises:
        UnknownSlotError: The slot is in no block and no experiment with variants.
    """
    return choose(*artefact.look_up(request))


def keyed(secret: bytes, kind: str, value: str) -> str:
    """The keyed hash of an id, as it stands in the artefact; its twin is :func:`keyed_sql`."""
    return hmac.new(secret, f"{kind}|{value}".encode(), hashlib.sha256).hexdigest()[:KEY_DIGITS]


def keyed_sql(kind: str, column: str) -> str:
    """The keyed hash of a column as an expression; binds ``$inner`` and ``$outer``, see pads."""
    message = f"encode('{kind}|' || {column})"
    return f"left(sha256($outer || unhex(sha256($inner || {message}))), {KEY_DIGITS})"


def pads(secret: bytes) -> dict[str, bytes]:
    """The inner and outer pad of HMAC over blocks of 64 bytes; the secret is no longer than one."""
    block = secret.ljust(64, b"\0")
    return {
        "inner": bytes(byte ^ 0x36 for byte in block),
        "outer": bytes(byte ^ 0x5C for byte in block),
    }


def _kept(request: DecisionRequest, slot: BlockSlot | VariantSlot) -> Earlier | None:
    """What the visit was shown before, where it is still an arm of the experiment."""
    if request.earlier is None or isinstance(slot, BlockSlot):
        return None
    arms = {slot.baseline, *(arm for found in slot.segments.values() for arm in found.shares)}
    return request.earlier if request.earlier.action_id in arms else None


def _facts_of(
    request: DecisionRequest, slot: BlockSlot | VariantSlot, person: _Person | None
) -> BlockFacts | VariantFacts:
    if isinstance(slot, VariantSlot):
        return _variant_facts(slot, person.segments.get(request.slot) if person else None)
    return _block_facts(request, slot, person)


def _variant_facts(slot: VariantSlot, segment: str | None) -> VariantFacts:
    found = slot.segments.get(segment or GLOBAL_SEGMENT) or slot.segments[GLOBAL_SEGMENT]
    return VariantFacts(
        slot.baseline, slot.held_out, slot.held_out_share, slot.policy, found.level, segment,
        found.shares, found.reasons,
    )  # fmt: skip


def _block_facts(request: DecisionRequest, slot: BlockSlot, person: _Person | None) -> BlockFacts:
    """Only as much of what everybody gets as the decision can need: it is logged with it."""
    own = person.lists.get(request.slot) if person else None
    listed = tuple(Listed(*item) for item in own["items"]) if own else ()
    topic = request.topic if request.topic in slot.lists else ""
    read = person.read if person and not slot.repeats else frozenset()
    popular = _unread(slot, topic or "", read) if person else slot.lists.get(topic or "", ())
    lost = 0 if slot.repeats else sum(item.content_id in request.seen for item in listed)
    needed = slot.size if not listed else slot.size - len(listed) + lost
    spare = (
        needed + len(request.seen) + len(listed) + ceil(slot.discovery_slots) if needed > 0 else 0
    )
    return BlockFacts(
        size=slot.size,
        discovery_slots=slot.discovery_slots,
        repeats=slot.repeats,
        policy=slot.policy,
        level=own["level"] if own else ("context" if topic else "popular"),
        listed=listed,
        popular=popular[:spare],
        pool=() if listed else tuple(item for item in slot.pool if item not in read),
    )


def _unread(slot: BlockSlot, topic: str, read: frozenset[str]) -> tuple[Listed, ...]:
    """What everybody gets without what the person has read; who reads much needs more than one list."""
    drawable = (Listed(content_id, "not read yet") for content_id in slot.pool)
    found: dict[str, Listed] = {}
    for item in (*slot.lists.get(topic, ()), *slot.lists.get("", ()), *drawable):
        found.setdefault(item.content_id, item)
    return tuple(item for content_id, item in found.items() if content_id not in read)
