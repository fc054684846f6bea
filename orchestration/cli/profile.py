"""``candor profile``: what is known of one person, and where it comes from."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestration.cli.app import app
from orchestration.cli.home import existing_company
from orchestration.cli.options import JsonOption, with_paths
from orchestration.cli.output import console, print_json, print_rows
from settings import Paths, plain_number

if TYPE_CHECKING:
    from orchestration.profile import Profile

profile_app = typer.Typer(help="See what is known of a person.", no_args_is_help=True)
app.add_typer(profile_app, name="profile")


# A group of one command would be the command itself.
@profile_app.callback()
def _group() -> None:
    """See what is known of a person."""


@profile_app.command()
@with_paths
def show(
    *,
    paths: Paths,
    person: Annotated[
        str,
        typer.Argument(
            metavar="PERSON|EMAIL",
            help="Any id that the person ever had, or an e-mail address of the person.",
        ),
    ],
    as_json: JsonOption = False,
) -> None:
    """Show one profile: each field with the record that won it and why, traits, accounts, consent.

    What it prints is personal. It goes to the terminal alone: neither the address nor what was
    found is written to a log.
    """
    from orchestration.profile import read_profile  # noqa: PLC0415 - keeps --help quick

    company = existing_company(paths)
    purposes = list(company.consent.purposes)
    with company.open_warehouse() as warehouse:
        found = read_profile(warehouse, person, purposes=purposes)
    if as_json:
        print_json(asdict(found))
        return
    _print(found)


def _print(profile: Profile) -> None:
    console.print(f"Person {profile.person_id}")
    print_rows("Fields", [_field(row) for row in profile.fields])
    print_rows("Contact points", profile.contact_points)
    known = {name: value for name, value in profile.traits.items() if value is not None}
    print_rows("Traits", [{"trait": name, "value": _text(known[name])} for name in known])
    print_rows("Accounts", profile.accounts)
    print_rows("Consent (unknown counts as denied)", profile.consent)
    print_rows("Persona", profile.personas)
    print_rows("Scores", profile.scores)


def _field(row: dict[str, Any]) -> dict[str, Any]:
    """What a terminal has room for; all columns are in the JSON."""
    others = f"{row['losing_count']} of {row['candidate_count']} differ"
    return {
        "field": row["field"],
        "value": row["value"],
        "from": f"{row['source']} {row['source_record_id']}",
        "why": row["reason"],
        "values given": others if row["losing_count"] else str(row["candidate_count"]),
    }


def _text(value: object) -> str:
    """A value of a column in which numbers, times and texts stand among each other."""
    if isinstance(value, float) and abs(value) < 1_000:
        return plain_number(value, digits=4)
    return str(value)
