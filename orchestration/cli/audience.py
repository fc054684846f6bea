"""``candor audience``: what is configured, what it would be, and why a person is in it."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestration.cli.app import app
from orchestration.cli.options import JsonOption, with_paths
from orchestration.cli.output import console, print_json, print_rows
from settings import Paths

if TYPE_CHECKING:
    from audiences import AudiencePreview

audience_app = typer.Typer(
    help="See audiences before they are published, and why a person is in one.",
    no_args_is_help=True,
)
app.add_typer(audience_app, name="audience")

AudienceKey = Annotated[
    str, typer.Argument(help="Key of the audience, see `candor audience list`.")
]


@audience_app.command("list")
@with_paths
def list_audiences(*, paths: Paths, as_json: JsonOption = False) -> None:
    """Show every configured audience with its size at the last run."""
    from orchestration.company import Company  # noqa: PLC0415 - loads every package
    from orchestration.results import audience_rows  # noqa: PLC0415 - as above

    company = Company(paths)
    configured = company.audiences
    with company.open_warehouse() as warehouse:
        sizes = {row.pop("audience"): row for row in audience_rows(warehouse).to_pylist()}
    unknown = dict.fromkeys(("matched", "without_consent", "members", "held_out"))
    rows = [
        {"audience": audience.key, "name": audience.name, **sizes.get(audience.key, unknown)}
        for audience in configured
    ]
    print_rows("Audiences", rows, as_json=as_json)


@audience_app.command()
@with_paths
def preview(*, paths: Paths, key: AudienceKey, as_json: JsonOption = False) -> None:
    """Judge one audience now, without publishing it: size, reach, consent, overlap."""
    from audiences import find_audience  # noqa: PLC0415 - keeps --help quick
    from audiences import preview as preview_audience  # noqa: PLC0415 - as above
    from orchestration.company import Company, utc_now  # noqa: PLC0415 - loads every package

    company = Company(paths)
    configured = company.audiences
    chosen = find_audience(configured, key)
    with company.open_warehouse() as warehouse:
        found = preview_audience(warehouse, chosen, others=configured, now=utc_now())
    if as_json:
        print_json(asdict(found))
        return
    print_rows(f"{chosen.name} ({chosen.key}), if it were published now", _preview_rows(found))
    for note in found.notes:
        console.print(f"held: {note}", style="yellow")


@audience_app.command()
@with_paths
def explain(
    *,
    paths: Paths,
    key: AudienceKey,
    person_id: Annotated[str, typer.Argument(help="Any id that the person ever had.")],
    as_json: JsonOption = False,
) -> None:
    """Say clause by clause why a person is or is not in an audience, and what was sent of them."""
    from audiences import find_audience, why  # noqa: PLC0415 - keeps --help quick
    from orchestration.company import Company, utc_now  # noqa: PLC0415 - loads every package

    company = Company(paths)
    configured = company.audiences
    find_audience(configured, key)
    with company.open_warehouse() as warehouse:
        found = why(warehouse, configured, person_id, now=utc_now()).to_pylist()
    rows = [row for row in found if row["audience_key"] == key]
    clauses = [clause for row in rows[:1] for clause in json.loads(row.pop("reasons") or "[]")]
    if as_json:
        print_json({"syncs": rows, "clauses": clauses})
        return
    print_rows(f"{key}: standing", rows)
    print_rows(f"{key}: clauses", [{"found": None, **clause} for clause in clauses])


def _preview_rows(found: AudiencePreview) -> list[dict[str, Any]]:
    counted = {
        "meet the rules": found.matched,
        **{f"of these left out, {reason}": n for reason, n in found.suppressed.items()},
        "members": found.members,
        "of these held out": found.held_out,
        **{f"reached by {kind}": n for kind, n in found.reach.items()},
        **{f"also in {other}": n for other, n in found.overlap.items()},
    }
    return [{"what": what, "persons": persons} for what, persons in counted.items()]
