"""What people must ask of destinations themselves after an erasure, and what they noted about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from orchestration.company import Company, utc_now
from orchestration.errors import MissingHomeError
from orchestration.privacy_parts import carry_log
from orchestration.requests import receipt_of
from orchestration.run_lock import hold_run_lock
from privacy import (
    ErasureTask,
    KeyRing,
    Receipt,
    TaskDesk,
    TaskError,
    read_head,
    read_tasks,
    sign_addendum,
    signing_key_of,
)
from settings import Paths


def tasks_of(paths: Paths, request_id: str | None = None) -> Sequence[ErasureTask]:
    """The tasks of one request, or of all, those that are due first on top.

    Raises:
        MissingHomeError: There is no data home.
    """
    company = Company(paths)
    if not paths.home.is_dir():
        raise MissingHomeError(paths.home)
    if not paths.warehouse.is_file():  # nobody was erased before the first run
        return ()
    with company.open_warehouse() as warehouse:
        tasks = read_tasks(warehouse)
    return [task for task in tasks if request_id in (None, task.subject_request_id)]


def note_task(paths: Paths, act: Callable[[TaskDesk], None], *, by: str) -> None:
    """Let somebody note that a task was done, or take that back.

    Raises:
        TaskError: It cannot be noted so.
        PersonalNoteError: What is to be kept tells an address or telephone.
        LostSigningKeyError: The key that seals the audit log is gone; nothing was noted.
    """
    company = Company(paths)
    company.require_warehouse()
    with hold_run_lock(paths.home), company.open_warehouse() as warehouse:
        # A key that is lost must stop it before anything is noted: nobody could seal the note.
        signing_key_of(warehouse, KeyRing(paths.keys))
        act(TaskDesk(warehouse, utc_now(), by, company.sources.default_region))
        carry_log(company, warehouse)


def addendum_of(paths: Paths, request_id: str) -> Receipt:
    """How the tasks of a request stand now, signed as an addition to its receipt.

    Raises:
        NoReceiptError: There is no receipt to which it could be added.
        TaskError: The request has no task.
        LostSigningKeyError: The key that signs is gone.
    """
    receipt = receipt_of(paths, request_id)
    with Company(paths).open_warehouse() as warehouse:
        tasks = [task for task in read_tasks(warehouse) if task.subject_request_id == request_id]
        head = read_head(warehouse)
        key = signing_key_of(warehouse, KeyRing(paths.keys))
    if not tasks:
        raise TaskError(request_id, None, "the request has no task, so its receipt says all")
    return sign_addendum(receipt, tasks, head=head, key=key, now=utc_now())
