"""``candor run`` and ``candor ui``."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestration.cli.app import app
from orchestration.cli.options import JsonOption, with_paths
from orchestration.cli.output import console, print_json, showing_progress, tell_unfit
from orchestration.errors import ChecksFailedError
from settings import Paths, counted

if TYPE_CHECKING:
    from orchestration.company import Company
    from orchestration.run import RunOutcome

REFRESH = "refresh"
ACCEPTING = {"ops": {"resolve_identities": {"config": {"accept_identity_changes": True}}}}


@app.command()
@with_paths
def run(
    *,
    paths: Paths,
    job: Annotated[str, typer.Option(help="Which job to run.")] = REFRESH,
    accept_identity_changes: Annotated[
        bool,
        typer.Option(
            "--accept-identity-changes",
            help="Publish the persons of this run however many of them have changed.",
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Materialise everything, here and now; the run is recorded where the UI shows it.

    The JSON has run_id, steps, checks_passed, checks_failed, errors, not_as_expected: of each check
    that did not pass its name, what was expected, what was found, and advice; and unread_values: source,
    field and how many rows of its latest files have a value there that cannot be read.
    """
    from orchestration.company import Company  # noqa: PLC0415 - loads every package
    from orchestration.run import run_job  # noqa: PLC0415 - loads Dagster

    if accept_identity_changes and job != REFRESH:
        raise typer.BadParameter(f"only the job {REFRESH} resolves identities")
    company = Company(paths)
    company.check_configuration(tell=tell_unfit)
    if job == REFRESH:
        company.check_landing()
    with showing_progress():
        outcome = run_job(paths, job, run_config=ACCEPTING if accept_identity_changes else None)
    if as_json:
        print_json({"run_id": outcome.run_id, "steps": outcome.steps,
                    "checks_passed": outcome.checks_passed,
                    "checks_failed": outcome.checks_failed,
                    "errors": outcome.errors,
                    "not_as_expected": [asdict(check) for check in outcome.told],
                    "unread_values": _unread_values(company) if job == REFRESH else []})  # fmt: skip
    else:
        show_outcome(outcome, refused_rows=_refused_rows(company) if job == REFRESH else 0)
        if job == REFRESH:
            _show_unread_values(company)
            _show_unknown_words(company)
            show_empty_files(company)
    if outcome.errors:
        raise ChecksFailedError(outcome.errors, _unreadable(paths))


def _unread_values(company: Company) -> list[dict[str, Any]]:
    """How many rows of the latest files have a value that cannot be read, by source and field."""
    from ingestion.accounting import unread_values  # noqa: PLC0415 - loads every package

    with company.open_warehouse() as warehouse:
        rows: list[dict[str, Any]] = unread_values(warehouse).to_pylist()
    return rows


def _refused_rows(company: Company) -> int:
    from ingestion.standing import count_standing, past_loads  # noqa: PLC0415 - as above

    with company.open_warehouse() as warehouse:
        past = past_loads(warehouse, company.sources, company.paths.landing)
        return count_standing(warehouse, past)


def _show_unread_values(company: Company) -> None:
    """Print what was left empty because it cannot be read: counts by source and field, no value."""
    from ingestion.unread import tell_unread  # noqa: PLC0415 - loads every package

    with company.open_warehouse() as warehouse:
        told = list(tell_unread(warehouse, company.sources))
    for sentence in told:
        console.print(sentence, style="yellow")


def show_empty_files(company: Company) -> None:
    """Name the landing files that hold no byte: nothing else tells a broken export from a good one."""
    from ingestion.files import empty_files  # noqa: PLC0415 - loads every package

    for name in empty_files(company.sources, company.paths.landing):
        console.print(
            f"{name} is empty, not one byte is in it: look whether the export was cut off, and put a "
            "whole one in its place, or remove it",
            style="yellow",
        )


def _show_unknown_words(company: Company) -> None:
    """Print what counts as something because nobody knows its word: counts by source, no word."""
    from ingestion.status_words import tell_unknown_words  # noqa: PLC0415 - loads every package

    with company.open_warehouse() as warehouse:
        told = list(tell_unknown_words(warehouse))
    for sentence in told:
        console.print(sentence, style="yellow")


def show_outcome(outcome: RunOutcome, *, refused_rows: int) -> None:
    """Print what a run did, which checks did not pass, and how many rows are refused."""
    console.print(
        f"Run {outcome.run_id} is done: {outcome.steps} steps, "
        f"{outcome.checks_passed} checks passed, {len(outcome.checks_failed)} not."
    )
    for check in outcome.told:
        console.print(f"  not as expected {check}", style="yellow")
    if refused_rows:
        rows = counted(refused_rows, "rows")
        console.print(f"Refused in the files as they are now: {rows}, see `candor quarantine list`")


def _unreadable(paths: Paths) -> Sequence[str]:
    from orchestration.company import Company  # noqa: PLC0415 - loads every package
    from orchestration.status import unreadable_files  # noqa: PLC0415 - as above

    company = Company(paths)
    with company.open_warehouse() as warehouse:
        return unreadable_files(company, warehouse)


@app.command()
@with_paths
def ui(
    *,
    paths: Paths,
    port: Annotated[int, typer.Option(help="Port of the web server.")] = 3000,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
) -> None:
    """Open Dagster's UI on this data home, with its schedules and sensors."""
    from orchestration.instance import prepare_instance  # noqa: PLC0415 - loads Dagster
    from orchestration.process_group import run_to_end  # noqa: PLC0415 - keeps --help quick
    from orchestration.run import close_dead_runs  # noqa: PLC0415 - loads Dagster

    os.umask(0o077)  # for the server too: what its runs write is the owner's alone
    prepare_instance(paths)
    close_dead_runs(paths)
    root = Path(__file__).resolve().parent.parent.parent
    console.print(f"Dagster's UI will be at http://{host}:{port} (Ctrl+C ends it)")
    dagster = str(Path(sys.executable).with_name("dagster"))
    workspace = str(root / "workspace.yaml")
    command = [dagster, "dev", "-w", workspace, "-h", host, "-p", str(port)]
    raise typer.Exit(run_to_end(command, cwd=root))
