"""One HTTP request until it is answered: safe address, pauses, pace, and what the answer means.

Source: RFC 9110 section 10.2.3 for Retry-After.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import email.utils
import functools
import ipaddress
import itertools
import json
import logging
import random
import ssl
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import TracebackType
from typing import Any, Self

import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt
from tenacity.wait import wait_exponential_jitter

from audiences.errors import DestinationUnavailableError, UnsafeAddress, UnsafeAddressError
from audiences.sync.destinations.address import (
    Resolve,
    allowed_by,
    resolve_by_system,
    safe_address,
)
from audiences.sync.destinations.base import Clock, Sleep
from audiences.sync.settings import HttpSettings

# The other side did not, or not yet, decide: too early, too slow, too many.
_UNDECIDED = frozenset({408, 425, 429})
# Whatever we send next will meet the same answer.
_FINAL = frozenset({403, 404, 405, 410})
# Pauses of less than a second in a row; with five, every try would be over in a quarter of one.
_SHORT_TRIES = 2
_CHUNK = 65_536
_MOST_BYTES = 160 * _CHUNK  # 10 MiB: 10,000 rows with a long reason each


class Meaning(StrEnum):
    """What an answer means for the request."""

    TAKEN = "taken"
    BUSY = "busy"  # nobody knows, or not now: the same again after a pause
    REFUSED = "refused"  # this request is at fault
    EXPIRED = "expired"  # the token is; a new one may help
    FINAL = "final"  # every further request would be refused as well


@dataclass(frozen=True, slots=True)
class Verdict:
    """How an answer was judged.

    Attributes:
        meaning: What it means.
        code: A machine code, without any value.
        wait_s: How long the other side asks to be left alone, in seconds; None where it does not.
    """

    meaning: Meaning
    code: str
    wait_s: float | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; the names of headers are in lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def json(self) -> Any:
        """The body read as JSON; None where it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request as it goes out; headers are made anew for each attempt."""

    method: str
    url: str
    body: bytes
    headers: Callable[[], Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Rate:
    """At most so many requests in any so many seconds."""

    calls: int
    seconds: float


@dataclass(slots=True)
class Pace:
    """Keeps within rates: waits before a request that would be one too many."""

    rates: tuple[Rate, ...]
    clock: Clock
    _made: deque[float] = field(default_factory=deque)

    def wait(self, sleep: Sleep) -> None:
        """Sleep until one more request is within every rate, and count it."""
        now = self.clock().timestamp()
        due = max([now, *(self._made[-r.calls] + r.seconds for r in self._full())])
        if due > now:
            sleep(due - now)
        self._made.append(due)
        while len(self._made) > max((rate.calls for rate in self.rates), default=0):
            self._made.popleft()

    def _full(self) -> list[Rate]:
        return [rate for rate in self.rates if len(self._made) >= rate.calls]


class Clients:
    """Connections that are kept open while a batch is sent, one set for each host."""

    def __init__(self, timeout_s: float, transport: httpx.BaseTransport | None) -> None:
        self._timeout_s, self._transport = timeout_s, transport
        self._stack = contextlib.ExitStack()
        self._by_host: dict[str, httpx.Client] = {}
        # It logs addresses of requests, and some vendors are asked by e-mail address in them.
        logging.getLogger("httpx").setLevel(logging.WARNING)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def of(self, host: str) -> httpx.Client:
        """The client for a host; it connects to an address that was judged, never by name."""
        if host not in self._by_host:
            client = httpx.Client(
                timeout=self._timeout_s,
                trust_env=False,
                transport=self._transport,
                verify=_trusted_authorities(),
            )
            self._by_host[host] = self._stack.enter_context(client)
        return self._by_host[host]


@dataclass(slots=True)
class Exchange:
    """Sends requests of one destination.

    Attributes:
        key: The destination's key, for errors.
        settings: How patient to be, which addresses are allowed.
        clock: Gives the time of each attempt, UTC with its zone.
        resolve: Gives the addresses of a name.
        transport: Carries requests instead of the network, in tests.
        most_bytes: Of an answer, no more is read.
    """

    key: str
    settings: HttpSettings
    clock: Clock
    resolve: Resolve = resolve_by_system
    transport: httpx.BaseTransport | None = None
    most_bytes: int = _MOST_BYTES
    _quiet_until: float = 0.0

    def clients(self) -> Clients:
        """Connections for one batch."""
        return Clients(self.settings.timeout_s, self.transport)

    def send(
        self,
        outgoing: Outgoing,
        *,
        judge: Callable[[Answer], Verdict],
        clients: Clients,
        sleep: Sleep,
        pace: Pace | None = None,
    ) -> tuple[Answer, Verdict, int]:
        """Make a request, again after a pause where the other side is busy or broken.

        Returns:
            The answer that was decided, its verdict (never busy), and the attempts made.

        Raises:
            DestinationUnavailableError: It stayed busy, or nobody knows whether it arrived.
            UnsafeAddressError: Its address is not one that personal data may be sent to.
        """
        self._keep_quiet(sleep)
        retrying = Retrying(
            stop=self._is_enough,
            wait=self._pause,
            retry=retry_if_exception_type(DestinationUnavailableError),
            sleep=sleep,
            reraise=True,
        )

        def attempt() -> tuple[Answer, Verdict]:
            if pace is not None:
                pace.wait(sleep)
            answer = self._once(outgoing, clients)
            verdict = judge(answer)
            if verdict.meaning is Meaning.BUSY:
                self._hush(verdict.wait_s)
                raise DestinationUnavailableError(
                    self.key, verdict.code, retry_after_s=verdict.wait_s
                )
            return answer, verdict

        answer, verdict = retrying(attempt)
        return answer, verdict, int(retrying.statistics["attempt_number"])

    def judge(self, answer: Answer) -> Verdict:
        """Judge an answer by its status alone."""
        return judge_status(answer, self.clock())

    def _once(self, outgoing: Outgoing, clients: Clients) -> Answer:
        url = httpx.URL(outgoing.url)
        address = self._safe_address(url)
        client = clients.of(url.host)
        request = client.build_request(
            outgoing.method,
            url.copy_with(host=address),
            content=outgoing.body,
            headers={"Host": url.netloc.decode(), **outgoing.headers()},
            extensions={"sni_hostname": url.host},
        )
        try:
            response = client.send(request, stream=True, follow_redirects=False)
            with contextlib.closing(response):
                chunks = itertools.islice(response.iter_bytes(_CHUNK), self.most_bytes // _CHUNK)
                return Answer(response.status_code, _lowered(response.headers), b"".join(chunks))
        except httpx.RequestError as error:
            raise DestinationUnavailableError(self.key, type(error).__name__) from error

    def _hush(self, wait_s: float | None) -> None:
        if wait_s:
            self._quiet_until = self.clock().timestamp() + wait_s

    def _keep_quiet(self, sleep: Sleep) -> None:
        """Leave the other side alone for as long as it asked, across batches and syncs."""
        left = self._quiet_until - self.clock().timestamp()
        if left > self.settings.max_wait_s:
            raise DestinationUnavailableError(self.key, "asked_to_wait", retry_after_s=left)
        if left > 0:
            sleep(left)

    def _pause(self, state: RetryCallState) -> float:
        """What the other side asked for, else exponential; with jitter, so that none gang up.

        A part of a second is what a date leaves of one: who asks for no more again and again, or
        for nothing, does not say when it will be well.
        """
        asked = _asked(state)
        believed_s = 0 if state.attempt_number <= _SHORT_TRIES else 1
        if not asked or asked < believed_s:
            return float(wait_exponential_jitter(initial=1, max=self.settings.max_wait_s)(state))
        return asked + random.uniform(0, asked / 10)  # noqa: S311 - guards no secret

    def _is_enough(self, state: RetryCallState) -> bool:
        asked = _asked(state)
        is_too_long = asked is not None and asked > self.settings.max_wait_s
        return is_too_long or stop_after_attempt(self.settings.max_attempts)(state)

    def _safe_address(self, url: httpx.URL) -> str:
        is_https = url.scheme == "https"
        if not is_https and not self.settings.allow_insecure_loopback:
            raise UnsafeAddressError(self.key, UnsafeAddress.NOT_HTTPS)
        port = url.port or (443 if is_https else 80)
        address = safe_address(
            self.key, url.host, port, resolve=self.resolve, allows=allowed_by(self.settings)
        )
        if not is_https and not ipaddress.ip_address(address).is_loopback:
            raise UnsafeAddressError(self.key, UnsafeAddress.HTTP_ELSEWHERE)
        return address


@functools.cache
def _trusted_authorities() -> ssl.SSLContext:
    """Whom a server's certificate may be signed by; reading the list takes longer than a request."""
    return httpx.create_ssl_context(trust_env=False)


def judge_status(answer: Answer, now: dt.datetime) -> Verdict:
    """What an answer means by its status.

    Args:
        answer: The answer.
        now: The time, UTC with its zone: Retry-After may name a moment.
    """
    status, code = answer.status, f"http_{answer.status}"
    if status in _UNDECIDED or status >= 500:
        return Verdict(Meaning.BUSY, code, retry_after(answer.headers.get("retry-after", ""), now))
    if 200 <= status < 300:
        return Verdict(Meaning.TAKEN, code)
    if status == 401:
        return Verdict(Meaning.EXPIRED, code)
    is_final = status in _FINAL or 300 <= status < 400
    return Verdict(Meaning.FINAL if is_final else Meaning.REFUSED, code)


def retry_after(value: str, now: dt.datetime) -> float | None:
    """Seconds to wait, from either form of the header; None where it says nothing."""
    if value.strip().isdecimal():
        return float(value)
    try:
        moment = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    return max(0.0, (moment - now).total_seconds())


def _asked(state: RetryCallState) -> float | None:
    error = state.outcome.exception() if state.outcome else None
    return error.retry_after_s if isinstance(error, DestinationUnavailableError) else None


def _lowered(headers: httpx.Headers) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
