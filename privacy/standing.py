"""Where every request stands, for whoever has to answer to the person or the authority."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from privacy.inventory import REQUESTS
from warehouse import Warehouse


@dataclass(frozen=True, slots=True)
class RequestStanding:
    """One request; times are UTC.

    Attributes:
        subject_request_id: The controller's id.
        request_type: erasure, access or portability.
        regulation: gdpr or ccpa.
        status: in_progress, blocked or completed.
        step: The last step that was done.
        reasons: Why it is blocked; empty else.
        submitted_at: When the person asked.
        received_at: When it was first read.
        due_at: The legal deadline.
        completed_at: None while open.
    """

    subject_request_id: str
    request_type: str
    regulation: str
    status: str
    step: str
    reasons: tuple[str, ...]
    submitted_at: datetime
    received_at: datetime
    due_at: datetime
    completed_at: datetime | None

    def is_overdue(self, now: datetime) -> bool:
        """Whether the deadline has passed without an end."""
        return self.completed_at is None and self.due_at < now


def read_standing(warehouse: Warehouse) -> tuple[RequestStanding, ...]:
    """Every request, those that are due first on top."""
    rows = warehouse.read(
        f"select {', '.join(RequestStanding.__slots__)} from {REQUESTS.name.sql} "
        "order by due_at, subject_request_id"
    ).to_pylist()
    return tuple(
        RequestStanding(**{**row, "reasons": tuple(json.loads(row["reasons"]))}) for row in rows
    )
