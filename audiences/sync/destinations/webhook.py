"""A signed HTTP request for each batch.

The body is ``{"type", "sync", "audience", "batch_id", "rows": [{"id", "operation", "identifiers",
"previous_identifiers", "traits"}]}``; ``operation`` is add, change, remove or erase. A receiver that
knows people by their identifiers takes away those of rows to remove or erase, and previous ones,
before it puts anybody. It may answer ``{"results": [{"id", "status": "accepted" or "rejected",
"reason"}]}``; a row that it does not mention was accepted, and a rejected one comes again with the
next run. An answer that names rows without ``results`` acknowledges nothing.

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
for the signature.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import pydantic

from audiences.errors import DestinationRefusedError
from audiences.sync.destinations.address import Resolve, resolve_by_system
from audiences.sync.destinations.base import (
    Batch,
    Clock,
    Delivery,
    Request,
    Sleep,
    fingerprint_of,
    joined_payloads,
    rejected_rows,
)
from audiences.sync.destinations.exchange import (
    Answer,
    Exchange,
    Meaning,
    Outgoing,
    Verdict,
    judge_status,
)
from audiences.sync.settings import WebhookSettings

_ROW = re.compile(rb'"(r_[0-9a-z]+)"')
_CODE = re.compile(r"^[a-z][a-z_]{0,63}$")  # no digits: an answer must not smuggle in a value


class _RowResult(pydantic.BaseModel):
    id: str
    status: Literal["accepted", "rejected"]
    reason: str | None = None


class _Answer(pydantic.BaseModel):
    results: list[_RowResult] | None = None


@dataclass(slots=True)
class WebhookDestination:
    """An address that takes signed batches.

    Attributes:
        key: Its key in the configuration.
        settings: Where and how.
        secret: The signing key, decoded.
        clock: Gives the time of each attempt, UTC with its zone; receivers refuse old requests.
        resolve: Gives the addresses of a name.
    """

    key: str
    settings: WebhookSettings
    secret: bytes
    clock: Clock
    resolve: Resolve = resolve_by_system
    reads_columns: ClassVar[bool] = False
    _exchange: Exchange = field(init=False)

    def __post_init__(self) -> None:
        self._exchange = Exchange(self.key, self.settings, self.clock, self.resolve)

    def __repr__(self) -> str:
        return f"WebhookDestination(key={self.key!r})"

    @property
    def place(self) -> str:
        """Fingerprint of its address; of no query, which may hold a secret that is renewed."""
        url = self.settings.url
        return fingerprint_of(url.scheme, url.host, url.port, url.path)

    @property
    def max_rows(self) -> int:
        """Most rows of one request."""
        return self.settings.max_rows

    def remembers(self, sync_key: str) -> bool:  # noqa: ARG002 - it cannot be asked
        """True: an address cannot be asked what it holds."""
        return True

    def plan(self, batch: Batch) -> Request:
        """The body, byte for byte."""
        head = (
            f'{{"type":"audience.delta","sync":"{batch.sync_key}",'
            f'"audience":"{batch.audience_key}","batch_id":"{batch.batch_id}","rows":['
        )
        body = f"{head}{joined_payloads(batch)}]}}"
        return Request(batch.batch_id, batch.sync_key, body.encode())

    def send(self, request: Request, *, sleep: Sleep) -> Delivery:
        """Post a request, again after a pause where the other side is busy or broken.

        Raises:
            DestinationUnavailableError: It stayed so, or nobody knows whether it arrived.
            DestinationRefusedError: It was refused, or its address is not safe.
        """
        outgoing = Outgoing(
            "POST", str(self.settings.url), request.body, lambda: self._headers(request)
        )
        with self._exchange.clients() as clients:
            answer, verdict, attempts = self._exchange.send(
                outgoing,
                judge=lambda answer: self._judge(answer, request),
                clients=clients,
                sleep=sleep,
            )
        if verdict.meaning is not Meaning.TAKEN:
            is_final = verdict.meaning is not Meaning.REFUSED
            raise DestinationRefusedError(self.key, verdict.code, is_final=is_final)
        rejected = [row for row in _results(answer, request) or () if row.status == "rejected"]
        return Delivery(
            rejected_rows([row.id for row in rejected], [_code(row.reason) for row in rejected]),
            attempts=attempts,
            answer=f"HTTP {answer.status}",
        )

    def erase(self, batch: Batch, *, sleep: Sleep) -> Delivery:
        """Send rows with the operation erase.

        Raises:
            DestinationUnavailableError: Nobody knows whether it arrived.
            DestinationRefusedError: It was refused, or its address is not safe.
        """
        return self.send(self.plan(batch), sleep=sleep)

    def _headers(self, request: Request) -> dict[str, str]:
        stamp = str(int(self.clock().timestamp()))
        return {
            "Content-Type": "application/json",
            "Idempotency-Key": request.batch_id,
            "webhook-id": request.batch_id,
            "webhook-timestamp": stamp,
            "webhook-signature": sign(self.secret, request.batch_id, stamp, request.body),
        }

    def _judge(self, answer: Answer, request: Request) -> Verdict:
        """By its status; an answer about rows that cannot be read acknowledges nothing."""
        verdict = judge_status(answer, self.clock())
        if verdict.meaning is Meaning.TAKEN and _results(answer, request) is None:
            return Verdict(Meaning.BUSY, "unreadable_answer")
        return verdict


def sign(secret: bytes, message_id: str, timestamp: str, body: bytes) -> str:
    """The value of ``webhook-signature``, version 1.

    Args:
        secret: The decoded secret.
        message_id: The value of ``webhook-id``.
        timestamp: The value of ``webhook-timestamp``: seconds since 1970.
        body: The body as sent.
    """
    signed = hmac.new(secret, f"{message_id}.{timestamp}.".encode(), hashlib.sha256)
    signed.update(body)
    return f"v1,{base64.b64encode(signed.digest()).decode()}"


def _results(answer: Answer, request: Request) -> list[_RowResult] | None:
    """What the answer says of rows; None where it cannot be read, or speaks of them otherwise."""
    if not answer.headers.get("content-type", "").startswith("application/json"):
        return []
    try:
        results = _Answer.model_validate_json(answer.body or b"{}").results
    except pydantic.ValidationError:
        return None
    if results is not None:
        return results
    named = set(_ROW.findall(answer.body)) & set(_ROW.findall(request.body))
    return None if named else []


def _code(reason: str | None) -> str:
    """The other side's reason where it is a plain code, which cannot hold a person's value."""
    return reason if reason and _CODE.match(reason) else "rejected"
