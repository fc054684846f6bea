"""``candor identity``: how good the persons are, and why they are."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli.app import app
from orchestration.cli.options import JsonOption, with_paths
from settings import Paths

group = typer.Typer(help="Who is who: judge it, explain it, decide.", no_args_is_help=True)
app.add_typer(group, name="identity")

Source = Annotated[str, typer.Argument(help="Source of the record, as in sources.yml.")]
RecordId = Annotated[str, typer.Argument(help="Its id in that source.")]
ShowIds = Annotated[bool, typer.Option(help="Show the records' ids, which may be personal.")]


@group.command()
@with_paths
def evaluate(
    context: typer.Context,
    *,
    paths: Paths,
    truth: Annotated[
        Path | None,
        typer.Option(
            help="CSV: source, source_record_id, person_id[, ambiguous]; cluster_id will do too."
        ),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(
            dir_okay=False,
            help="Write a page with charts here (HTML). It names the records of the worst errors "
            "by their ids, which may be personal.",
        ),
    ] = None,
    show_ids: ShowIds = False,
    as_json: JsonOption = False,
) -> None:
    """Judge the persons: against a truth if you have one, and by what needs none.

    With --landing and without --home the files there are loaded by --config and resolved in a
    temporary data home, which is removed in the end; no other file is touched.
    """
    from orchestration.cli.evaluation import run_evaluation  # noqa: PLC0415 - keeps --help quick

    given = context.params
    is_temporary = given["landing"] is not None and given["home"] is None
    run_evaluation(
        paths, truth=truth, report=report, is_temporary=is_temporary, show_ids=show_ids,
        as_json=as_json,
    )  # fmt: skip


@group.command()
@with_paths
def explain(  # noqa: PLR0913 - the options of the command
    *,
    paths: Paths,
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="Source of the record, as in sources.yml; or a person's id alone.",
        ),
    ],
    record_id: Annotated[
        str | None, typer.Argument(metavar="RECORD_ID", help="Its id in that source.")
    ] = None,
    other: Annotated[
        tuple[str, str] | None,
        typer.Option("--with", metavar="SOURCE ID", help="Explain how the two hang together."),
    ] = None,
    waterfall: Annotated[
        Path | None,
        typer.Option(
            dir_okay=False,
            help="With --with: write a page (HTML) that takes the weight of each link between the "
            "two apart, by fields and levels.",
        ),
    ] = None,
    show_ids: ShowIds = False,
    show_values: Annotated[
        bool,
        typer.Option(help="Show in the page the values that were compared: it is then personal."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show why a record belongs to its person: every link, kept or cut, and what it rests on.

    Name a record by its source and id, or a person by the person's id alone.
    """
    from identity import RecordName, explain_person, explain_record  # noqa: PLC0415 - quick --help
    from orchestration.cli.explanation import (  # noqa: PLC0415 - as above
        PairQuestion,
        explain_one,
        explain_two,
    )
    from orchestration.company import Company  # noqa: PLC0415 - loads every package

    if other is None and waterfall is not None:
        raise typer.BadParameter("--waterfall is of two records: name the other one by --with")
    if show_values and waterfall is None:
        raise typer.BadParameter("--show-values is for the page: name it by --waterfall")
    if record_id is None and other is not None:
        raise typer.BadParameter("--with is of two records: name the first by SOURCE and RECORD_ID")
    company, record = Company(paths), RecordName(source, record_id or "")
    if other is None:
        explain_it = (
            partial(explain_person, person_id=source)
            if record_id is None
            else partial(explain_record, record=record)
        )
        explain_one(company, explain_it, show_ids=show_ids, as_json=as_json)
        return
    asked = PairQuestion(record, RecordName(*other), show_ids=show_ids, show_values=show_values)
    explain_two(company, asked, waterfall, as_json=as_json)
