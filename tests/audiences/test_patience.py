"""A service that lets only so many calls through: none comes too early, and hardly any time is lost."""

from __future__ import annotations

import datetime as dt
import email.utils
import math
from dataclasses import dataclass

import httpx
import pytest

from audiences.errors import DestinationUnavailableError
from audiences.sync import DestinationsConfig
from audiences.sync.destinations.exchange import Exchange, Meaning, Outgoing

CALLS = 60
START = dt.datetime(2026, 11, 30, 10, tzinfo=dt.UTC)
NEARLY, DATE = START - dt.timedelta(seconds=0.1), email.utils.format_datetime(START, usegmt=True)
SETTINGS = {"kind": "webhook", "legal_basis": "a test", "url": "https://93.184.215.14/x",
            "secret_env": "S"}  # fmt: skip


@dataclass(slots=True)
class Bucket:
    """A token bucket with a clock of its own, which sleeping moves."""

    capacity: float
    seconds_per_token: float
    as_date: bool
    now: float = 0.0
    tokens: float = 0.0
    filled_at: float = 0.0
    closed_until: float = 0.0
    taken: int = 0
    too_early: int = 0
    asked: float = 0.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def clock(self) -> dt.datetime:
        return START + dt.timedelta(seconds=self.now)

    def answer(self, _request: httpx.Request) -> httpx.Response:
        self.too_early += self.now < self.closed_until
        gained = (self.now - self.filled_at) / self.seconds_per_token
        self.tokens, self.filled_at = min(self.capacity, self.tokens + gained), self.now
        if self.tokens >= 1:
            self.tokens -= 1
            self.taken += 1
            return httpx.Response(200)
        # Whole seconds, as both forms of the header have them.
        wait = math.ceil((1 - self.tokens) * self.seconds_per_token)
        until = self.clock() + dt.timedelta(seconds=wait)
        value = email.utils.format_datetime(until, usegmt=True) if self.as_date else str(wait)
        # A date drops what is beyond its second.
        self.closed_until = self.now + wait - (until.microsecond / 1e6 if self.as_date else 0)
        self.asked += self.closed_until - self.now
        return httpx.Response(429, headers={"Retry-After": value})


@pytest.mark.parametrize("as_date", [False, True])
@pytest.mark.parametrize(("capacity", "seconds_per_token"), [(1, 1), (1, 7), (10, 2), (5, 30)])
def test_every_call_gets_through_none_too_early_and_at_the_pace_that_is_allowed(
    capacity: float, seconds_per_token: float, as_date: bool
) -> None:
    bucket = Bucket(capacity, seconds_per_token, as_date, tokens=capacity)
    config = DestinationsConfig.model_validate({"destinations": {"it": SETTINGS}})
    exchange = Exchange(
        "it", config.destinations["it"], bucket.clock, transport=httpx.MockTransport(bucket.answer)
    )

    with exchange.clients() as clients:
        for _ in range(CALLS):
            _, verdict, _ = exchange.send(
                Outgoing("POST", SETTINGS["url"], b"{}", dict),
                judge=exchange.judge, clients=clients, sleep=bucket.sleep,
            )  # fmt: skip
            assert verdict.meaning is Meaning.TAKEN

    assert (bucket.taken, bucket.too_early) == (CALLS, 0)
    assert bucket.now <= 1.1 * bucket.asked
    if not as_date and capacity > 1:  # whole seconds, and no place for what is saved, cost more
        assert bucket.now <= 1.1 * (CALLS - capacity) * seconds_per_token


@pytest.mark.parametrize(("asked", "least"), [("0", (1, 2, 4, 8)), (DATE, (0.1, 0.1, 4, 8))])
def test_who_asks_for_hardly_any_pause_is_given_one_that_grows(
    asked: str, least: tuple[float, ...]
) -> None:
    paused: list[float] = []
    config = DestinationsConfig.model_validate({"destinations": {"it": SETTINGS}})
    busy = httpx.MockTransport(lambda _: httpx.Response(503, headers={"Retry-After": asked}))
    exchange = Exchange("it", config.destinations["it"], lambda: NEARLY, transport=busy)

    with exchange.clients() as clients, pytest.raises(DestinationUnavailableError):
        exchange.send(
            Outgoing("POST", SETTINGS["url"], b"{}", dict),
            judge=exchange.judge, clients=clients, sleep=paused.append,
        )  # fmt: skip

    assert config.destinations["it"].max_attempts == len(least) + 1
    assert all(pause >= wait for pause, wait in zip(paused, least, strict=True))
