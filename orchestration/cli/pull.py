"""``candor pull``."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestration.cli.app import app
from orchestration.cli.codes import FAILED
from orchestration.cli.options import JsonOption, with_paths
from orchestration.cli.output import console, print_json, print_rows
from settings import Paths

if TYPE_CHECKING:
    from ingestion.pull import PullReport

AnewOption = Annotated[
    bool, typer.Option("--anew", help="Read everything again, not only what is new.")
]


@app.command()
@with_paths
def pull(
    source: Annotated[str | None, typer.Argument(help="Which source; all, if none.")] = None,
    *,
    paths: Paths,
    anew: AnewOption = False,
    as_json: JsonOption = False,
) -> None:
    """Bring what is new from APIs and databases into the landing folder; `candor run` does it too.

    Ends with exit code 1 where a source could not be pulled; the others are.
    """
    from ingestion.pull import (  # noqa: PLC0415 - keeps --help quick
        forget_pulls,
        pull_sources,
        pulled_sources,
    )
    from orchestration.company import Company, utc_now  # noqa: PLC0415 - loads every package
    from orchestration.run_lock import hold_run_lock  # noqa: PLC0415 - as above

    sources = Company(paths).sources
    known = pulled_sources(sources)
    if source is not None and source not in known:
        listed = ", ".join(known) or "none"
        raise typer.BadParameter(f"{source!r} is not pulled; sources with `pull`: {listed}")
    chosen = known if source is None else (source,)
    paths.make_home()
    with hold_run_lock(paths.home):
        if anew:
            forget_pulls(paths.home, chosen)
        reports = pull_sources(
            sources, paths.landing, paths.home, now=utc_now(), environ=os.environ, only=chosen
        )
    _print(reports, as_json=as_json)
    if any(report.failure is not None for report in reports):
        raise typer.Exit(FAILED)


def _print(reports: Sequence[PullReport], *, as_json: bool) -> None:
    """A table of counts, and below it the names, which no table of 80 columns holds."""
    if as_json:
        print_json([{**_row(report), **_names(report)} for report in reports])
        return
    rows = [
        {**_row(report), **{what: len(names) for what, names in _changes(report)}}
        for report in reports
    ]
    print_rows("Pulled", rows)
    for report in reports:
        for what, names in _changes(report):
            if names:
                console.print(f"{report.source}, {what}: {', '.join(names)}", soft_wrap=True)
        if report.failure is not None:
            console.print(report.failure, style="red", soft_wrap=True)


def _row(report: PullReport) -> dict[str, Any]:
    return {
        "source": report.source,
        "rows": report.rows,
        "files": len(report.files),
        "read": "failed" if report.failure else "all" if report.is_full else "what is new",
    }


def _names(report: PullReport) -> dict[str, Any]:
    told = {what: ", ".join(names) for what, names in _changes(report)}
    return {**told, "failure": report.failure}


def _changes(report: PullReport) -> Sequence[tuple[str, Sequence[str]]]:
    """Columns that differ from the last pull, by how."""
    changes = report.changes
    return (
        ("added", changes.added),
        ("gone", changes.gone),
        ("retyped", changes.retyped),
        ("missing", changes.missing),
    )
