"""``candor pull``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestration.cli.app import app
from orchestration.cli.exits import FAILED
from orchestration.cli.options import JsonOption, with_paths
from orchestration.cli.output import console, print_rows
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
    print_rows("Pulled", [_row(report) for report in reports], as_json=as_json)
    failures = [report.failure for report in reports if report.failure is not None]
    for failure in failures if not as_json else ():
        console.print(failure, style="red")
    if failures:
        raise typer.Exit(FAILED)


def _row(report: PullReport) -> dict[str, Any]:
    changes = report.changes
    return {
        "source": report.source,
        "rows": report.rows,
        "files": len(report.files),
        "read": "failed" if report.failure else "all" if report.is_full else "what is new",
        "added": ", ".join(changes.added),
        "gone": ", ".join(changes.gone),
        "retyped": ", ".join(changes.retyped),
        "missing": ", ".join(changes.missing),
        "failure": report.failure,
    }
