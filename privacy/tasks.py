"""What people must do themselves for an erasure, and what they noted that they did.

A destination that has no call to forget a person was told to take the person out of what it was sent;
what else it keeps somebody asks for there. Such tasks, and each note about them, are read from the
audit log: what was noted cannot be changed unseen, and a restored backup knows of it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from privacy.audit import AuditEntry, append_audit
from privacy.errors import TaskError
from privacy.inventory import AUDIT_LOG, REQUESTS
from privacy.notes import impersonal
from privacy.standing import time_used
from warehouse import Warehouse

# Somewhere it is that day already when it is the day before in UTC.
_EARLIEST_ZONE = timedelta(hours=14)


class TaskAct(StrEnum):
    """What somebody noted about a task; also its name in the audit log."""

    DONE = "task_done"
    REOPENED = "task_reopened"


@dataclass(frozen=True, slots=True)
class TaskNote:
    """That a task was done, as somebody noted it.

    Attributes:
        by: Who did it, an employee.
        done_on: On which day.
        evidence: A ticket number or a few words; names no person.
        noted_at: When it was noted, UTC.
        position: The entry of the audit log that says so.
        entry_hash: Its hash.
    """

    by: str
    done_on: date
    evidence: str
    noted_at: datetime
    position: int
    entry_hash: str


@dataclass(frozen=True, slots=True)
class ErasureTask:
    """To ask one destination for the deletion of what else it keeps of one person.

    Attributes:
        subject_request_id: The erasure.
        destination: Its key in destinations.yml.
        submitted_at: When the person asked, UTC.
        due_at: The legal deadline of the erasure, UTC.
        told_at: When the destination was told to take the person out, UTC.
        note: That it was done; None while it is open.
    """

    subject_request_id: str
    destination: str
    submitted_at: datetime
    due_at: datetime
    told_at: datetime
    note: TaskNote | None

    @property
    def is_open(self) -> bool:
        """Whether nobody has noted that it was done."""
        return self.note is None

    def is_overdue(self, now: datetime) -> bool:
        """Whether it is open after its deadline."""
        return self.is_open and self.due_at < now

    def warning(self, now: datetime) -> str | None:
        """How much of the time has gone, once it is half of it; None before, and once it is done."""
        return time_used(self.submitted_at, self.due_at, now) if self.is_open else None

    def in_words(self, now: datetime) -> str:
        """What is to be done, or was, as a person reads it."""
        if self.note:
            return (
                f"{self.destination} was asked on {self.note.done_on} by {self.note.by} for the deletion "
                f"of what else it keeps: {self.note.evidence}"
            )
        is_past = self.due_at < now
        when = (
            f"that was due {self.due_at:%Y-%m-%d}" if is_past else f"until {self.due_at:%Y-%m-%d}"
        )
        return (
            f"{self.destination} was told to take the person out of all that they were sent to, and has no "
            f"call that forgets a person: ask there for the deletion of what else it keeps, {when}; then: "
            f"candor privacy task done {self.subject_request_id} {self.destination} --evidence TEXT"
        )


def read_tasks(warehouse: Warehouse) -> tuple[ErasureTask, ...]:
    """Every task of every erasure, those that are due first on top.

    A note counts until the destination is told of the person again: it may have got more since.
    """
    rows = warehouse.read(
        _TASKS, {"acts": [str(act) for act in TaskAct], "done": TaskAct.DONE.value}
    )
    return tuple(_task(row) for row in rows.to_pylist())


@dataclass(frozen=True, slots=True)
class TaskDesk:
    """Where people note what they did.

    Attributes:
        warehouse: The engine.
        now: Time to record, UTC without a zone.
        by: Who did it, or takes it back, as the audit log is to name them.
        default_region: ISO country of telephone numbers that are written without one.
    """

    warehouse: Warehouse
    now: datetime
    by: str
    default_region: str

    def done(
        self, request_id: str, destination: str, *, evidence: str, done_on: date | None = None
    ) -> None:
        """Write down that a destination was asked.

        Raises:
            TaskError: There is no such task, it is done already, or that day cannot be.
            PersonalNoteError: The evidence, or the name of who did it, tells an address or telephone.
        """
        task = self._task(request_id, destination)
        if task.note:
            why = f"it was done on {task.note.done_on} by {task.note.by}"
            raise TaskError(request_id, destination, why)
        day = done_on or self.now.date()
        latest = (self.now + _EARLIEST_ZONE).date()
        if not (task.submitted_at - _EARLIEST_ZONE).date() <= day <= latest:
            why = f"{day} lies before the day on which the person asked, or has not come yet"
            raise TaskError(request_id, destination, why)
        detail = {"evidence": self._checked("evidence", evidence), "done_on": day.isoformat()}
        self._note(TaskAct.DONE, task, detail)

    def reopen(self, request_id: str, destination: str, *, reason: str) -> None:
        """Take back that a task was done; both stay in the audit log.

        Raises:
            TaskError: There is no such task, or it is open.
            PersonalNoteError: The reason, or the name of who says so, tells an address or telephone.
        """
        task = self._task(request_id, destination)
        if task.is_open:
            raise TaskError(request_id, destination, "it is open")
        self._note(TaskAct.REOPENED, task, {"reason": self._checked("reason", reason)})

    def _note(self, act: TaskAct, task: ErasureTask, detail: dict[str, str]) -> None:
        by = self._checked("by", self.by)
        noted = {"destination": task.destination, "by": by, **detail}
        with self.warehouse.transaction():
            append_audit(
                self.warehouse, [AuditEntry(act, task.subject_request_id, noted)], now=self.now
            )

    def _checked(self, what: str, text: str) -> str:
        return impersonal(what, text, default_region=self.default_region)

    def _task(self, request_id: str, destination: str) -> ErasureTask:
        found = [
            item for item in read_tasks(self.warehouse) if item.subject_request_id == request_id
        ]
        for item in found:
            if item.destination == destination:
                return item
        known = ", ".join(item.destination for item in found)
        why = f"the tasks of the request are at: {known}" if known else "the request has no task"
        # Whoever mistakes an address for a destination must not find it in a log.
        raise TaskError(request_id, None, why)


def _task(row: dict[str, object]) -> ErasureTask:
    note = json.loads(str(row["note"])) if row["note"] else None
    return ErasureTask(
        **{name: row[name] for name in ErasureTask.__slots__ if name != "note"},  # type: ignore[arg-type]
        note=TaskNote(
            by=note["by"],
            done_on=date.fromisoformat(note["done_on"]),
            evidence=note["evidence"],
            noted_at=row["noted_at"],  # type: ignore[arg-type]
            position=row["position"],  # type: ignore[arg-type]
            entry_hash=row["entry_hash"],  # type: ignore[arg-type]
        )
        if note
        else None,
    )


def overdue(tasks: Sequence[ErasureTask], now: datetime) -> tuple[ErasureTask, ...]:
    """Those that are open after their deadline."""
    return tuple(task for task in tasks if task.is_overdue(now))


_TASKS = f"""
    with told as (
        select position, subject, done_at, detail from {AUDIT_LOG.name.sql}
        where action = 'destinations_told'
        qualify row_number() over (partition by subject order by position desc) = 1
    ),

    tasks as (
        select distinct position, subject, done_at, item ->> 'destination' as destination
        from (
            select position, subject, done_at,
                unnest(from_json(detail -> 'destinations', '["json"]')) as item
            from told
        )
        where item ->> 'told' = 'removal'
    ),

    notes as (
        select position, subject, action, done_at, entry_hash, detail,
            detail ->> 'destination' as destination
        from {AUDIT_LOG.name.sql}
        where list_contains($acts::varchar[], action)
        qualify row_number() over (partition by subject, destination order by position desc) = 1
    )

    select requests.subject_request_id, tasks.destination, requests.submitted_at, requests.due_at,
        tasks.done_at as told_at, notes.detail as note, notes.done_at as noted_at,
        notes.position, notes.entry_hash
    from tasks
    inner join {REQUESTS.name.sql} as requests on requests.subject_request_id = tasks.subject
    left join notes
        on notes.subject = tasks.subject and notes.destination = tasks.destination
        and notes.action = $done and notes.position > tasks.position
    where requests.status != 'cancelled'
    order by requests.due_at, requests.subject_request_id, tasks.destination
"""
