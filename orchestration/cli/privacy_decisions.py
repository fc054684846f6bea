"""``candor privacy show|approve|confirm|extend|cancel``: what people see of a request and decide about it."""

from __future__ import annotations

import getpass
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestration.cli.options import JsonOption, with_paths
from orchestration.cli.output import console, print_rows
from orchestration.cli.privacy import RequestId, privacy_app, with_full_id
from settings import Paths

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from orchestration.company import Company
    from privacy import RequestStanding, StepTaken


def _require_name(by: str | None) -> str | None:
    from identifiers import tells_contact  # noqa: PLC0415 - keeps --help quick

    if by is not None and tells_contact(by, default_region="US"):
        raise typer.BadParameter(
            "it is kept for ever, and must be no e-mail address or telephone number: give a name"
        )
    return by


ByOption = Annotated[
    str | None,
    typer.Option(
        callback=_require_name, help="Who decides, for the audit log; the user of this computer."
    ),
]


def _require_reason(reason: str) -> str:
    if not reason.strip():
        raise typer.BadParameter("it is empty: say why, for whoever reads the audit log")
    return reason


ReasonOption = Annotated[
    str,
    typer.Option(callback=_require_reason, help="Why, for the audit log; name no person in it."),
]


@privacy_app.command()
@with_paths
@with_full_id
def show(*, paths: Paths, request_id: RequestId, as_json: JsonOption = False) -> None:
    """Show what was done for one request, step by step, and what was decided about it."""
    from orchestration.company import Company, utc_now  # noqa: PLC0415 - loads every package
    from orchestration.privacy_tasks import tasks_of  # noqa: PLC0415 - as above
    from orchestration.requests import standing_of  # noqa: PLC0415 - as above

    company = Company(paths)
    standing = standing_of(company, request_id)
    if not as_json:
        for line in _deadlines(standing, utc_now()):
            console.print(line)
    if standing.step is None and not as_json:
        console.print(f"Request {request_id} waits: {'; '.join(standing.reasons)}")
        return
    steps = _steps_of(company, standing)
    print_rows(
        f"Request {request_id}", [_row(taken, as_json=as_json) for taken in steps], as_json=as_json
    )
    for task in () if as_json else tasks_of(paths, request_id):
        console.print(task.in_words(utc_now()))
    if not as_json and steps:
        console.print(f"Done by: run {', '.join(dict.fromkeys(taken.run_id for taken in steps))}")


def _row(taken: StepTaken, *, as_json: bool) -> dict[str, Any]:
    """A step; on a screen there is no room for the id of its run, which is long."""
    done = {"done": f"{taken.done_at:%Y-%m-%d %H:%M}", "step": taken.step}
    if as_json:
        return {**done, "detail": json.dumps(taken.detail), "run": taken.run_id}
    return {**done, "detail": _in_words(taken.detail)}


def _in_words(detail: Mapping[str, Any]) -> str | None:
    """What a step noted, as a person reads it; the JSON has it as it is kept."""
    return "; ".join(f"{name}: {_said(value)}" for name, value in detail.items()) or None


def _said(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_said(one)}" for name, one in value.items()) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(map(_said, value)) or "none"
    return str(value)


def _deadlines(standing: RequestStanding, now: datetime) -> Iterator[str]:
    """What is due until when, of a request that is open."""
    if not standing.is_open:
        return
    used = standing.warning(now)
    yield f"Answer due {standing.due_at:%Y-%m-%d}{f', {used}' if used else ''}."
    if standing.confirm_by:
        used = standing.confirmation_warning(now)
        yield (
            f"Tell the person by {standing.confirm_by:%Y-%m-%d} that the request came"
            f"{f', {used}' if used else ''}; then: candor privacy confirm {standing.subject_request_id}"
        )
    for why in standing.why_open:
        yield f"Open because {why}."


def _steps_of(company: Company, standing: RequestStanding) -> tuple[StepTaken, ...]:
    from privacy import read_steps  # noqa: PLC0415 - loads every package

    if standing.step is None:  # there may be no warehouse yet, and asking makes none
        return ()
    with company.open_warehouse() as warehouse:
        return read_steps(warehouse, standing.subject_request_id)


@privacy_app.command()
@with_paths
@with_full_id
def approve(*, paths: Paths, request_id: RequestId, by: ByOption = None) -> None:
    """Let a request be carried out, where consent.yml says that requests are approved."""
    from orchestration.erasure import decide  # noqa: PLC0415 - loads every package

    decide(paths, request_id, lambda desk: desk.approve(request_id), by=by or getpass.getuser())
    console.print("Approved. `candor privacy run` carries it out.")


@privacy_app.command()
@with_paths
@with_full_id
def confirm(*, paths: Paths, request_id: RequestId, by: ByOption = None) -> None:
    """Write down that you told the person that their request came, as the CCPA asks for."""
    from orchestration.erasure import decide  # noqa: PLC0415 - loads every package

    decide(paths, request_id, lambda desk: desk.confirm(request_id), by=by or getpass.getuser())
    console.print("Noted.")


@privacy_app.command()
@with_paths
@with_full_id
def extend(
    *, paths: Paths, request_id: RequestId, reason: ReasonOption, by: ByOption = None
) -> None:
    """Take the further time that the law allows once; tell the person before the first deadline."""
    from orchestration.erasure import decide  # noqa: PLC0415 - loads every package

    due_at = decide(
        paths,
        request_id,
        lambda desk: desk.extend(request_id, reason=reason),
        by=by or getpass.getuser(),
    )
    console.print(f"Due {due_at:%Y-%m-%d}. Tell the person so, and why, before the first deadline.")


@privacy_app.command()
@with_paths
@with_full_id
def cancel(
    *, paths: Paths, request_id: RequestId, reason: ReasonOption, by: ByOption = None
) -> None:
    """Call a request off, as long as nothing of the person was erased."""
    from orchestration.erasure import cancel as call_off  # noqa: PLC0415 - loads every package

    call_off(paths, request_id, by=by or getpass.getuser(), reason=reason)
    console.print("Cancelled. Its identity is taken out of the file in which it waited.")
