"""``candor quarantine``: which rows were refused, where they lie, and load them again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from orchestration.cli.app import app
from orchestration.cli.home import existing_company, loading_again
from orchestration.cli.options import JsonOption, with_paths
from orchestration.cli.output import console, kept_rows, print_json, print_rows
from settings import Paths, counted

if TYPE_CHECKING:
    from ingestion.quarantine import ReplayReport, Scope
    from ingestion.reload import Kept
    from orchestration.company import Company
    from warehouse import Warehouse

quarantine_app = typer.Typer(
    help="Rows that were refused: look at them, and load them again after a correction.",
    no_args_is_help=True,
)
app.add_typer(quarantine_app, name="quarantine")

SourceOption = Annotated[str | None, typer.Option(help="Only rows of this source.")]
CodeOption = Annotated[str | None, typer.Option(help="Only rows refused by this code.")]
DayOption = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d"], help="Only rows of files that came on this day."),
]
EarlierOption = Annotated[
    bool,
    typer.Option(
        "--earlier",
        help="With what was refused of files that were corrected or taken away since.",
    ),
]


@quarantine_app.command("list")
@with_paths
def list_(
    *,
    paths: Paths,
    source: SourceOption = None,
    code: CodeOption = None,
    day: DayOption = None,
    earlier: EarlierOption = False,
    as_json: JsonOption = False,
) -> None:
    """Count refused rows of the files as they are now, by source, code and reason.

    Beside them stands the latest day on which some came.
    """
    from ingestion.quarantine import count_refused  # noqa: PLC0415 - keeps --help quick

    with _opened(paths, source) as (company, warehouse):
        without = () if earlier else _past(company, warehouse)
        rows = count_refused(warehouse, _scope(source, code, day, without))
    print_rows("Refused rows", rows, as_json=as_json)


@quarantine_app.command()
@with_paths
def show(  # noqa: PLR0913 - one parameter per option
    *,
    paths: Paths,
    source: SourceOption = None,
    code: CodeOption = None,
    day: DayOption = None,
    earlier: EarlierOption = False,
    limit: Annotated[int, typer.Option(min=1, help="Most rows to list.")] = 20,
    file: Annotated[
        str | None, typer.Option(help="With --line: a landing file, as `show` lists it.")
    ] = None,
    line: Annotated[
        int | None, typer.Option(min=1, help="Say where this line of --file lies.")
    ] = None,
    raw: Annotated[
        bool, typer.Option("--raw", help="Print the line itself: it holds personal data.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """List refused rows of the files as they are now, the latest day first; or show one of any."""
    from ingestion.quarantine import list_refused  # noqa: PLC0415 - keeps --help quick

    if (file is None) != (line is None) or (raw and line is None):
        raise typer.BadParameter("name one row with --file and --line together")
    if file is not None and line is not None:
        _show_row(paths, file, line, raw=raw, as_json=as_json)
        return
    with _opened(paths, source) as (company, warehouse):
        without = () if earlier else _past(company, warehouse)
        rows = list_refused(warehouse, _scope(source, code, day, without), limit=limit)
    print_rows("Refused rows", rows, as_json=as_json)


@quarantine_app.command()
@with_paths
def replay(
    *,
    paths: Paths,
    source: SourceOption = None,
    code: CodeOption = None,
    day: DayOption = None,
    as_json: JsonOption = False,
) -> None:
    """Read the files of refused rows again, by the configuration as it is now."""
    from ingestion.quarantine import replay as replay_rows  # noqa: PLC0415 - keeps --help quick

    company = existing_company(paths)
    with loading_again(company, "replay") as context:
        _require_source(company, context.warehouse, source)
        scope = _scope(source, code, day)
        report = replay_rows(context, company.sources, paths.landing, scope)
    _print_replay(report, as_json=as_json)


@contextmanager
def _opened(paths: Paths, source: str | None) -> Iterator[tuple[Company, Warehouse]]:
    company = existing_company(paths)
    with company.open_warehouse() as warehouse:
        _require_source(company, warehouse, source)
        yield company, warehouse


def _past(company: Company, warehouse: Warehouse) -> Sequence[str]:
    """The loads whose files are not what they were."""
    from ingestion.accounting import prepare_tables  # noqa: PLC0415 - keeps --help quick
    from ingestion.standing import past_loads  # noqa: PLC0415 - as above

    prepare_tables(warehouse)
    return past_loads(warehouse, company.sources, company.paths.landing).all


def _require_source(company: Company, warehouse: Warehouse, source: str | None) -> None:
    from ingestion.quarantine import require_known_source  # noqa: PLC0415 - keeps --help quick

    if source is not None:
        require_known_source(warehouse, company.sources, source)


def _scope(
    source: str | None, code: str | None, day: datetime | None, without: Sequence[str] = ()
) -> Scope:
    from ingestion.quarantine import Scope  # noqa: PLC0415 - keeps --help quick

    return Scope(source, code, day.date() if day else None, without)


def _show_row(paths: Paths, file: str, line: int, *, raw: bool, as_json: bool) -> None:
    from ingestion.quarantine import find_refused, read_raw  # noqa: PLC0415 - keeps --help quick

    company = existing_company(paths)
    place = (company.sources, paths.landing)
    with company.open_warehouse() as warehouse:
        found = find_refused(warehouse, *place, file=file, line=line)
        text = read_raw(warehouse, *place, file=file, line=line) if raw else None
    where = found.path or "not in the landing folder as it was loaded"
    if as_json:
        shown = {"file": file, "line": line, "path": where, "reasons": found.reasons}
        print_json(shown | ({"raw": text} if raw else {}))
        return
    console.print(f"Line {line} of {where}", soft_wrap=True)  # a path is copied whole
    for reason in found.reasons:
        console.print(f"  {reason}")
    if text is None:
        console.print("--raw prints the line itself; it holds personal data.")
        return
    console.print("Personal data follows: do not copy it into tickets, chats or logs.", style="red")
    typer.echo(text)


def _print_replay(report: ReplayReport, *, as_json: bool) -> None:
    files = len({one.count.file.load_id for one in report.reload.reloaded})
    kept = kept_rows(report.reload.kept)
    if as_json:
        print_json({"files": files, "recovered": report.recovered,
                    "newly_refused": report.newly_refused, "refused": dict(report.refused),
                    "not_replayed": kept})  # fmt: skip
        return
    console.print(
        f"Read {counted(files, 'files')} again: {counted(report.recovered, 'rows')} recovered."
    )
    if report.newly_refused:
        console.print(f"{report.newly_refused:,} rows that were good are refused now.")
    refused = [{"code": code, "rows": rows} for code, rows in report.refused.items()]
    print_rows("Still refused in these files", refused)
    if kept:
        print_rows("Left as they stood", kept)
        _print_next_steps(report.reload.kept)
    if report.recovered or report.newly_refused:
        console.print("`candor run` brings the change into profiles and audiences.")


def _print_next_steps(kept: Sequence[Kept]) -> None:
    """A replay reads what was refused, and a file that was changed is another one."""
    from ingestion.reload import Missing  # noqa: PLC0415 - keeps --help quick

    for day in sorted({one.load.received_date for one in kept if one.reason == Missing.CHANGED}):
        console.print(
            f"`candor day redo {day}` loads the changed files of that day as they are now."
        )
