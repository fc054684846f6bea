"""``candor privacy object``: objections and opt-outs, which deny purposes until they are withdrawn."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from orchestration.cli.options import with_paths
from orchestration.cli.output import console, showing_progress
from orchestration.cli.privacy import (
    CustomerOption,
    EmailOption,
    PhoneOption,
    Regulation,
    UserOption,
    privacy_app,
)
from orchestration.cli.privacy_others import naming_others
from orchestration.cli.privacy_subject import is_held, named_identities
from settings import Paths

Kind = Annotated[
    Literal["objection", "profiling_objection", "do_not_sell_or_share"],
    typer.Option(help="What the person objects to; consent.yml says which purposes that denies."),
]


@privacy_app.command("object")
@with_paths
def object_(  # noqa: PLR0913 - one parameter per option
    *,
    paths: Paths,
    email: EmailOption = None,
    phone: PhoneOption = None,
    user_id: UserOption = None,
    customer_id: CustomerOption = None,
    kind: Kind = "objection",
    regulation: Regulation = "gdpr",
    withdraw: Annotated[
        bool, typer.Option("--withdraw", help="End what the person objected to before.")
    ] = False,
) -> None:
    """Deny purposes for one person, whatever is granted later, until they withdraw the objection."""
    from orchestration.company import utc_now  # noqa: PLC0415 - loads every package
    from orchestration.erasure import object_to  # noqa: PLC0415 - as above
    from privacy import make_request  # noqa: PLC0415 - as above

    given = {"email": email, "phone": phone, "user_id": user_id, "customer_id": customer_id}
    request = make_request(
        named_identities(paths, given),
        "objection_withdrawn" if withdraw else kind,
        regulation=regulation,
        now=utc_now(),
    )
    known = is_held(paths, request)
    with naming_others(paths, request), showing_progress():
        object_to(paths, request)
    console.print(_outcome(withdraw=withdraw, is_known=known))


def _outcome(*, withdraw: bool, is_known: bool) -> str:
    if withdraw:
        return "Withdrawn: what the person has granted holds again."
    if is_known:
        return (
            "Recorded. Destinations are told to remove the person from what needs these purposes."
        )
    return (
        "Recorded for whoever comes with it: nothing is held now of whom this names; "
        "look how it is written."
    )
