"""``candor backup create|list|restore``: keep a copy of the data home that brings nobody back."""

from __future__ import annotations

import getpass
from typing import Annotated

import typer

from orchestration.cli.app import app
from orchestration.cli.options import JsonOption, with_paths
from orchestration.cli.output import console, print_rows
from orchestration.cli.privacy_decisions import ByOption
from settings import Paths

backup_app = typer.Typer(
    help="Keep copies of the data home; one that is restored brings no erased person back.",
    no_args_is_help=True,
)
app.add_typer(backup_app, name="backup")


@backup_app.command()
@with_paths
def create(*, paths: Paths) -> None:
    """Copy the data home into the folder that retention.yml names, all but its keys."""
    from orchestration.restore import make_backup  # noqa: PLC0415 - loads every package

    backup = make_backup(paths)
    console.print(
        f"Backup {backup.name}: {backup.files} files, {backup.size / 1e6:,.1f} MB, kept until "
        f"{backup.expires_at:%Y-%m-%d}"
    )
    console.print(f"Keep a copy of {paths.keys} elsewhere: no backup can be restored without it.")
    if not paths.landing.is_relative_to(paths.home):
        console.print(f"Landing files in {paths.landing} are not in it.")


@backup_app.command("list")
@with_paths
def list_backups(*, paths: Paths, as_json: JsonOption = False) -> None:
    """Show every backup."""
    from orchestration.company import utc_now  # noqa: PLC0415 - loads every package
    from orchestration.restore import read_backups  # noqa: PLC0415 - as above

    now = utc_now()
    rows = [
        {
            "name": backup.name,
            "made": backup.made_at,
            "kept until": backup.expires_at,
            "files": backup.files,
            "bytes": backup.size,
            "warning": "older than it may be: candor privacy retention removes it"
            if backup.expires_at <= now
            else None,
        }
        for backup in read_backups(paths)
    ]
    print_rows("Backups", rows, as_json=as_json)


@backup_app.command()
@with_paths
def restore(
    name: Annotated[str, typer.Argument(help="The backup, as `candor backup list` names it.")],
    *,
    paths: Paths,
    by: ByOption = None,
) -> None:
    """Put a backup into an empty data home with its keys, and erase whoever was erased since."""
    from orchestration.restore import restore_backup  # noqa: PLC0415 - loads every package

    done = restore_backup(paths, name, by=by or getpass.getuser())
    console.print(
        f"Restored {done.backup.files} files of backup {name}; {done.repeated} erasures of later "
        "were carried out anew. `candor run` brings the data up to today."
    )
