"""``candor day``: redo, drop and restore what came on one day."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from orchestration.cli.app import app
from orchestration.cli.home import existing_company, loading_again, opened_warehouse
from orchestration.cli.options import JsonOption, with_paths
from orchestration.cli.output import ask_or_abort, console, kept_rows, print_json, print_rows
from settings import Paths, counted

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingestion.days import Day, DayReport

day_app = typer.Typer(
    help="What came on one day: load it again, take it out, bring it back.", no_args_is_help=True
)
app.add_typer(day_app, name="day")

DayArgument = Annotated[
    datetime, typer.Argument(formats=["%Y-%m-%d"], help="Day on which the files came.")
]
SourceOption = Annotated[str | None, typer.Option(help="Only files of this source.")]


@day_app.command("list")
@with_paths
def list_(
    *,
    paths: Paths,
    limit: Annotated[int, typer.Option(min=1, help="Most rows to list.")] = 30,
    as_json: JsonOption = False,
) -> None:
    """Show what came on each day, latest first, and which days are dropped."""
    from ingestion.days import list_days  # noqa: PLC0415 - keeps --help quick

    with opened_warehouse(paths) as warehouse:
        rows = list_days(warehouse).slice(0, limit).to_pylist()
    if not as_json:  # as many columns as 80 signs hold
        short = {"received_date": "day", "rows_loaded": "loaded", "rows_deduplicated": "copies",
                 "rows_quarantined": "refused"}  # fmt: skip
        rows = [
            {short.get(name, name): value for name, value in row.items() if name != "dropped_at"}
            | {"state": "dropped" if row["dropped_at"] else "loaded"}
            for row in rows
        ]
    print_rows("Days", rows, as_json=as_json)


@day_app.command()
@with_paths
def redo(
    *, paths: Paths, day: DayArgument, source: SourceOption = None, as_json: JsonOption = False
) -> None:
    """Forget what the files of a day brought, and load them again as they are now."""
    from ingestion.days import Day, redo_day  # noqa: PLC0415 - keeps --help quick

    report = _act(paths, redo_day, Day(day.date(), source))
    _print(report, "loaded again", as_json=as_json)


@day_app.command()
@with_paths
def drop(
    *,
    paths: Paths,
    day: DayArgument,
    source: SourceOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before dropping.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Take out what the files of a day brought, and load none of them until it is restored."""
    from ingestion.days import Day, drop_day  # noqa: PLC0415 - keeps --help quick

    meant = Day(day.date(), source)
    if not yes:
        _confirm(paths, meant)
    _print(_act(paths, drop_day, meant), "dropped", as_json=as_json)


@day_app.command()
@with_paths
def restore(
    *, paths: Paths, day: DayArgument, source: SourceOption = None, as_json: JsonOption = False
) -> None:
    """Load the files of a dropped day again."""
    from ingestion.days import Day, restore_day  # noqa: PLC0415 - keeps --help quick

    report = _act(paths, restore_day, Day(day.date(), source))
    _print(report, "restored", as_json=as_json)


def _act(paths: Paths, act: Callable[..., DayReport], day: Day) -> DayReport:
    company = existing_company(paths)
    with loading_again(company, "day") as context:
        return act(context, company.sources, paths.landing, day)


def _confirm(paths: Paths, day: Day) -> None:
    from ingestion.days import irrecoverable_files, loads_of  # noqa: PLC0415 - keeps --help quick

    company = existing_company(paths)
    with company.open_warehouse() as warehouse:
        loads = loads_of(warehouse, day)
        gone = irrecoverable_files(warehouse, company.sources, paths.landing, day)
    console.print(f"{len(loads):,} files came on {day.received_date}.")
    if gone:
        console.print(
            f"{len(gone):,} of them are gone or changed: what they brought will not come back.",
            style="red",
        )
    ask_or_abort("Take out what they brought?")


def _print(report: DayReport, what: str, *, as_json: bool) -> None:
    others = len({one.count.file.load_id for one in report.reload.reloaded}) - report.files
    if what == "dropped":
        others += report.files
    kept = kept_rows(report.reload.kept)
    if as_json:
        print_json({"files": report.files, "rows": report.rows, "files_with_copies": others,
                    "left_as_they_stood": kept})  # fmt: skip
        return
    verb = "is" if report.files == 1 else "are"
    console.print(
        f"{counted(report.files, 'files')} with {counted(report.rows, 'rows')} {verb} {what}."
    )
    if others:
        console.print(f"{others:,} files of other days were read again for copies of their rows.")
    if kept:
        print_rows("Left as they stood", kept)
    console.print("`candor run` brings the change into profiles and audiences.")
