"""What one vendor's module says of its service: facts, requests out of rows, answers into results.

Everything here is pure. A batch becomes calls; the answer to a call becomes results of its rows and
the calls that follow from it, such as asking a job for its result. Sending is the runner's.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Generic, TypeVar, get_args
from urllib.parse import urlencode

from audiences.sync.destinations.base import Batch, fingerprint_of
from audiences.sync.destinations.exchange import Answer, Rate, Verdict, judge_status
from audiences.sync.forms import IdentifierType
from audiences.sync.settings import VendorSettings

_KINDS = get_args(IdentifierType)
ADDING = frozenset({"add", "change"})
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
_NOT_THERE = 404


class Semantics(StrEnum):
    """What an answer says of the rows of a request."""

    PER_ROW = "per row"
    COUNTS = "counts"
    ALL_OR_NOTHING = "all or nothing"
    ASYNC_JOB = "asynchronous job"


class Idempotency(StrEnum):
    """Why sending a batch twice equals sending it once."""

    NATURAL = "natural"  # its requests set a state
    KEYED = "keyed"  # the receiver acts once on each key
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Facts:
    """What is declared of a vendor.

    Attributes:
        title: Its name.
        api: The version of its interface that the requests are made for.
        semantics: What an answer says of rows.
        idempotency: Why a repeated batch does no harm.
        max_rows: Most rows of one request.
        rates: Most requests in a time.
        erasure: How it is told to forget a person; None where it has no call for that, and erasing
            takes the person out of what they were sent to.
        traps: What could change a consent there, and how it is kept from happening.
        erasure_rates: Rates of the requests that erase, where they differ.
        max_bytes: Most bytes of one request; 0 where no limit is near.
        group: What it calls that to which persons are sent.
    """

    title: str
    api: str
    semantics: Semantics
    idempotency: Idempotency
    max_rows: int
    rates: tuple[Rate, ...]
    erasure: str | None
    traps: str
    erasure_rates: tuple[Rate, ...] = ()
    max_bytes: int = 0
    group: str = "audience"

    @property
    def can_erase(self) -> bool:
        """Whether it has a call that forgets a person."""
        return self.erasure is not None


@dataclass(frozen=True, slots=True)
class Row:
    """One person of a batch.

    Attributes:
        row_id: The person's name in this sync.
        operation: add, change, remove or erase.
        identifiers: By type (email, phone, person_id and so on), in the form that the vendor takes. Of who is
            removed or erased: those that were sent.
        previous: Those sent before, where they differ; else empty.
        fields: Traits and mapped fields, by the name that they have there.
    """

    row_id: str
    operation: str
    identifiers: Mapping[str, str]
    previous: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_put(self) -> bool:
        """Whether the person is to be there."""
        return self.operation in ADDING


Rows = tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Shipment:
    """A batch as a vendor reads it."""

    batch_id: str
    sync_key: str
    audience_key: str
    target: str
    rows: Rows

    @property
    def put(self) -> Rows:
        """Who is to be there."""
        return tuple(row for row in self.rows if row.is_put)

    @property
    def taken(self) -> Rows:
        """Who is to go, and who was sent under identifiers that are no longer theirs."""
        return tuple(
            row if not row.is_put else replace(row, identifiers=row.previous)
            for row in self.rows
            if not row.is_put or row.previous
        )


@dataclass(frozen=True, slots=True)
class Reading:
    """What an answer says.

    Attributes:
        rejected: Reason, a plain code, by row id.
        then: Calls that follow from the answer; they go before all others.
        doubtful: Reason by row id of rows that may or may not have been taken.
        job: Name of the job that was started, where a later run can ask about it.
    """

    rejected: Mapping[str, str] = field(default_factory=dict)
    then: tuple[Call, ...] = ()
    doubtful: Mapping[str, str] = field(default_factory=dict)
    job: str = ""


def _all_taken(_answer: Answer) -> Reading:
    return Reading()


@dataclass(frozen=True, slots=True)
class Call:
    """One request, byte for byte, and how to read its answer.

    Attributes:
        method: HTTP method.
        path: Path and query, or a whole address on another host of the vendor.
        rows: The rows it is about; empty for one that no row hangs on.
        body: What is sent.
        content_type: Of the body.
        headers: More headers.
        read: Reads an answer that was taken.
        split: Makes the same call for fewer rows: the runner halves a call that was refused as a
            whole until the rows at fault are found. None where an answer names its rows.
        refused: What to make of a refusal instead, for refusals that mean something else.
        wait_s: How long to wait before it is made, in seconds.
        is_poll: Asks again about a job; counted, so that no job is waited for without end.
        resume: Goes on with the job of this name, which the same call started in an earlier run.
    """

    method: str
    path: str
    rows: Rows = ()
    body: bytes = b""
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    read: Callable[[Answer], Reading] = _all_taken
    split: Callable[[Rows], Call] | None = None
    refused: Callable[[Answer], Reading | None] | None = None
    wait_s: float = 0.0
    is_poll: bool = False
    resume: Callable[[str], Reading] | None = None


S = TypeVar("S", bound=VendorSettings)


@dataclass(frozen=True, slots=True, repr=False)
class Vendor(ABC, Generic[S]):
    """One vendor, with its settings and secrets.

    Attributes:
        key: The destination's key.
        settings: Its settings.
        secrets: Values of the environment variables, by the name of the setting.
    """

    key: str
    settings: S
    secrets: Mapping[str, str]

    def __repr__(self) -> str:
        return f"{type(self).__name__}(key={self.key!r})"

    @property
    @abstractmethod
    def facts(self) -> Facts:
        """What is declared of it."""

    @property
    @abstractmethod
    def host(self) -> str:
        """Scheme and host of its address."""

    @property
    def address(self) -> str:
        """Where requests go: its own address, unless the settings name another."""
        return str(self.settings.base_url or self.host).rstrip("/")

    def place(self, label: str | None) -> str:
        """Fingerprint of the address and the account, under the label that the account may have."""
        told = (getattr(self.settings, name) for name in self.settings.account_fields)
        return fingerprint_of(self.facts.title, self.address, label, *told)

    @abstractmethod
    def headers(self, token: str) -> Mapping[str, str]:
        """Headers of every request; ``token`` is empty where none is asked for first."""

    @abstractmethod
    def plan(self, shipment: Shipment) -> Iterable[Call]:
        """The calls that bring about a batch: removals first; the same batch, the same bytes."""

    @abstractmethod
    def erase(self, shipment: Shipment) -> Iterable[Call]:
        """The calls that make the vendor forget the persons of a batch."""

    def judge(self, answer: Answer, now: datetime) -> Verdict:
        """What an answer means; by its status, unless the vendor says so in the body."""
        return judge_status(answer, now)

    def login(self, now: datetime) -> Call | None:  # noqa: ARG002 - for those that need it
        """The call for a token; None where the secret itself is one."""
        return None

    def token(self, answer: Answer) -> str:
        """The token in the answer to a login."""
        return str(answer.json().get("access_token", ""))


def shipments(batch: Batch, most: int) -> Iterator[Shipment]:
    """Read a batch as vendors do: who goes, under each of the identifiers that they may have there.

    That may be more than a vendor takes at once: then in parts, all who go before those who are put.
    """
    read = (_row(json.loads(payload)) for payload in batch.rows["payload"].to_pylist())
    rows = tuple(named for row in read for named in _by_each_name(row))
    whole = Shipment(batch.batch_id, batch.sync_key, batch.audience_key, batch.target, rows)
    if len(whole.taken) <= most:
        yield whole
        return
    for part in chunked([row for row in rows if not row.is_put], most):
        yield replace(whole, rows=part)
    if whole.put:
        yield replace(whole, rows=whole.put)


def _row(payload: Mapping[str, Any]) -> Row:
    return Row(
        payload["id"],
        payload["operation"],
        _by_type(payload.get("identifiers")),
        _by_type(payload.get("previous_identifiers")),
        payload.get("traits") or {},
    )


def _by_each_name(row: Row) -> Iterator[Row]:
    """A row, and once more under the earlier identifiers, where it puts nobody."""
    if row.is_put or not row.previous:
        yield row
        return
    yield replace(row, previous={})
    yield replace(row, identifiers=row.previous, previous={})


def _by_type(identifiers: Mapping[str, str | None] | None) -> dict[str, str]:
    """Identifiers by type, without those that a person does not have."""
    return {
        next(kind for kind in _KINDS if column.startswith(kind)): value
        for column, value in (identifiers or {}).items()
        if value is not None
    }


def encoded(value: Any) -> bytes:
    """A value as JSON, always the same bytes."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def as_text(value: Any) -> str:
    """A value for a field that holds text; what is unknown empties it."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def by_index(rows: Rows, refused: Mapping[int, str]) -> dict[str, str]:
    """Reasons by row id, of reasons by the place of a row in a request."""
    return {rows[place].row_id: reason for place, reason in refused.items() if place < len(rows)}


def by_value(rows: Rows, refused: Mapping[str, str]) -> dict[str, str]:
    """Reasons by row id, of reasons by an identifier; addresses are compared in lower case."""
    return {
        row.row_id: refused[value.lower()]
        for row in rows
        for value in row.identifiers.values()
        if value.lower() in refused
    }


def absent(answer: Answer) -> Reading | None:
    """Who is not there need not be taken away: what to make of a refusal that says so."""
    return Reading() if answer.status == _NOT_THERE else None


def bearer(token: str) -> dict[str, str]:
    """The header of a bearer token; none while there is no token."""
    return {"Authorization": f"Bearer {token}"} if token else {}


def client_credentials(path: str, secrets: Mapping[str, str]) -> Call:
    """The call for a token by client credentials (RFC 6749 section 4.4).

    They go in the body, because an address would be logged on the way.
    """
    form = {
        "grant_type": "client_credentials",
        "client_id": secrets["client_id_env"],
        "client_secret": secrets["client_secret_env"],
    }
    return Call("POST", path, (), urlencode(form).encode(), FORM)


def in_doubt(rows: Rows, reason: str) -> Reading:
    """All of these rows may or may not have been taken."""
    return Reading(doubtful={row.row_id: reason for row in rows})


def chunked(rows: Sequence[Row], size: int) -> Iterator[Rows]:
    """Rows in parts of at most so many."""
    for first in range(0, len(rows), size):
        yield tuple(rows[first : first + size])


def halves(rows: Rows) -> tuple[Rows, Rows]:
    """The first and the second half."""
    middle = len(rows) // 2
    return rows[:middle], rows[middle:]
