"""``candor privacy task list|done|undo``: what people must ask of destinations themselves."""

from __future__ import annotations

import getpass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from orchestration.cli.options import JsonOption, with_paths
from orchestration.cli.output import console, print_rows
from orchestration.cli.privacy import RequestId, privacy_app, with_full_id
from orchestration.cli.privacy_decisions import ByOption, ReasonOption
from settings import Paths

if TYPE_CHECKING:
    from privacy import ErasureTask

task_app = typer.Typer(
    help="What to ask of destinations that have no call to forget a person, and what was noted about it.",
    no_args_is_help=True,
)
privacy_app.add_typer(task_app, name="task")

Destination = Annotated[str, typer.Argument(help="The destination, as `list` names it.")]


@task_app.command("list")
@with_paths
def list_tasks(
    *,
    paths: Paths,
    every: Annotated[bool, typer.Option("--all", help="Those that are done, too.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show the open tasks of all requests, those that are overdue or due first on top."""
    from orchestration.company import utc_now  # noqa: PLC0415 - loads every package
    from orchestration.privacy_tasks import tasks_of  # noqa: PLC0415 - as above

    now = utc_now()
    shown = [task for task in tasks_of(paths) if every or task.is_open]
    rows = [_row(task, now) | (_noted(task) if every or as_json else {}) for task in shown]
    print_rows("Tasks", rows, as_json=as_json)
    if not as_json and not shown:
        console.print("Nothing is left to be asked of destinations.")


@task_app.command()
@with_paths
@with_full_id
def done(
    *,
    paths: Paths,
    request_id: RequestId,
    destination: Destination,
    evidence: Annotated[
        str,
        typer.Option(help="The number of a ticket, or a few words; no address, telephone or name."),
    ],
    on: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day it was done; today.")
    ] = None,
    by: ByOption = None,
) -> None:
    """Note that a destination was asked to delete what else it keeps of the person."""
    from orchestration.privacy_tasks import note_task  # noqa: PLC0415 - loads every package

    day = on.date() if on else None
    note_task(
        paths,
        lambda desk: desk.done(request_id, destination, evidence=evidence, done_on=day),
        by=by or getpass.getuser(),
    )
    console.print(
        "Noted. For whoever asked: "
        f"candor privacy receipt {request_id} --addendum --out addendum.json"
    )


@task_app.command()
@with_paths
@with_full_id
def undo(
    *,
    paths: Paths,
    request_id: RequestId,
    destination: Destination,
    reason: ReasonOption,
    by: ByOption = None,
) -> None:
    """Take back that a task was done; both notes stay in the audit log."""
    from orchestration.privacy_tasks import note_task  # noqa: PLC0415 - loads every package

    note_task(
        paths,
        lambda desk: desk.reopen(request_id, destination, reason=reason),
        by=by or getpass.getuser(),
    )
    console.print("Noted: the task is open again. An addendum that was handed out says otherwise.")


def _row(task: ErasureTask, now: datetime) -> dict[str, str | None]:
    return {
        "request": task.subject_request_id,
        "destination": task.destination,
        "due": f"{task.due_at:%Y-%m-%d}",
        "warning": task.warning(now),
    }


def _noted(task: ErasureTask) -> dict[str, str | None]:
    note = task.note
    return {
        "done": note.done_on.isoformat() if note else None,
        "by": note.by if note else None,
        "evidence": note.evidence if note else None,
    }
