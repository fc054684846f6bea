"""``candor email``: what the next mailing holds, for everybody and for one person."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestration.cli.app import app
from orchestration.cli.home import existing_company
from orchestration.cli.options import JsonOption, with_paths
from orchestration.cli.output import console, print_json, print_rows
from settings import Paths

email_app = typer.Typer(
    help="E-mail blocks: what each mailing holds, and why.", no_args_is_help=True
)
app.add_typer(email_app, name="email")


# A group of one command would be the command itself.
@email_app.callback()
def _group() -> None:
    """E-mail blocks: what each mailing holds, and why."""


@email_app.command()
@with_paths
def preview(
    *,
    paths: Paths,
    block: Annotated[str, typer.Argument(help="Key of the e-mail block in content.yml.")],
    person: Annotated[
        str | None, typer.Option(help="Show what this person id gets, and why; personal.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show what the current send of a block holds: persons by arm, and the content of each slot."""
    from orchestration.profile import find_person  # noqa: PLC0415 - keeps --help quick
    from personalization import preview_arms, preview_person, preview_slots  # noqa: PLC0415 - keeps --help quick

    company = existing_company(paths)
    known = list(company.content.email_blocks)
    with company.open_warehouse() as warehouse:
        if person:
            person_id = find_person(warehouse, person)
            rows = preview_person(warehouse, block, person_id, known=known)
            print_rows("Slots", rows, as_json=as_json)
            return
        arms = preview_arms(warehouse, block, known=known)
        slots = preview_slots(warehouse, block, known=known)
    if as_json:
        print_json({"arms": arms.to_pylist(), "slots": slots.to_pylist()})
        return
    print_rows("Persons by arm, and where their slots come from", arms)
    print_rows("What most get", slots)
    if "none" in slots["arm"].to_pylist():
        console.print("Persons of the arm none get no block: listed is what they would have got.")
