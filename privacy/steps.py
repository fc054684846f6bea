"""Where each request stands, kept so that a killed erasure goes on where it was."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

import pyarrow as pa

from privacy.audit import AuditEntry, append_audit
from privacy.inventory import REQUEST_STEPS, REQUESTS
from privacy.requests import SubjectRequest
from warehouse import Warehouse


class Step(StrEnum):
    """The steps of an erasure, in their order; an archive has the first four and the last."""

    RECEIVED = "received"
    ACKNOWLEDGED = "acknowledged"
    VERIFIED = "verified"
    PLANNED = "planned"
    SUPPRESSED = "suppressed"
    DESTINATIONS_TOLD = "destinations_told"
    ERASED = "erased"
    COMPACTED = "compacted"
    VERIFIED_NO_TRACE = "verified_no_trace"
    COMPLETED = "completed"

    @property
    def number(self) -> int:
        """The place in the order, from 0."""
        return list(Step).index(self)


LOST_BODY = "its identity is in no request file any more: put its body back"


@dataclass(frozen=True, slots=True)
class Case:
    """One request that is under way; ``step`` is the last one that was done."""

    subject_request_id: str
    regulation: str
    step: Step
    submitted_at: datetime
    received_at: datetime
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a step came to.

    Attributes:
        details: Counts and statuses of each request that passed it.
        blocked: Every reason of each request that did not.
        back_to: The step that counts as the last one done for those.
        status: What those are until their reasons are gone: blocked or on_hold.
    """

    details: Mapping[str, Mapping[str, Any]]
    blocked: Mapping[str, Sequence[str]]
    back_to: Step | None = None
    status: str = "blocked"


def advanced(cases: Sequence[Case], step: Step, outcome: Outcome) -> list[Case]:
    """The cases after a step, less those that it blocked."""
    return [
        replace(case, step=step) if case.subject_request_id in outcome.details else case
        for case in cases
        if case.subject_request_id not in outcome.blocked
    ]


@dataclass(frozen=True, slots=True)
class StepLog:
    """Reads and writes the standing of requests; each write is one transaction."""

    warehouse: Warehouse
    clock: Callable[[], datetime]
    run_id: str

    @property
    def now(self) -> datetime:
        """Time to record, UTC without a zone."""
        return self.clock()

    def receive(self, requests: Sequence[SubjectRequest]) -> None:
        """Write down requests that are new."""
        known = set(
            self.warehouse.read(f"select subject_request_id from {REQUESTS.name.sql}")[
                "subject_request_id"
            ].to_pylist()
        )
        fresh = {item.request_id: item for item in requests if item.request_id not in known}
        if not fresh:
            return
        rows = [self._row(request.asked_by(self.now)) for request in fresh.values()]
        with self.warehouse.transaction():
            self.warehouse.append(REQUESTS.name, pa.Table.from_pylist(rows, schema=_SCHEMA))
            self._append(Step.RECEIVED, {request_id: {} for request_id in fresh})

    def open_cases(self, *request_types: str) -> tuple[Case, ...]:
        """Every request of these types that is not completed, in order of its id."""
        rows = self.warehouse.read(
            f"select {', '.join(Case.__slots__)} from {REQUESTS.name.sql} "
            "where status not in ('completed', 'cancelled') "
            "and list_contains($types::varchar[], request_type) "
            "order by subject_request_id",
            {"types": list(request_types)},
        ).to_pylist()
        return tuple(Case(**{**row, "step": Step(row["step"])}) for row in rows)

    def closed_ids(self) -> frozenset[str]:
        """Every request that was carried out or called off."""
        rows = self.warehouse.read(
            f"select subject_request_id from {REQUESTS.name.sql} "
            "where status in ('completed', 'cancelled')"
        )
        return frozenset(rows["subject_request_id"].to_pylist())

    def record(self, step: Step, outcome: Outcome) -> None:
        """Write down what a step came to."""
        with self.warehouse.transaction():
            if outcome.details:
                self._append(step, outcome.details)
                status = "completed" if step is Step.COMPLETED else "in_progress"
                self._update(list(outcome.details), status=status, step=step, reasons=())
            for request_id, reasons in outcome.blocked.items():  # each has reasons of its own
                self._update(
                    [request_id], status=outcome.status, step=outcome.back_to, reasons=reasons
                )
            blocked = [
                AuditEntry(
                    outcome.status, request_id, {"before": str(step), "reasons": list(reasons)}
                )
                for request_id, reasons in outcome.blocked.items()
            ]
            append_audit(self.warehouse, blocked, now=self.now)

    def note(
        self,
        act: str,
        request_id: str,
        detail: Mapping[str, Any],
        *,
        due_at: datetime | None = None,
        status: str | None = None,
    ) -> None:
        """Write down what somebody decided, and what follows from it for the request."""
        with self.warehouse.transaction():
            self._append(act, {request_id: detail})
            self.warehouse.execute(
                f"""
                update {REQUESTS.name.sql}
                set due_at = coalesce($due_at::timestamp, due_at),
                    status = coalesce($status::varchar, status)
                where subject_request_id = $request_id
                """,
                {"due_at": due_at, "status": status, "request_id": request_id},
            )

    def noted(self, act: str) -> frozenset[str]:
        """Every request about which somebody decided so."""
        rows = self.warehouse.read(
            f"select subject_request_id from {REQUEST_STEPS.name.sql} where step = $act",
            {"act": str(act)},
        )
        return frozenset(rows["subject_request_id"].to_pylist())

    def details(self, request_ids: Sequence[str], step: Step) -> Mapping[str, Mapping[str, Any]]:
        """What was written down about a step, by request; those that did not do it are left out."""
        rows = self.warehouse.read(
            f"select subject_request_id, detail from {REQUEST_STEPS.name.sql} "
            "where step = $step and list_contains($request_ids::varchar[], subject_request_id)",
            {"request_ids": list(request_ids), "step": str(step)},
        ).to_pylist()
        return {row["subject_request_id"]: dict(json.loads(row["detail"])) for row in rows}

    def blocked(self, *request_types: str, status: str = "blocked") -> Mapping[str, Sequence[str]]:
        """The reasons of every request of these types that is blocked, or on hold, by id."""
        rows = self.warehouse.read(
            f"select subject_request_id, reasons from {REQUESTS.name.sql} where status = $status "
            "and list_contains($types::varchar[], request_type) order by subject_request_id",
            {"types": list(request_types), "status": status},
        ).to_pylist()
        return {row["subject_request_id"]: json.loads(row["reasons"]) for row in rows}

    def _append(self, step: str, details: Mapping[str, Mapping[str, Any]]) -> None:
        rows = [
            {
                "subject_request_id": request_id,
                "step": str(step),
                "detail": json.dumps(detail, sort_keys=True),
                "done_at": self.now,
                "run_id": self.run_id,
            }
            for request_id, detail in details.items()
        ]
        self.warehouse.replace_where(
            REQUEST_STEPS.name,
            "step = $step and list_contains($request_ids::varchar[], subject_request_id)",
            pa.Table.from_pylist(rows),
            {"step": str(step), "request_ids": list(details)},
        )
        entries = [AuditEntry(str(step), request_id, details[request_id]) for request_id in details]
        append_audit(self.warehouse, entries, now=self.now)

    def _update(
        self, request_ids: Sequence[str], *, status: str, step: Step | None, reasons: Sequence[str]
    ) -> None:
        self.warehouse.execute(
            f"""
            update {REQUESTS.name.sql}
            set status = $status, reasons = $reasons, step = coalesce($step::varchar, step),
                completed_at = case $status when 'completed' then $now::timestamp end
            where list_contains($request_ids::varchar[], subject_request_id)
            """,
            {
                "status": status,
                "step": None if step is None else str(step),
                "reasons": json.dumps(list(reasons)),
                "now": self.now,
                "request_ids": list(request_ids),
            },
        )

    def _row(self, request: SubjectRequest) -> dict[str, Any]:
        return {
            "subject_request_id": request.request_id,
            "request_type": request.subject_request_type,
            "regulation": request.regulation,
            "status": "in_progress",
            "step": str(Step.RECEIVED),
            "reasons": "[]",
            "identity_types": json.dumps(
                [
                    f"{item.identity_type}:{item.identity_format}"
                    for item in request.subject_identities
                ]
            ),
            "submitted_at": request.submitted_at,
            "received_at": self.now,
            "due_at": request.due_at,
            "completed_at": None,
        }


_SCHEMA = pa.schema(
    [
        (column.name, pa.timestamp("us") if column.type == "TIMESTAMP" else pa.string())
        for column in REQUESTS.columns
    ]
)
