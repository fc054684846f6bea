"""``candor audience``: what is configured, what it would be, and why a person is in it."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestration.cli.app import app
from orchestration.cli.home import opened_warehouse
from orchestration.cli.options import JsonOption, with_paths
from orchestration.cli.output import console, print_json, print_rows
from settings import Paths

if TYPE_CHECKING:
    from audiences import AudiencePreview, Reached
    from audiences.sync import Sync

NOT_ASKED = "not looked at"
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
    """Show every configured audience with its size at the last run, and what its rules lack.

    Traits, events and whatever else a rule names and the warehouse does not have are told below, and
    sensitive columns that are used without a word on what for.
    """
    from audiences import doubts  # noqa: PLC0415 - keeps --help quick
    from orchestration.company import Company  # noqa: PLC0415 - loads every package
    from orchestration.results import audience_rows  # noqa: PLC0415 - as above
    from orchestration.sensitive_traits import missing_sensitive_uses  # noqa: PLC0415 - as above

    company = Company(paths)
    configured = company.audiences
    with opened_warehouse(paths) as warehouse:
        sizes = {row.pop("audience"): row for row in audience_rows(warehouse).to_pylist()}
        problems = dict(doubts(warehouse, configured))
    for key, told in missing_sensitive_uses(company).items():
        problems[key] = (*problems.get(key, ()), *told)
    unknown = dict.fromkeys(("matched", "without_consent", "members", "held_out"))
    rows = [
        {"audience": audience.key, "name": audience.name, **sizes.get(audience.key, unknown)}
        for audience in configured
    ]
    if as_json:
        print_json([{**row, "problems": problems.get(row["audience"], ())} for row in rows])
        return
    print_rows("Audiences", rows)
    for key, lines in problems.items():
        for problem in lines:
            console.print(f"{key}: {problem}", style="yellow")


@audience_app.command()
@with_paths
def preview(*, paths: Paths, key: AudienceKey, as_json: JsonOption = False) -> None:
    """Judge one audience now, without publishing it.

    Shows size, reach by identifier and by sync, who lacks a consent, overlap, how each step of the
    rules narrows everybody down, and some members with masked values.
    """
    from audiences import find_audience  # noqa: PLC0415 - keeps --help quick
    from audiences import preview as preview_audience  # noqa: PLC0415 - as above
    from orchestration.company import Company, utc_now  # noqa: PLC0415 - loads every package
    from orchestration.profile import require_profiles  # noqa: PLC0415 - as above
    from orchestration.sensitive_traits import missing_sensitive_uses  # noqa: PLC0415 - as above

    company = Company(paths)
    configured = company.audiences
    chosen = find_audience(configured, key)
    syncs = [_reached(sync) for sync in company.syncs if sync.audience == key]
    with opened_warehouse(paths) as warehouse:
        require_profiles(warehouse)
        found = preview_audience(warehouse, chosen, others=configured, syncs=syncs, now=utc_now())
    refused = missing_sensitive_uses(company).get(key, ())
    if as_json:
        print_json({**asdict(found), "refused": refused})
        return
    for problem in refused:
        console.print(f"a run refuses it: {problem}", style="yellow")
    for note in found.notes:
        console.print(f"held, nobody is counted: {note}", style="yellow")
    print_rows(f"{chosen.name} ({chosen.key}), if it were published now", _preview_rows(found))
    steps = [{"who": words, "persons": persons} for words, persons in found.funnel]
    print_rows("Step by step", steps)
    print_rows("Some of them", [dict(row) for row in found.sample])
    if found.lists:
        print_rows("Lines of its lists", [asdict(column) for column in found.lists])
    for event, meant in found.unseen.items():
        console.print(f"nobody has ever done {event!r}: {meant}", style="yellow")


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
    from orchestration.profile import require_profiles  # noqa: PLC0415 - as above

    company = Company(paths)
    configured = company.audiences
    find_audience(configured, key)
    with opened_warehouse(paths) as warehouse:
        require_profiles(warehouse)
        found = why(warehouse, configured, person_id, now=utc_now()).to_pylist()
    rows = [row for row in found if row["audience_key"] == key]
    told = [row.pop("rules") for row in rows]
    rules = json.loads(told[0] or "[]") if told else []
    if as_json:
        print_json({"syncs": rows, "rules": rules})
        return
    _print_standing(f"{key}: standing", rows)
    print_rows(f"{key}: rules", [_rule(line) for line in rules])
    syncs = [
        {"sync": row["sync_key"], "status": row["sync_status"], "reason": row["sync_reason"]}
        for row in rows
        if row["sync_key"]
    ]
    print_rows(f"{key}: what was sent of them", syncs)


def _print_standing(title: str, rows: list[dict[str, Any]]) -> None:
    standing = _standing(rows)
    print_rows(title, standing)
    if any(line["value"] == NOT_ASKED for line in standing):
        console.print(
            "What they lack is looked at of those alone who fit the rules; `candor profile show` has the "
            "consents of anybody"
        )


def _standing(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Where a person stands, a line each; the same in every row, as a row is of one sync."""
    if not rows:
        return []
    row = rows[0]
    lines = {
        "fits the rules": _yes(row["is_match"]),
        "lacks": row["lacking"]
        or ("nothing: every consent is there" if row["is_match"] else NOT_ASKED),
        "is a member, as last computed": _yes(row["is_member"]),
        "since": row["entered_at"],
        "arm": row["arm"],
    }
    return [{"what": what, "value": value} for what, value in lines.items()]


def _yes(is_so: Any) -> str | None:
    return None if is_so is None else ("yes" if is_so else "no")


def _rule(line: dict[str, Any]) -> dict[str, Any]:
    """A line of the rules as a row; what stands under another line is moved to the right."""
    words = f"{'  ' * line['depth']}{line['clause']}"
    return {"rule": words, "holds": _yes(line["holds"]), "found": line["found"]}


@audience_app.command()
@with_paths
def overlap(
    *,
    paths: Paths,
    key: Annotated[str | None, typer.Argument(help="Only pairs with this audience.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Show how many members each two audiences share, and which two tell few persons apart."""
    from audiences import find_audience, overlaps, tell_isolation  # noqa: PLC0415 - keeps --help quick
    from orchestration.company import Company  # noqa: PLC0415 - loads every package

    company = Company(paths)
    if key is not None:
        find_audience(company.audiences, key)
    with opened_warehouse(paths) as warehouse:
        rows = overlaps(warehouse).to_pylist()  # one row per pair of audiences
    shown = [row for row in rows if key in {None, row["audience"]}]
    told = {"only_here", "isolates_below"} if not as_json else set()  # in a sentence
    rows = [{name: row[name] for name in row if name not in told} for row in shown]
    print_rows("Members in two audiences", rows, as_json=as_json)
    for row in shown:
        if row["isolates_below"] is not None and not as_json:
            console.print(tell_isolation(row), style="yellow")


@audience_app.command()
@with_paths
def diff(
    *,
    paths: Paths,
    key: AudienceKey,
    first: Annotated[str, typer.Argument(help="Id of one run.")],
    second: Annotated[str, typer.Argument(help="Id of the other.")],
    as_json: JsonOption = False,
) -> None:
    """Compare the members of two runs by what caused the difference."""
    from audiences import diff_runs  # noqa: PLC0415 - keeps --help quick

    with opened_warehouse(paths) as warehouse:
        found = diff_runs(warehouse, key, first, second)
    if as_json:
        print_json(asdict(found))
        return
    rules = {None: "rules not recorded", True: "the same rules", False: "other rules"}
    print_rows(
        f"{key}: {found.members_first} members after {found.first}, {found.members_second} after "
        f"{found.second}, {rules[found.has_same_rules]}",
        list(found.changes),
    )


@audience_app.command()
@with_paths
def new(*, paths: Paths, key: Annotated[str, typer.Argument(help="Its key.")]) -> None:
    """Write a file for a new audience that is valid as it stands, with every choice explained."""
    from orchestration.setup import write_audience  # noqa: PLC0415 - loads every package

    console.print(f"wrote {write_audience(paths.config, key)}; see `candor audience preview {key}`")


def _reached(sync: Sync) -> Reached:
    from audiences import Reached  # noqa: PLC0415 - keeps --help quick

    return Reached(
        key=sync.key,
        identifiers=tuple(identifier.type for identifier in sync.identifiers),
        traits=tuple(found.trait for found in sync.identifiers if found.trait),
        purposes=sync.purposes,
    )


def _preview_rows(found: AudiencePreview) -> list[dict[str, Any]]:
    counted = {
        "meet the rules": found.matched,
        **{f"of these left out, {reason}": n for reason, n in found.suppressed.items()},
        "members": found.members,
        "of these held out": found.held_out,
        "in an audience that goes before it": found.outranked,
        **{f"reached by {kind}": n for kind, n in found.reach.items()},
        **{f"could be sent by {sync}": n for sync, n in found.destinations.items()},
        **{f"also in {other}": n for other, n in found.overlap.items()},
    }
    return [{"what": what, "persons": persons} for what, persons in counted.items()]
