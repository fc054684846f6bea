"""``candor privacy hold add|list|release``: keep the data of persons for a legal claim."""

from __future__ import annotations

import getpass
from datetime import datetime, timedelta
from typing import Annotated

import typer

from orchestration.cli.options import JsonOption, with_paths
from orchestration.cli.output import console, print_rows
from orchestration.cli.privacy import (
    CustomerOption,
    EmailOption,
    PhoneOption,
    UserOption,
    privacy_app,
)
from orchestration.cli.privacy_decisions import ByOption, ReasonOption
from orchestration.cli.privacy_subject import named_identities
from settings import Paths

hold_app = typer.Typer(
    help="Keep the data of persons for a legal claim: erasures and retention wait.",
    no_args_is_help=True,
)
privacy_app.add_typer(hold_app, name="hold")


@hold_app.command()
@with_paths
def add(  # noqa: PLR0913 - one parameter per option
    *,
    paths: Paths,
    reason: ReasonOption,
    email: EmailOption = None,
    phone: PhoneOption = None,
    user_id: UserOption = None,
    customer_id: CustomerOption = None,
    until: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"], help="The last day of the hold, UTC; open when left out."
        ),
    ] = None,
    by: ByOption = None,
) -> None:
    """Place a legal hold on one person, named by any identifier."""
    from orchestration.erasure import add_hold  # noqa: PLC0415 - loads every package

    given = {"email": email, "phone": phone, "user_id": user_id, "customer_id": customer_id}
    hold = add_hold(
        paths,
        named_identities(paths, given),
        reason=reason,
        until_at=None if until is None else until + timedelta(days=1),
        by=by or getpass.getuser(),
    )
    console.print(
        f"Hold {hold.hold_id} is placed: {hold.records} records of the person stay. "
        f"End it: candor privacy hold release {hold.hold_id} --reason TEXT"
    )


@hold_app.command("list")
@with_paths
def list_holds(*, paths: Paths, as_json: JsonOption = False) -> None:
    """Show every legal hold, those that have ended too."""
    from orchestration.company import utc_now  # noqa: PLC0415 - loads every package
    from orchestration.erasure import read_holds  # noqa: PLC0415 - as above

    now = utc_now()
    rows = [
        {
            "hold": hold.hold_id,
            "status": hold.status(now),
            "reason": hold.reason,
            "placed": f"{hold.placed_at:%Y-%m-%d}",
            "by": hold.placed_by,
            "last day": f"{hold.until_at - timedelta(days=1):%Y-%m-%d}"
            if hold.until_at
            else "open",
            "records": hold.records,
            "released by": hold.ended_by,
            "because": hold.end_reason,
        }
        for hold in read_holds(paths)
    ]
    print_rows("Legal holds", rows, as_json=as_json)


@hold_app.command()
@with_paths
def release(
    *,
    paths: Paths,
    hold_id: Annotated[str, typer.Argument(help="Id of the hold, see `candor privacy hold list`.")],
    reason: ReasonOption,
    by: ByOption = None,
) -> None:
    """End a legal hold; an erasure that waited for it goes on at the next run."""
    from orchestration.erasure import release_hold  # noqa: PLC0415 - loads every package

    release_hold(paths, hold_id, by=by or getpass.getuser(), reason=reason)
    console.print("Released. `candor privacy run` goes on with what waited for it.")
