"""The command tree, and the one place where an error becomes a message and an exit code."""

from __future__ import annotations

import errno
import importlib
import sys
import warnings
from typing import Annotated

import typer
from rich.console import Console

from orchestration.cli.codes import FAILED, INPUT
from orchestration.errors import UnexpectedError
from orchestration.unexpected import as_told

EPILOG = "Exit codes: 0 done, 1 the work failed, 2 wrong usage, 3 configuration or input, 4 busy."

app = typer.Typer(
    name="candor",
    help="An open, warehouse-native customer data platform.",
    epilog=EPILOG,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

# Each module adds its commands to ``app``; they import what they need when they run, so that
# `candor --help` answers at once.
COMMANDS = (
    "company",
    "run",
    "pull",
    "demo",
    "identity",
    "identity_plan",
    "identity_decisions",
    "identity_review",
    "profile",
    "audience",
    "sync",
    "privacy",
    "privacy_verify",
    "privacy_decisions",
    "privacy_tasks",
    "privacy_holds",
    "privacy_objections",
    "privacy_drop",
    "privacy_keys",
    "backup",
    "predict",
    "predict_versions",
    "lift",
    "email",
    "search",
    "readiness",
    "decide",
    "contracts",
    "quarantine",
    "day",
)

# What whoever named a file or folder can do about it.
_ADVICE = {
    FileNotFoundError: "name one that is there; the folder of a file to write must exist",
    NotADirectoryError: "name a folder, or a file in one",
    IsADirectoryError: "name a file, not a folder",
    PermissionError: "let this user in, or name another one",
}


# The same where the class of the error does not tell; these are no fault of what was given.
_ADVICE_BY_NUMBER = {
    errno.EROFS: "the disk is read-only: make it writable, or give a copy of the data home with --home",
    errno.ENOSPC: "the disk is full: make room on it, then give the command again",
}


def _tell_version(asked: bool) -> None:  # noqa: FBT001 - the form that typer calls
    if asked:
        from importlib.metadata import version  # noqa: PLC0415 - keeps --help quick

        typer.echo(f"candor {version('candor-cdp')}")
        raise typer.Exit


@app.callback()
def candor(
    *,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_tell_version, is_eager=True, help="Say which release this is."
        ),
    ] = False,
) -> None:
    """An open, warehouse-native customer data platform."""


def main() -> None:
    """Run the command line."""
    # dagster-dbt asks for sqlglot's old extra; sqlglot 29 works without it and says so at import.
    warnings.filterwarnings("ignore", message=r"sqlglot\[rs\] is deprecated")
    for name in COMMANDS:
        importlib.import_module(f"orchestration.cli.{name}")
    from orchestration.cli.output import (  # noqa: PLC0415 - see above
        cut_for_screens_only,
        let_readers_leave,
    )

    cut_for_screens_only()
    let_readers_leave()
    try:
        app()
    except SystemExit:  # a command that ended; what may go wrong is asked for only if it did
        raise
    except UnexpectedError:  # its stack says more than its words
        raise
    except _expected_errors() as error:
        from orchestration.cli.exits import exit_code  # noqa: PLC0415 - see above

        _complain(str(error))
        sys.exit(exit_code(error))
    except OSError as error:  # a folder that may not be written, a full disk
        place, problem = error.filename or "a file", error.strerror or type(error).__name__
        advice = _ADVICE.get(type(error))
        told = advice or _ADVICE_BY_NUMBER.get(error.errno or 0)
        _complain(f"{place}: {problem}" + (f": {told}" if told else ""))
        sys.exit(INPUT if advice else FAILED)
    except Exception as error:  # noqa: BLE001 - what nobody foresaw is told without its words
        raise as_told(error) from None


def _expected_errors() -> tuple[type[Exception], ...]:
    """The errors that a person may meet, of every package: each is imported for it."""
    from orchestration.cli.exits import expected_errors  # noqa: PLC0415 - see above

    return expected_errors()


def _complain(message: str) -> None:
    escaped = message.replace("[", r"\[")
    errors = Console(stderr=True, highlight=False)
    errors.print(f"[red]candor:[/red] {escaped}", soft_wrap=not errors.is_terminal)
