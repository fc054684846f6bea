"""Where every request stands, for whoever has to answer to the person or the authority."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from privacy.deadlines import confirmation_due
from privacy.inventory import AUDIT_LOG, REQUEST_STEPS, REQUESTS
from privacy.requests import SubjectRequest
from warehouse import Warehouse

_WARNINGS = (0.5, 0.75, 0.9)
_WAITING = "waiting"
# What is written down once somebody told the person that their request came.
CONFIRMED = "confirmed"


@dataclass(frozen=True, slots=True)
class RequestStanding:
    """One request; times are UTC.

    Attributes:
        subject_request_id: The controller's id.
        request_type: erasure, access or portability.
        regulation: gdpr or ccpa.
        status: waiting, in_progress, blocked, on_hold, completed or cancelled.
        step: The last step that was done; None while it waits.
        reasons: Why it waits, is blocked or on hold; empty else.
        submitted_at: When the person asked.
        received_at: When it was first read; None while it waits.
        due_at: The legal deadline.
        completed_at: None while open.
        is_confirmed: Whether somebody told the person that it came.
    """

    subject_request_id: str
    request_type: str
    regulation: str
    status: str
    step: str | None
    reasons: tuple[str, ...]
    submitted_at: datetime
    received_at: datetime | None
    due_at: datetime
    completed_at: datetime | None
    is_confirmed: bool = False

    @classmethod
    def unread(cls, request: SubjectRequest) -> RequestStanding:
        """A request that lies in a file and that no run has read yet."""
        return cls(
            subject_request_id=request.request_id,
            request_type=request.subject_request_type,
            regulation=request.regulation,
            status=_WAITING,
            step=None,
            reasons=("no run has read it yet: candor privacy run",),
            submitted_at=request.submitted_at,
            received_at=None,
            due_at=request.due_at,
            completed_at=None,
        )

    @property
    def is_open(self) -> bool:
        """Whether it is neither carried out nor called off."""
        return self.status in (_WAITING, "in_progress", "blocked", "on_hold")

    def is_overdue(self, now: datetime) -> bool:
        """Whether the deadline has passed without an end."""
        return self.is_open and self.due_at < now

    @property
    def confirm_by(self) -> datetime | None:
        """Until when the person must be told that it came; None where they were, or need not be."""
        if self.is_confirmed or not self.is_open:
            return None
        return confirmation_due(self.regulation, self.request_type, self.submitted_at)

    @property
    def why_open(self) -> tuple[str, ...]:
        """Why it is not over: what blocks it, else where it was left; empty once it is."""
        if self.reasons or not self.is_open:
            return self.reasons
        begun = self.step not in (None, "received")
        left = f"it was left after {self.step}" if begun else "it was read and not begun"
        return (f"{left}: candor privacy run goes on",)

    def warning(self, now: datetime) -> str | None:
        """How much of the time has gone, once it is half of it; None before, and at the end."""
        return time_used(self.submitted_at, self.due_at, now) if self.is_open else None

    def confirmation_warning(self, now: datetime) -> str | None:
        """The same of the time in which the person must be told that it came."""
        due = self.confirm_by
        return time_used(self.submitted_at, due, now) if due else None


def time_used(begun: datetime, due: datetime, now: datetime) -> str | None:
    """How much of the time between two moments has gone, in words; None before half of it."""
    if due < now:
        return "overdue"
    used = (now - begun) / (due - begun)
    passed = [share for share in _WARNINGS if used >= share]
    return f"{passed[-1]:.0%} of the time used" if passed else None


@dataclass(frozen=True, slots=True)
class StepTaken:
    """One step that was done, or one decision; ``detail`` holds counts, statuses and reasons."""

    step: str
    detail: Mapping[str, Any]
    done_at: datetime
    run_id: str


def read_steps(warehouse: Warehouse, request_id: str) -> tuple[StepTaken, ...]:
    """What was done for a request, and noted about its tasks, as the audit log has the order.

    A clock may have gone backwards meanwhile.
    """
    rows = warehouse.read(
        f"""
        with logged as (
            select position, action, detail, done_at from {AUDIT_LOG.name.sql}
            where subject = $request_id
        ),
        taken as (
            select step, detail, done_at, run_id,
                (select max(position) from logged where action = step) as position
            from {REQUEST_STEPS.name.sql} where subject_request_id = $request_id
            union all
            select action, detail, done_at, 'by hand', position
            from logged where starts_with(action, 'task_')
        )
        select step, detail, done_at, run_id from taken order by position nulls first, done_at
        """,
        {"request_id": request_id},
    ).to_pylist()
    return tuple(StepTaken(**{**row, "detail": json.loads(row["detail"])}) for row in rows)


def read_standing(warehouse: Warehouse) -> tuple[RequestStanding, ...]:
    """Every request, those that are due first on top."""
    stored = [name for name in RequestStanding.__slots__ if name in REQUESTS.column_names]
    rows = warehouse.read(
        f"select {', '.join(stored)}, subject_request_id in (select subject_request_id "
        f"from {REQUEST_STEPS.name.sql} where step = '{CONFIRMED}') as is_confirmed "
        f"from {REQUESTS.name.sql} order by due_at, subject_request_id"
    ).to_pylist()
    return tuple(
        RequestStanding(**{**row, "reasons": tuple(json.loads(row["reasons"]))}) for row in rows
    )
