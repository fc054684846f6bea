"""``candor privacy``: give or erase what is held of a person, serve requests, read and check receipts, retention."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from orchestration.cli.app import app
from orchestration.cli.options import JsonOption, with_paths
from orchestration.cli.output import ask_or_abort, console, print_rows, showing_progress
from orchestration.cli.privacy_others import naming_others
from orchestration.cli.privacy_subject import person_request, require_held, show_plans
from settings import Paths, counted

if TYPE_CHECKING:
    from datetime import datetime

    from privacy import (
        Receipt,
        RequestStanding,
        RetentionOutcome,
    )

privacy_app = typer.Typer(
    help="Erase people with proof, serve their requests, keep rows no longer than allowed.",
    no_args_is_help=True,
)
app.add_typer(privacy_app, name="privacy")

Regulation = Annotated[
    Literal["gdpr", "ccpa"], typer.Option(help="The law that sets the deadline.")
]
RequestId = Annotated[
    str,
    typer.Argument(help="Id of the request, or how it begins; see `candor privacy list`."),
]
EmailOption = Annotated[
    str | None,
    typer.Option(help="The person's address; asked for when no option names the person."),
]
PhoneOption = Annotated[str | None, typer.Option(help="The person's telephone number.")]
UserOption = Annotated[str | None, typer.Option(help="The person's user id in events.")]
CustomerOption = Annotated[str | None, typer.Option(help="The person's record id in a source.")]
UnknownOption = Annotated[
    bool, typer.Option("--unknown", help="Go on where nothing is held of the person.")
]


def with_full_id(command: Callable[..., None]) -> Callable[..., None]:
    """Let a command name its request by how the id begins; below ``with_paths``."""

    @functools.wraps(command)
    def wrapped(*, paths: Paths, request_id: str, **arguments: Any) -> None:
        from orchestration.requests import full_id  # noqa: PLC0415 - loads every package

        command(paths=paths, request_id=full_id(paths, request_id), **arguments)

    return wrapped


@privacy_app.command()
@with_paths
def erase(  # noqa: PLR0913 - one parameter per option
    *,
    paths: Paths,
    email: EmailOption = None,
    phone: PhoneOption = None,
    user_id: UserOption = None,
    customer_id: CustomerOption = None,
    regulation: Regulation = "gdpr",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before erasing.")] = False,
    unknown: UnknownOption = False,
) -> None:
    """Erase one person from every table and file, for good, and print the receipt."""
    from orchestration.erasure import erase_person  # noqa: PLC0415 - loads every package

    given = {"email": email, "phone": phone, "user_id": user_id, "customer_id": customer_id}
    request = person_request(paths, given, "erasure", regulation)
    is_free = unknown or require_held(paths, request, is_shown=not yes)
    if not yes:
        ask_or_abort(
            "Erase this person for good?"
            if is_free
            else "Ask for it all the same? It waits, and goes on once that is settled."
        )
    with naming_others(paths, request), showing_progress():
        receipt = erase_person(paths, request)
    print_receipt(receipt)


@privacy_app.command()
@with_paths
def access(  # noqa: PLR0913 - one parameter per option
    *,
    paths: Paths,
    email: EmailOption = None,
    phone: PhoneOption = None,
    user_id: UserOption = None,
    customer_id: CustomerOption = None,
    regulation: Regulation = "gdpr",
    portability: Annotated[
        bool, typer.Option(help="Only what the person gave and did, to take it elsewhere.")
    ] = False,
    unknown: UnknownOption = False,
) -> None:
    """Put all that is held of one person into an archive, which waits to be handed out."""
    from orchestration.erasure import archive_person  # noqa: PLC0415 - loads every package

    given = {"email": email, "phone": phone, "user_id": user_id, "customer_id": customer_id}
    request = person_request(paths, given, "portability" if portability else "access", regulation)
    if not unknown:
        require_held(paths, request, is_shown=False)
    with naming_others(paths, request), showing_progress():
        archive_person(paths, request)
    console.print(
        f"The archive is made. Hand it out: candor privacy archive {request.request_id} --out FILE"
    )


@privacy_app.command()
@with_paths
@with_full_id
def archive(
    *,
    paths: Paths,
    request_id: RequestId,
    out: Annotated[Path, typer.Option(help="Where to put it, a ZIP file.")],
) -> None:
    """Move the archive of an access or portability request out of the data home."""
    from orchestration.erasure import hand_out  # noqa: PLC0415 - loads every package

    hand_out(paths, request_id, out)
    console.print(f"Wrote {out}. It holds personal data: send it safely, then remove it.")


@privacy_app.command()
@with_paths
def plan(
    *,
    paths: Paths,
    request_id: Annotated[
        str | None, typer.Argument(help="Of one waiting erasure, or how it begins; else of all.")
    ] = None,
    email: EmailOption = None,
    phone: PhoneOption = None,
    user_id: UserOption = None,
    customer_id: CustomerOption = None,
) -> None:
    """Show what an erasure would touch, of one person or of waiting requests; change nothing."""
    from orchestration.company import Company  # noqa: PLC0415 - loads every package
    from orchestration.erasure import plan_requests  # noqa: PLC0415 - as above
    from orchestration.requests import waiting_erasures  # noqa: PLC0415 - as above

    Company(paths).require_warehouse()
    given = {"email": email, "phone": phone, "user_id": user_id, "customer_id": customer_id}
    if any(value is not None for value in given.values()):
        if request_id is not None:
            raise typer.BadParameter("name a request or a person, not both")
        require_held(paths, person_request(paths, given, "erasure", "gdpr"), is_shown=True)
        return
    if erasures := waiting_erasures(paths, request_id):
        show_plans(*plan_requests(paths, erasures))
    else:
        console.print("No erasure waits.")


@privacy_app.command()
@with_paths
def request(
    *,
    paths: Paths,
    file: Annotated[Path, typer.Argument(help="OpenDSR 2.0 bodies: one JSON, or one per line.")],
) -> None:
    """Put requests into the drop folder, where they wait for `candor privacy run`."""
    from orchestration.privacy_parts import request_folder  # noqa: PLC0415 - loads every package
    from privacy import read_bodies  # noqa: PLC0415 - as above

    paths.make_home()
    folder = request_folder(paths)
    bodies = read_bodies(file)
    for body in bodies:
        folder.add(body)
        console.print(f"{body.request_id}: {body.subject_request_type}, due {body.due_at:%Y-%m-%d}")
    console.print(f"{len(bodies)} waiting. {file} still names them: remove it.")


@privacy_app.command()
@with_paths
def run(*, paths: Paths) -> None:
    """Carry out every waiting request, and go on with those that were interrupted or blocked."""
    from orchestration.erasure import run_requests  # noqa: PLC0415 - loads every package
    from privacy import InvalidRequestError  # noqa: PLC0415 - as above

    try:
        with showing_progress():
            run_requests(paths)
    finally:
        with suppress(InvalidRequestError):  # the run has said so
            _print_standing(paths, as_json=False)


@privacy_app.command("list")
@with_paths
def list_requests(*, paths: Paths, as_json: JsonOption = False) -> None:
    """Show every request: where it stands, until when it is due, why it is blocked."""
    _print_standing(paths, as_json=as_json)


@privacy_app.command()
@with_paths
@with_full_id
def receipt(
    *,
    paths: Paths,
    request_id: RequestId,
    out: Annotated[Path | None, typer.Option(help="Write it to this file as JSON.")] = None,
    addendum: Annotated[
        bool, typer.Option("--addendum", help="In its place, how its tasks stand now, signed too.")
    ] = False,
) -> None:
    """Show the receipt of a request, or write it to a file for whoever asked."""
    from orchestration.privacy_tasks import addendum_of  # noqa: PLC0415 - loads every package
    from orchestration.requests import receipt_of  # noqa: PLC0415 - as above
    from privacy import check_addendum  # noqa: PLC0415 - as above

    found = addendum_of(paths, request_id) if addendum else receipt_of(paths, request_id)
    if out is None and addendum:
        console.print(check_addendum(found).summary)
        return
    if out is None:
        print_receipt(found)
        return
    out.write_text(f"{found.to_json()}\n", encoding="utf-8")
    console.print(f"Wrote {out}. `candor privacy public-key` gives the key that checks it.")


@privacy_app.command("public-key")
@with_paths
def public_key(
    *,
    paths: Paths,
    fingerprint: Annotated[
        str | None, typer.Option(help="Of a key of before, as a receipt names it.")
    ] = None,
) -> None:
    """Print the key by which anybody can check our receipts; it is no secret."""
    from privacy import KeyRing  # noqa: PLC0415 - keeps --help quick

    sys.stdout.write(KeyRing(paths.keys).public_key_pem(fingerprint).decode())


@privacy_app.command()
@with_paths
def retention(
    *,
    paths: Paths,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show how much would go, and change nothing.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Delete or anonymise what is older than retention.yml allows, and show how much it was."""
    from orchestration.company import Company  # noqa: PLC0415 - loads every package
    from orchestration.retention import what_would_go  # noqa: PLC0415 - as above
    from orchestration.run import run_job  # noqa: PLC0415 - as above

    if dry_run:
        due = [_due_row(outcome) for outcome in what_would_go(paths)]
        print_rows("Retention would", due, as_json=as_json)
        return
    with showing_progress():
        outcome = run_job(paths, "enforce_retention")
    with Company(paths).open_warehouse() as warehouse:
        rows = warehouse.read(
            'select table_name as "table", days, cutoff, rows_deleted as deleted, '
            "rows_anonymised as anonymised, rows_held as held, rows_without_age as without_age, rows_failed as failed "
            "from privacy.retention_runs where run_id = $run_id order by table_name",
            {"run_id": outcome.run_id},
        )
    print_rows("Retention", rows, as_json=as_json)


def _due_row(outcome: RetentionOutcome) -> dict[str, object]:
    return {
        "table": outcome.table_name,
        "cutoff": outcome.cutoff,
        "delete": outcome.rows_deleted,
        "anonymise": outcome.rows_anonymised,
        "held": outcome.rows_held,
        "without_age": outcome.rows_without_age,
        "failed": outcome.rows_failed,
        "which": ", ".join(outcome.names) or None,
    }


def _place_row(place: Mapping[str, Any]) -> dict[str, object]:
    """Headings as short as what stands below, so that a place is a line of a narrow terminal."""
    return {
        "place": place["location"],
        "requests": place["requests_counted"],
        "found": place["rows_found"],
        "left": place["rows_left"],
    }


def print_receipt(receipt: Receipt) -> None:
    """Show a receipt as a person reads it."""
    facts = receipt.facts
    places = facts["locations"] or []
    print_rows("Erased, by place", list(map(_place_row, places)))
    if any(place["location"] == "identity.persons" and place["rows_found"] > 1 for place in places):
        console.print(
            "identity.persons has a row for each id that the person ever had, those that were joined too."
        )
    print_rows("Destinations told", facts["destinations"])
    if facts.get("models"):  # receipts of older versions do not tell
        print_rows("Models that learnt from the person", facts["models"])
    print_rows("Left alone", facts["left_alone"])
    scan = facts["scan"]
    shown = {
        "request": receipt.subject_request_id,
        "places searched for rows": facts["locations_searched"],
        "values searched for": scan["values"],
        "files searched": scan["files"],
        "hiding places in which the search proved itself": scan["probes_found"],
        "traces found": scan["hits"],
        "version of the search": scan.get("verifier", 1),
        "proven": facts["proven_at"],
        "signed by": f"Ed25519 key {receipt.key_id}",
    }
    print_rows("Receipt", [{"what": what, "value": str(value)} for what, value in shown.items()])


def _print_standing(paths: Paths, *, as_json: bool) -> None:
    from orchestration.company import Company, utc_now  # noqa: PLC0415 - loads every package
    from orchestration.requests import read_requests, with_unread  # noqa: PLC0415 - as above

    company, now = Company(paths), utc_now()
    standing = read_requests(company)
    try:
        standing = with_unread(company, standing)
    finally:  # a file that holds no requests hides none that were read
        rows = [_standing_row(case, now) for case in standing]
        print_rows("Requests", rows, as_json=as_json)
        if not as_json:
            _print_tasks(paths, now)


def _print_tasks(paths: Paths, now: datetime) -> None:
    """How much is left to be asked of destinations: a request that is completed may still ask for it."""
    from orchestration.privacy_tasks import tasks_of  # noqa: PLC0415 - loads every package
    from privacy import overdue  # noqa: PLC0415 - as above

    left = [task for task in tasks_of(paths) if task.is_open]
    if left:
        late = f", {len(overdue(left, now))} of them overdue" if overdue(left, now) else ""
        console.print(
            f"{counted(len(left), 'tasks')} to be done by hand at destinations{late}: candor privacy task list"
        )


def _standing_row(case: RequestStanding, now: datetime) -> dict[str, str | None]:
    return {
        "request": case.subject_request_id,
        "type": case.request_type,
        "status": case.status,
        "step": case.step,
        "due": f"{case.due_at:%Y-%m-%d}",
        "warning": case.warning(now),
        "confirm by": _confirm_by(case, now),
        "reasons": "; ".join(case.why_open),
    }


def _confirm_by(case: RequestStanding, now: datetime) -> str | None:
    if case.confirm_by is None:
        return None
    used = case.confirmation_warning(now)
    return f"{case.confirm_by:%Y-%m-%d}{f', {used}' if used else ''}"
