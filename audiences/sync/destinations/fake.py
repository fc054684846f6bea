"""A destination in memory that fails on demand, for tests of the sync and of configurations."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from audiences.sync.destinations.base import (
    Batch,
    Delivery,
    Request,
    Sleep,
    rejected_rows,
)


class CrashError(BaseException):
    """The process dies here; nothing may catch it."""


@dataclass(slots=True)
class FakeDestination:
    """Keeps what it is sent, answers a key that it knows as it did before.

    Attributes:
        key: Its key.
        max_rows: Most rows of one batch.
        members: The row last put of everyone it holds, by row id.
        by_identifiers: Whether it holds identifiers and no persons, as vendors do: what two have is
            there once. ``members`` goes by these then.
        keys: Every idempotency key that arrived, repetitions included.
        bodies: The rows of every request that was new, in the order of its body.
        reject: Rows to refuse: takes a row and gives a reason, or None to take it.
        doubt: Rows that are passed over, and of which it says that it does not know.
        before: Errors to raise before a request is taken in, one for each request.
        after: Errors to raise after a request was taken in, one for each request.
        erased: Row ids that it was told to forget.
        is_forgetful: Whether it says that it lost what it had.
        can_erase: Whether it says that it can forget a person.
    """

    key: str = "fake"
    max_rows: int = 100
    members: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    keys: list[str] = field(default_factory=list)
    bodies: list[Sequence[Mapping[str, Any]]] = field(default_factory=list)
    reject: Callable[[Mapping[str, Any]], str | None] = lambda _row: None
    doubt: Callable[[Mapping[str, Any]], bool] = lambda _row: False
    before: list[BaseException | None] = field(default_factory=list)
    after: list[BaseException | None] = field(default_factory=list)
    erased: set[str] = field(default_factory=set)
    is_forgetful: bool = False
    can_erase: bool = True
    by_identifiers: bool = False
    _answers: dict[str, Delivery] = field(default_factory=dict)

    def remembers(self, sync_key: str) -> bool:  # noqa: ARG002 - one fake serves one sync
        """False once it was told to be forgetful."""
        return not self.is_forgetful

    def plan(self, batch: Batch) -> Request:
        """All payloads as a JSON list."""
        payloads = ",".join(batch.rows["payload"].to_pylist())
        return Request(batch.batch_id, batch.sync_key, f"[{payloads}]".encode())

    def send(self, request: Request, *, sleep: Sleep) -> Delivery:  # noqa: ARG002 - never waits
        """Take a request in, unless a fault is due."""
        _raise_next(self.before)
        self.keys.append(request.batch_id)
        if request.batch_id not in self._answers:
            self._answers[request.batch_id] = self._take(json.loads(request.body))
        _raise_next(self.after)
        return self._answers[request.batch_id]

    def erase(self, batch: Batch, *, sleep: Sleep) -> Delivery:
        """Forget persons."""
        delivery = self.send(self.plan(batch), sleep=sleep)
        self.erased.update(batch.rows["row_id"].to_pylist())
        return delivery

    def _take(self, rows: Sequence[Mapping[str, Any]]) -> Delivery:
        self.bodies.append(rows)
        refused = {row["id"]: reason for row in rows if (reason := self.reject(row))}
        unknown = [row["id"] for row in rows if row["id"] not in refused and self.doubt(row)]
        taken_in = [row for row in rows if row["id"] not in {*refused, *unknown}]
        put = [row for row in taken_in if row["operation"] not in {"remove", "erase"}]
        for row in taken_in:
            for name in self._before(row, is_put=row in put):
                self.members.pop(name, None)
        self.members.update({name: row for row in put for name in self._now(row)})
        doubtful = rejected_rows(unknown, ["unknown"] * len(unknown))
        return Delivery(rejected_rows(list(refused), list(refused.values())), doubtful=doubtful)

    def _now(self, row: Mapping[str, Any]) -> Sequence[str]:
        """Under what a row is held."""
        return known_by(row["identifiers"]) if self.by_identifiers else [str(row["id"])]

    def _before(self, row: Mapping[str, Any], *, is_put: bool) -> Sequence[str]:
        """What a row takes away before it is put, if it is."""
        if not self.by_identifiers:
            return self._now(row)
        gone = [] if is_put else self._now(row)
        return [*gone, *known_by(row["previous_identifiers"] or {})]


def known_by(identifiers: Mapping[str, Any]) -> Sequence[str]:
    """Each identifier, by which a member is held."""
    return [value for value in identifiers.values() if value is not None]


def _raise_next(faults: list[BaseException | None]) -> None:
    fault = faults.pop(0) if faults else None
    if fault is not None:
        raise fault
