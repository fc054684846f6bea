"""A signed HTTP request for each batch.

The body is ``{"type", "sync", "audience", "batch_id", "rows": [{"id", "operation", "identifiers",
"previous_identifiers", "traits"}]}``; ``operation`` is add, change, remove or erase. The receiver
may answer ``{"results": [{"id", "status": "accepted" or "rejected", "reason"}]}``; a row that it
does not mention was accepted, and a rejected one comes again with the next run.

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
for the signature; RFC 9110 section 10.2.3 for Retry-After.
"""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
import email.utils
import hashlib
import hmac
import ipaddress
import itertools
import re
from dataclasses import dataclass
from typing import Literal

import httpx
import pydantic
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt
from tenacity.wait import wait_exponential_jitter

from audiences.errors import (
    DestinationRefusedError,
    DestinationUnavailableError,
    UnsafeAddressError,
)
from audiences.sync.config import WebhookSettings
from audiences.sync.destinations.address import (
    Address,
    Resolve,
    is_private_network,
    resolve_by_system,
    safe_address,
)
from audiences.sync.destinations.base import (
    Batch,
    Clock,
    Delivery,
    Request,
    Sleep,
    rejected_rows,
)

# The other side did not, or not yet, decide: too early, too slow, too many.
_UNDECIDED = frozenset({408, 425, 429})
# Whatever we send next will meet the same answer.
_FINAL = frozenset({401, 403, 404, 405, 410})
_MOST_CHUNKS, _CHUNK = 160, 65_536  # 10 MiB: 10,000 rows with a long reason each
_CODE = re.compile(r"^[a-z][a-z_]{0,63}$")  # no digits: an answer must not smuggle in a value


class _RowResult(pydantic.BaseModel):
    id: str
    status: Literal["accepted", "rejected"]
    reason: str | None = None


class _Answer(pydantic.BaseModel):
    results: list[_RowResult] = []


@dataclass(frozen=True, slots=True)
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

    def __repr__(self) -> str:
        return f"WebhookDestination(key={self.key!r})"

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
        body = f"{head}{','.join(batch.rows['payload'].to_pylist())}]}}"
        return Request(batch.batch_id, batch.sync_key, body.encode())

    def send(self, request: Request, *, sleep: Sleep) -> Delivery:
        """Post a request, again after a pause where the other side is busy or broken.

        Raises:
            DestinationUnavailableError: It stayed so, or nobody knows whether it arrived.
            DestinationRefusedError: It was refused, or its address is not safe.
        """
        retrying = Retrying(
            stop=self._is_enough,
            wait=self._pause,
            retry=retry_if_exception_type(DestinationUnavailableError),
            sleep=sleep,
            reraise=True,
        )
        rejected = retrying(self._attempt, request)
        return Delivery(
            rejected_rows([row.id for row in rejected], [_code(row.reason) for row in rejected]),
            attempts=int(retrying.statistics["attempt_number"]),
        )

    def erase(self, batch: Batch, *, sleep: Sleep) -> Delivery:
        """Send rows with the operation erase.

        Raises:
            DestinationUnavailableError: Nobody knows whether it arrived.
            DestinationRefusedError: It was refused, or its address is not safe.
        """
        return self.send(self.plan(batch), sleep=sleep)

    def _attempt(self, request: Request) -> list[_RowResult]:
        """One post; the rows that were rejected."""
        url = httpx.URL(str(self.settings.url))
        address = self._safe_address(url)
        with httpx.Client(timeout=self.settings.timeout_s, trust_env=False) as client:
            outgoing = client.build_request(
                "POST",
                url.copy_with(host=address),
                content=request.body,
                headers={"Host": url.netloc.decode(), **self._headers(request)},
                extensions={"sni_hostname": url.host},
            )
            try:
                response = client.send(outgoing, stream=True, follow_redirects=False)
                with contextlib.closing(response):
                    chunks = itertools.islice(response.iter_bytes(_CHUNK), _MOST_CHUNKS)
                    return self._read(response, b"".join(chunks))
            except httpx.RequestError as error:
                raise DestinationUnavailableError(self.key, type(error).__name__) from error

    def _headers(self, request: Request) -> dict[str, str]:
        stamp = str(int(self.clock().timestamp()))
        return {
            "Content-Type": "application/json",
            "Idempotency-Key": request.batch_id,
            "webhook-id": request.batch_id,
            "webhook-timestamp": stamp,
            "webhook-signature": sign(self.secret, request.batch_id, stamp, request.body),
        }

    def _read(self, response: httpx.Response, body: bytes) -> list[_RowResult]:
        status = response.status_code
        code = f"http_{status}"
        if status in _UNDECIDED or status >= 500:
            wait = self._retry_after(response.headers.get("Retry-After", ""))
            raise DestinationUnavailableError(self.key, code, retry_after_s=wait)
        if not 200 <= status < 300:
            is_final = status in _FINAL or 300 <= status < 400
            raise DestinationRefusedError(self.key, code, is_final=is_final)
        if not response.headers.get("Content-Type", "").startswith("application/json"):
            return []
        try:
            answer = _Answer.model_validate_json(body or b"{}")
        except pydantic.ValidationError:
            # Not chained: pydantic's error quotes the body.
            raise DestinationUnavailableError(self.key, "unreadable_answer") from None
        return [row for row in answer.results if row.status == "rejected"]

    def _retry_after(self, value: str) -> float | None:
        """Seconds to wait, from either form of the header; None where it says nothing."""
        if value.strip().isdigit():
            return float(value)
        try:
            moment = email.utils.parsedate_to_datetime(value)
        except ValueError:
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=dt.UTC)
        return max(0.0, (moment - self.clock()).total_seconds())

    def _pause(self, state: RetryCallState) -> float:
        """What the other side asked for, else exponential; with jitter, so that none gang up."""
        jittered = float(wait_exponential_jitter(initial=1, max=self.settings.max_wait_s)(state))
        asked = _asked(state)
        return jittered if asked is None else asked + jittered / 10

    def _is_enough(self, state: RetryCallState) -> bool:
        asked = _asked(state)
        is_too_long = asked is not None and asked > self.settings.max_wait_s
        return is_too_long or stop_after_attempt(self.settings.max_attempts)(state)

    def _safe_address(self, url: httpx.URL) -> str:
        is_https = url.scheme == "https"
        if not is_https and not self.settings.allow_insecure_loopback:
            raise UnsafeAddressError(self.key, "not https")
        port = url.port or (443 if is_https else 80)
        address = safe_address(self.key, url.host, port, resolve=self.resolve, allows=self._allows)
        if not is_https and not ipaddress.ip_address(address).is_loopback:
            raise UnsafeAddressError(self.key, "http to another machine")
        return address

    def _allows(self, address: Address) -> bool:
        if address.is_loopback:
            return self.settings.allow_insecure_loopback
        return self.settings.allow_private_addresses and is_private_network(address)


def sign(secret: bytes, message_id: str, timestamp: str, body: bytes) -> str:
    """The value of ``webhook-signature``, version 1.

    Args:
        secret: The decoded secret.
        message_id: The value of ``webhook-id``.
        timestamp: The value of ``webhook-timestamp``: seconds since 1970.
        body: The body as sent.
    """
    signed = f"{message_id}.{timestamp}.".encode() + body
    digest = hmac.new(secret, signed, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def _asked(state: RetryCallState) -> float | None:
    error = state.outcome.exception() if state.outcome else None
    return error.retry_after_s if isinstance(error, DestinationUnavailableError) else None


def _code(reason: str | None) -> str:
    """The other side's reason where it is a plain code, which cannot hold a person's value."""
    return reason if reason and _CODE.match(reason) else "rejected"
