"""A vendor's service in memory: it keeps state, refuses what its description refuses, and fails on order."""

from __future__ import annotations

import datetime as dt
import email.utils
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pyarrow as pa

from audiences.sync.config import DestinationsConfig, Sync, resolve_syncs
from audiences.sync.destinations import Batch, VendorDestination, open_vendor
from audiences.sync.destinations.exchange import Rate
from tests.destinations.description import Description

# Values of all kinds, and such as systems stumble over.
ODD = {
    "name": "Zoë 😀 \u202e\u0645\u0631\u062d " + "x" * 300,
    "note": '=1+@"\n\\ \u2028',
    "unknown": None,
    "is_new": False,
    "score": 0.25,
}
START = dt.datetime(2026, 3, 2, 9, 30, tzinfo=dt.UTC)


@dataclass
class Clock:
    """Time that passes only while somebody sleeps."""

    now: dt.datetime = START
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> dt.datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += dt.timedelta(seconds=seconds)


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one request: an answer in place of the usual one, or none at all."""

    status: int = 0
    retry_after_s: int = 0
    as_date: bool = False
    after_effect: bool = False


@dataclass(frozen=True)
class Asked:
    """A request as the service reads it."""

    method: str
    host: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    pairs: Sequence[tuple[str, str]] = ()

    def json(self) -> Any:
        return json.loads(self.body) if self.body else None

    def every(self, name: str) -> list[str]:
        """All values of a part of the query that is repeated."""
        return [value for key, value in self.pairs if key == name]


class Service:
    """The base of every vendor's fake. A vendor adds ``answer`` and how its members are written.

    Attributes:
        members: Of each target, who is in it, by the identifier as it was sent, and their fields.
        erased: Identifiers whose erasure was asked for.
        broken: Identifiers that the service refuses.
        faults: What goes wrong with the next requests; None: nothing.
        invalid: What the vendor's own description says against requests that came.
        impatient: Requests that came before Retry-After or faster than the rates allow.
    """

    description: Description | None = None
    rates: tuple[Rate, ...] = ()
    logins: str = ""  # part of the path of a request for a token

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.members: dict[str, dict[str, Mapping[str, Any]]] = {}
        self.erased: list[str] = []
        self.broken: set[str] = set()
        self.faults: list[Fault | None] = []
        self.asked: list[Asked] = []
        self.invalid: list[str] = []
        self.impatient: list[str] = []
        self.tokens = 0
        self.expired: set[str] = set()
        self._quiet_until = START
        self._times: list[float] = []

    def held(self, target: str) -> set[str]:
        return set(self.members.get(target, {}))

    def put(self, target: str, who: str, fields: Mapping[str, Any]) -> None:
        self.members.setdefault(target, {})[who] = fields

    def take(self, target: str, who: str) -> None:
        self.members.get(target, {}).pop(who, None)

    def answer(self, asked: Asked) -> httpx.Response:
        """What the service says of a request; of this base, that there is no such path."""
        return httpx.Response(404, json={"path": asked.path})

    def __call__(self, request: httpx.Request) -> httpx.Response:
        asked = _read(request)
        is_login = bool(self.logins) and self.logins in asked.path
        if not is_login:
            self._watch_patience(asked)
            self.asked.append(asked)
            if self.description is not None:
                self.invalid += self.description.problems(asked)
        if is_login:
            return self._login()
        if self._is_expired(asked):
            return self.expired_answer()
        fault = self.faults.pop(0) if self.faults else None
        if fault is not None and not fault.after_effect:
            return self._fail(fault, request)
        response = self.answer(asked)
        return response if fault is None else self._fail(fault, request)

    def expired_answer(self) -> httpx.Response:
        return httpx.Response(401)

    def busy_answer(self, status: int, headers: Mapping[str, str]) -> httpx.Response:
        return httpx.Response(status, headers=dict(headers))

    def _login(self) -> httpx.Response:
        self.tokens += 1
        return httpx.Response(200, json={"access_token": f"token-{self.tokens}", "expires_in": 60})

    def _is_expired(self, asked: Asked) -> bool:
        given = asked.headers.get("authorization", "") + asked.headers.get("access-token", "")
        return any(token in given for token in self.expired)

    def _fail(self, fault: Fault, request: httpx.Request) -> httpx.Response:
        if not fault.status:
            raise httpx.ReadTimeout("no answer", request=request)
        headers = {}
        if fault.retry_after_s:
            until = self.clock() + dt.timedelta(seconds=fault.retry_after_s)
            self._quiet_until = until.replace(microsecond=0)  # the header's date has no fractions
            date = email.utils.format_datetime(self._quiet_until, usegmt=True)
            headers["Retry-After"] = date if fault.as_date else str(fault.retry_after_s)
        return self.busy_answer(fault.status, headers)

    def _watch_patience(self, asked: Asked) -> None:
        now = self.clock()
        if now < self._quiet_until:
            self.impatient.append(f"{asked.path}: before Retry-After")
        self._times.append(now.timestamp())
        for rate in self.rates:
            recent = [t for t in self._times if t > now.timestamp() - rate.seconds + 1e-6]
            if len(recent) > rate.calls:
                self.impatient.append(f"{asked.path}: {len(recent)} calls in {rate.seconds} s")


def _read(request: httpx.Request) -> Asked:
    raw = request.url.raw_path.decode()
    path, _, query = raw.partition("?")
    headers = {k.lower(): v for k, v in request.headers.items()}
    pairs = parse_qsl(query, keep_blank_values=True)
    return Asked(
        request.method, headers["host"], path, dict(pairs), headers, request.content, pairs
    )


@dataclass(frozen=True)
class Case:
    """One vendor in the pack.

    Attributes:
        kind: Its kind.
        settings: What a user writes beyond kind and legal basis.
        identifiers: What is sent of a person.
        target: What the members are put into.
        service: Its fake.
        seen: How a person, by id, is known to the service.
        secrets: Makes secrets that must have a form, by the name of the setting.
        carries_fields: Whether traits travel with the members.
        erases: Whether it has a request that erases; else members are taken out.
    """

    kind: str
    settings: Mapping[str, Any]
    identifiers: tuple[Any, ...]
    target: str | None
    service: type[Service]
    seen: Callable[[str], str]
    secrets: Mapping[str, Callable[[], str]] = field(default_factory=dict)
    carries_fields: bool = True
    erases: bool = True

    def open(self, service: Service, clock: Clock, **changes: Any) -> VendorDestination:
        settings = self.parsed(**changes)
        named = {
            variable: self.secrets.get(name, lambda name=name: f"secret-{name}")()
            for name, variable in settings
            if name.endswith("_env") and variable is not None
        }
        return open_vendor(
            self.kind,
            settings,
            environment=named,
            clock=clock,
            resolve=lambda _host, _port: ["93.184.215.14"],
            transport=httpx.MockTransport(service),
        )

    def parsed(self, **changes: Any) -> Any:
        given = {"kind": self.kind, "legal_basis": "a test", **self.settings, **changes}
        return DestinationsConfig.model_validate({"destinations": {"it": given}}).destinations["it"]

    def sync(self, key: str = "to_it") -> Sync:
        sync: dict[str, Any] = {
            "audience": "everyone",
            "destination": "it",
            "identifiers": [
                {"type": found} if isinstance(found, str) else found for found in self.identifiers
            ],
            "traits": ["country"],
            "target": self.target,
        }
        # The made audiences are smaller than some vendor asks for.
        given = {"kind": self.kind, "legal_basis": "a test", "minimum_size": 0, **self.settings}
        config = DestinationsConfig.model_validate(
            {"destinations": {"it": given}, "syncs": {key: sync}}
        )
        (found,) = resolve_syncs(config, audiences=["everyone"])
        return found

    def batch(
        self,
        rows: Sequence[tuple[str, str]],
        *,
        batch_id: str = "b_1",
        before: Mapping[str, str] | None = None,
    ) -> Batch:
        """A batch of (person id, operation), in the order of a plan.

        Args:
            rows: Who, and what is to be done.
            batch_id: Its id.
            before: Of persons whose identifiers changed, the person whose identifiers they had.
        """
        payloads = [self._payload(person, operation) for person, operation in rows]
        for payload in payloads:
            old = (before or {}).get(payload["id"].removeprefix("r_"))
            if old is not None:
                payload["previous_identifiers"] = self._payload(old, "add")["identifiers"]
        table = pa.table(
            {
                "row_id": pa.array([f"r_{person}" for person, _ in rows], pa.string()),
                "operation": pa.array([operation for _, operation in rows], pa.string()),
                "payload": pa.array([json.dumps(p) for p in payloads], pa.string()),
            }
        )
        return Batch(batch_id, "to_it", "everyone", (), table, self.target or "")

    def _payload(self, person: str, operation: str) -> dict[str, Any]:
        is_put = operation in {"add", "change"}
        columns = {i.type: i.column for i in self.sync().identifiers}
        values = {"email": f"{person}@mail.example", "person_id": person}
        sent = {columns[kind]: values[kind] for kind in columns if kind in values}
        if self.seen(person) not in sent.values():
            sent[next(iter(columns.values()))] = self.seen(person)
        return {
            "id": f"r_{person}",
            "operation": operation,
            "identifiers": sent,
            "previous_identifiers": None,
            "traits": {"country": "US", **ODD} if is_put else None,
        }
