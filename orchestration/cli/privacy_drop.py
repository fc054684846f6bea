"""``candor privacy drop import|match|answer``: California's deletion platform for data brokers."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli.options import with_paths
from orchestration.cli.output import console, print_rows
from orchestration.cli.privacy import privacy_app
from orchestration.cli.privacy_decisions import ByOption
from settings import Paths

drop_app = typer.Typer(
    help="Lists of California's deletion platform (DROP): in, matched, answered.",
    no_args_is_help=True,
)
privacy_app.add_typer(drop_app, name="drop")


@drop_app.command("import")
@with_paths
def import_(
    *,
    paths: Paths,
    file: Annotated[Path, typer.Argument(help="The ZIP as it was downloaded, or one CSV of it.")],
    by: ByOption = None,
) -> None:
    """Compare lists with what is held, and ask for the erasure of everybody they name."""
    from orchestration.drop import take_lists  # noqa: PLC0415 - loads every package

    report = take_lists(paths, file, by=by or getpass.getuser())
    shown = {
        "items that are new": report.items,
        "items that name one person": report.found,
        "items that several persons share, all opted out": report.shared,
        "erasures asked for": report.requests,
        "items taken back": report.removed,
    }
    print_rows("DROP", [{"what": what, "number": number} for what, number in shown.items()])
    console.print(f"`candor privacy run` erases; then answer. Remove {file}.")


@drop_app.command()
@with_paths
def match(*, paths: Paths) -> None:
    """Compare items that named nobody with who has come since; do so before each answer."""
    from orchestration.drop import match_again  # noqa: PLC0415 - loads every package

    report = match_again(paths)
    console.print(f"{report.items} items match now, {report.requests} erasures are asked for.")


@drop_app.command()
@with_paths
def answer(
    *,
    paths: Paths,
    out: Annotated[Path, typer.Option(help="Folder for the files to upload.")],
) -> None:
    """Write the answers to upload: 2 exempted, 3 deleted, 4 opted out, 5 not found."""
    from orchestration.drop import write_answers  # noqa: PLC0415 - loads every package

    written = dict(write_answers(paths, out))
    waiting = written.pop("waiting")
    rows = [{"file": name, "items": count} for name, count in written.items()]
    print_rows(f"Written to {out}", rows)
    if waiting:
        console.print(
            f"{waiting} items wait for their erasure: `candor privacy list` says why, "
            "`candor privacy run` goes on; then answer again."
        )
