"""``candor readiness``: what the data are enough for, what is missing, and where to start."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli.app import app
from orchestration.cli.home import existing_company
from orchestration.cli.options import JsonOption, with_paths
from orchestration.cli.output import console, print_rows, require_page
from settings import Paths


@app.command()
@with_paths
def readiness(
    *,
    paths: Paths,
    file: Annotated[
        Path | None,
        typer.Argument(help="Write it as one page of HTML (name.html) instead of a table."),
    ] = None,
    details: Annotated[
        bool,
        typer.Option("--details", help="All that there is and is missing, a row per subject."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Say what the data are enough for (rules, a hybrid, a full model), and where to start.

    A row per capability, with what is missing first. The page and the JSON have everything.
    """
    if file:
        require_page(file)
    from orchestration.company import utc_now  # noqa: PLC0415 - loads every package
    from personalization import (  # noqa: PLC0415 - as above
        Plans,
        assess_readiness,
        overview_rows,
        readiness_page,
        summary_rows,
    )

    company = existing_company(paths)
    plans = Plans(company.content, company.predictions, company.experiments)
    with company.open_warehouse() as warehouse:
        known = warehouse.scalar("select max(as_of) from raw.as_of")
        report = assess_readiness(warehouse, plans, as_of=known or utc_now())
    if file:
        file.write_text(readiness_page(report), encoding="utf-8")
        console.print(f"Wrote {file}.")
        return
    if as_json:
        print_rows("Readiness", summary_rows(report.capabilities), as_json=True)
        return
    start = ", ".join(f"{one.capability} {one.subject}".strip() for one in report.start)
    console.print(f"Start with: {start or 'nothing yet'}")
    print_rows("Readiness", summary_rows(report.capabilities) if details else overview_rows(report))
    if not details:
        console.print(
            "--details has all that is missing, of every model and block; `candor readiness "
            "ready.html` writes it as a page"
        )
