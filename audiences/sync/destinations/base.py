"""What a destination is to the sync: it plans requests, sends them, and forgets people."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc

Sleep = Callable[[float], None]
Clock = Callable[[], dt.datetime]

_NONE_REJECTED = {"row_id": pa.array([], pa.string()), "reason": pa.array([], pa.string())}


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows that go together, committed to the ledger before they are sent.

    Attributes:
        batch_id: Also the idempotency key: the same rows are always sent under the same one.
        sync_key: The sync.
        audience_key: The audience.
        columns: Names of the identifiers and traits, in the order of the configuration.
        rows: Arrow table, one row per person, removals first, then those with identifiers to take
            away before others are put: ``row_id``, ``operation`` (add, change, remove, erase),
            ``payload`` (JSON object of the row), and each of ``columns`` as text, for destinations
            that read these.
        target: What the sync's members are put into there, such as a list; empty where nothing is.
        jobs: Jobs that it started there in an earlier run, by the request that started each.
    """

    batch_id: str
    sync_key: str
    audience_key: str
    columns: tuple[str, ...]
    rows: pa.Table
    target: str = ""
    jobs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Request:
    """Exactly what is handed over, byte by byte."""

    batch_id: str
    sync_key: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Delivery:
    """The answer to a batch that arrived.

    Attributes:
        rejected: Arrow table (row_id, reason) of the rows refused; all others were taken.
            A reason is a short machine code.
        attempts: How often the request was made.
        doubtful: Arrow table (row_id, reason) of rows that may or may not have been taken; they
            are due again, and count as held until an answer is clear.
        answer: What the other side said in the end, as ``HTTP 202``; None where it is no service.
    """

    rejected: pa.Table = field(default_factory=lambda: pa.table(_NONE_REJECTED))
    attempts: int = 1
    doubtful: pa.Table = field(default_factory=lambda: pa.table(_NONE_REJECTED))
    answer: str | None = None


class Destination(Protocol):
    """A place that audiences are published to."""

    @property
    def key(self) -> str:
        """Its key in the configuration."""

    @property
    def max_rows(self) -> int:
        """Most rows of one batch."""

    def remembers(self, sync_key: str) -> bool:
        """Whether what was acknowledged earlier is still there, as far as can be told."""

    def plan(self, batch: Batch) -> Request:
        """Write the request for a batch; pure: the same batch gives the same bytes."""

    def send(self, request: Request, *, sleep: Sleep) -> Delivery:
        """Deliver a request; delivering it twice equals delivering it once.

        Raises:
            DestinationUnavailableError: Nobody knows whether it arrived.
            DestinationRefusedError: All of it was refused.
        """

    def erase(self, batch: Batch, *, sleep: Sleep) -> Delivery:
        """Make the destination forget the persons of a batch, history included.

        Raises:
            DestinationUnavailableError: Nobody knows whether it arrived.
            DestinationRefusedError: All of it was refused.
        """


def rows_request(batch: Batch) -> Request:
    """The rows of a batch as JSON, with their target and audience."""
    head = f'{{"target":{json.dumps(batch.target)},"audience":{json.dumps(batch.audience_key)}'
    body = f'{head},"rows":[{joined_payloads(batch)}]}}'
    return Request(batch.batch_id, batch.sync_key, body.encode())


def joined_payloads(batch: Batch) -> str:
    """The rows of a batch, separated by commas."""
    payloads = batch.rows["payload"].combine_chunks()
    rows = pa.ListArray.from_arrays(pa.array([0, len(payloads)], pa.int32()), payloads)
    return str(pc.binary_join(rows, ",")[0].as_py())


def fingerprint_of(*parts: object) -> str:
    """A short name for where a destination is, of all that tells it from elsewhere."""
    return hashlib.sha256(json.dumps([str(part) for part in parts]).encode()).hexdigest()[:26]


def place_of(destination: Destination) -> str | None:
    """Where a destination is, by its fingerprint; None where nothing but its key tells."""
    return getattr(destination, "place", None)


def bare_place_of(destination: Destination) -> str | None:
    """Where a destination would be without its label; None where it has none."""
    return getattr(destination, "bare_place", None)


def reads_columns(destination: Destination) -> bool:
    """Whether a destination reads the columns of a batch, beside the payload of its rows."""
    return bool(getattr(destination, "reads_columns", True))


def can_erase(destination: Destination) -> bool:
    """Whether a destination can forget a person, and not only take them out of what was sent."""
    return bool(getattr(destination, "can_erase", True))


def rejected_rows(row_ids: Sequence[str], reasons: Sequence[str]) -> pa.Table:
    """The table of refused rows that a delivery carries."""
    return pa.table(
        {"row_id": pa.array(row_ids, pa.string()), "reason": pa.array(reasons, pa.string())}
    )
