"""What people decide about a request: approve it, take more time for it, call it off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from privacy.deadlines import extended_deadline
from privacy.errors import RequestActError, UnknownRequestError
from privacy.notes import impersonal
from privacy.objections import forget_objections
from privacy.plan import PlanStore
from privacy.requests import SubjectRequest
from privacy.standing import CONFIRMED, RequestStanding, read_standing
from privacy.steps import Step, StepLog
from warehouse import Warehouse

# Until then nothing of the person was touched, and nobody outside was told.
_CAN_BE_CALLED_OFF = (Step.RECEIVED, Step.ACKNOWLEDGED, Step.VERIFIED)


class Act(StrEnum):
    """What somebody decided; also its name in ``privacy.request_steps`` and the audit log."""

    APPROVED = "approved"
    EXTENDED = "extended"
    CANCELLED = "cancelled"
    REPEATED = "repeated"
    CONFIRMED = CONFIRMED


@dataclass(frozen=True, slots=True)
class RequestDesk:
    """Where people decide about requests.

    Attributes:
        warehouse: The engine.
        home: The data home, which holds the plans of erasures that have begun.
        now: Time to record, UTC without a zone.
        by: Who decides, as the audit log is to name them.
        default_region: ISO country of telephone numbers that are written without one.

    Raises:
        PersonalNoteError: The name of who decides tells an address or telephone.
    """

    warehouse: Warehouse
    home: Path
    now: datetime
    by: str
    default_region: str = "US"

    def __post_init__(self) -> None:
        """Refuse whoever would stay in the audit log by their address."""
        object.__setattr__(
            self, "by", impersonal("by", self.by, default_region=self.default_region)
        )

    def receive(self, requests: Sequence[SubjectRequest]) -> None:
        """Write down requests that wait for a run, so that they can be decided about before."""
        self._log.receive(requests)

    def approve(self, request_id: str) -> None:
        """Let a request be carried out, where ``approve_requests`` of consent.yml asks for it.

        Raises:
            UnknownRequestError: Nobody has asked for it.
            RequestActError: It is not open, or was approved before.
        """
        self._open(request_id, Act.APPROVED)
        self._log.note(Act.APPROVED, request_id, {"by": self.by})

    def confirm(self, request_id: str) -> None:
        """Write down that the person was told that their request came.

        Raises:
            UnknownRequestError: Nobody has asked for it.
            RequestActError: It is not open, was confirmed before, or no law asks for it.
        """
        standing = self._open(request_id, Act.CONFIRMED)
        if standing.confirm_by is None:
            why = f"{standing.regulation} asks for no confirmation of {standing.request_type}"
            raise RequestActError(request_id, Act.CONFIRMED, why)
        self._log.note(Act.CONFIRMED, request_id, {"by": self.by})

    def extend(self, request_id: str, *, reason: str) -> datetime:
        """Take the further time that the law allows once, and return the new deadline.

        The person must be told, with the reason, before the first deadline.

        Raises:
            UnknownRequestError: Nobody has asked for it.
            RequestActError: It is not open, was extended before, or its deadline has passed.
            PersonalNoteError: The reason tells an address or telephone.
        """
        why = impersonal("reason", reason, default_region=self.default_region)
        standing = self._open(request_id, Act.EXTENDED)
        if standing.request_type == "do_not_sell_or_share":
            raise RequestActError(request_id, Act.EXTENDED, "the law gives no more time for it")
        if standing.is_overdue(self.now):
            raise RequestActError(request_id, Act.EXTENDED, "its deadline has passed")
        due_at = extended_deadline(standing.regulation, standing.submitted_at)
        detail = {"by": self.by, "reason": why, "due_at": due_at.isoformat()}
        self._log.note(Act.EXTENDED, request_id, detail, due_at=due_at)
        return due_at

    def cancel(self, request_id: str, *, reason: str) -> None:
        """Call a request off, while nothing of the person was touched.

        Raises:
            UnknownRequestError: Nobody has asked for it.
            RequestActError: It is not open, or has gone too far.
            PersonalNoteError: The reason tells an address or telephone.
        """
        said = impersonal("reason", reason, default_region=self.default_region)
        standing = self._open(request_id, Act.CANCELLED)
        # A plan that was frozen says that a run had begun, whatever it could still write down.
        has_begun = PlanStore(self.home).exists(request_id)
        if has_begun or standing.step not in _CAN_BE_CALLED_OFF:
            why = f"its erasure has begun (it stands at {standing.step}) and goes on with the next run"
            raise RequestActError(request_id, Act.CANCELLED, why)
        detail = {"by": self.by, "reason": said}
        forget_objections(self.warehouse, [request_id])
        self._log.note(Act.CANCELLED, request_id, detail, status=Act.CANCELLED)

    def repeat(self, request_id: str, *, of: str, backup: str) -> None:
        """Approve a request that does anew what was done before a backup was restored."""
        noted = {"by": self.by, "of": of, "backup": backup}
        for act in (Act.REPEATED, Act.APPROVED):
            if request_id not in self._log.noted(act):
                self._log.note(act, request_id, noted)

    @property
    def _log(self) -> StepLog:
        return StepLog(self.warehouse, lambda: self.now, "by hand")

    def _open(self, request_id: str, act: Act) -> RequestStanding:
        """Where an open request stands, on which nobody decided so before.

        Raises:
            UnknownRequestError: Nobody has asked for it.
            RequestActError: It is not open, or somebody has decided so.
        """
        found = [
            item for item in read_standing(self.warehouse) if item.subject_request_id == request_id
        ]
        if not found:
            raise UnknownRequestError(request_id)
        if not found[0].is_open:
            raise RequestActError(request_id, act, f"it is {found[0].status}")
        if request_id in self._log.noted(act):
            raise RequestActError(request_id, act, f"it was {act} before")
        return found[0]


def unapproved(log: StepLog, request_ids: Sequence[str]) -> dict[str, Sequence[str]]:
    """The requests that nobody has approved yet, each with that as the reason against it."""
    approved = log.noted(Act.APPROVED)
    return {
        name: [f"it waits for approval: candor privacy approve {name}"]
        for name in request_ids
        if name not in approved
    }
