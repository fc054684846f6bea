"""Where every request stands, for whoever has to answer to the person or the authority."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from privacy.inventory import REQUEST_STEPS, REQUESTS
from privacy.requests import SubjectRequest
from warehouse import Warehouse

_WARNINGS = (0.5, 0.75, 0.9)
_WAITING = "waiting"


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

    def warning(self, now: datetime) -> str | None:
        """How much of the time has gone, once it is half of it; None before, and at the end."""
        if not self.is_open:
            return None
        if self.due_at < now:
            return "overdue"
        used = (now - self.submitted_at) / (self.due_at - self.submitted_at)
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
    """What was done for a request, in order of time."""
    rows = warehouse.read(
        f"select {', '.join(StepTaken.__slots__)} from {REQUEST_STEPS.name.sql} "
        "where subject_request_id = $request_id order by done_at, rowid",
        {"request_id": request_id},
    ).to_pylist()
    return tuple(StepTaken(**{**row, "detail": json.loads(row["detail"])}) for row in rows)


def read_standing(warehouse: Warehouse) -> tuple[RequestStanding, ...]:
    """Every request, those that are due first on top."""
    rows = warehouse.read(
        f"select {', '.join(RequestStanding.__slots__)} from {REQUESTS.name.sql} "
        "order by due_at, subject_request_id"
    ).to_pylist()
    return tuple(
        RequestStanding(**{**row, "reasons": tuple(json.loads(row["reasons"]))}) for row in rows
    )
