"""``candor identity review``: the pairs that are likely but not certain, out and back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli.home import opened_warehouse
from orchestration.cli.identity import group
from orchestration.cli.options import JsonOption, with_paths
from orchestration.cli.output import console, print_json
from settings import Paths

review = typer.Typer(help="Review pairs that are likely one person.", no_args_is_help=True)
group.add_typer(review, name="review")

File = Annotated[Path, typer.Argument(metavar="FILE.csv", help="The review file.")]


@review.command("export")
@with_paths
def export(
    *,
    paths: Paths,
    file: File,
    show_values: Annotated[
        bool,
        typer.Option(
            help="Add what both records say, side by side. The file is then personal: keep it "
            "out of mails and shared folders, and delete it after the review. An erasure does not "
            "reach it."
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Write the review queue as CSV, to be answered in its column decision.

    Answers are must_link, cannot_link or nothing. Pairs are named by source and record id alone
    unless values are asked for. Only you may read the file (mode 0600).
    """
    from identity import export_queue  # noqa: PLC0415 - keeps --help quick
    from orchestration.export import write_new_csv  # noqa: PLC0415 - keeps --help quick

    with opened_warehouse(paths) as warehouse:
        rows = export_queue(warehouse, with_values=show_values)
    write_new_csv(rows, file)
    if as_json:
        print_json({"pairs": len(rows)})
        return
    console.print(f"{len(rows):,} pairs are in {file}; answer in its column decision.")
    if show_values:
        console.print("It holds personal data: delete it after the review.", style="yellow")


@review.command("import")
@with_paths
def import_(*, paths: Paths, file: File, as_json: JsonOption = False) -> None:
    """Take over the answers of a review file: all of them, or none if one cannot be.

    They hold from the next run on and are heeded in the choice of the threshold. Importing a file
    again changes nothing.
    """
    from identity import import_answers  # noqa: PLC0415 - keeps --help quick
    from orchestration.company import utc_now  # noqa: PLC0415 - loads every package

    with opened_warehouse(paths) as warehouse:
        done = import_answers(warehouse, file, now=utc_now())
    if as_json:
        print_json({"pairs": done.rows, "written": done.written, "known": done.known,
                    "open": done.open, "decision_id": done.act_id})  # fmt: skip
        return
    console.print(
        f"{done.written:,} decisions are written, {done.known:,} were known, "
        f"{done.open:,} pairs are open."
    )
    if done.act_id is not None:
        console.print(
            f"`candor run` applies them, `candor identity decisions revoke {done.act_id}` takes "
            "them back."
        )
