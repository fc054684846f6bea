"""``candor demo``: the whole path on a fictional company, from files to a proven erasure."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli.app import app
from orchestration.cli.options import with_paths
from orchestration.cli.output import console, print_rows, showing_progress
from settings import Paths


@app.command()
@with_paths
def demo(
    *,
    paths: Paths,
    people: Annotated[int, typer.Option(min=1, help="How many people the company knows.")] = 10_000,
    seed: Annotated[int, typer.Option(help="The same seed makes the same company.")] = 7,
) -> None:
    """Make a sample company, run everything on it, show what came of it, erase one person.

    Run again, it finds nothing new: nothing is sent, and every id stays.
    """
    from orchestration.run import run_job  # noqa: PLC0415 - loads Dagster

    began = time.monotonic()
    truth = paths.home.with_name(f"{paths.home.name}.truth")
    with showing_progress():
        _ensure_sample(paths, people=people, seed=seed, truth=truth)
        outcome = run_job(paths, "refresh")
    console.print(
        f"\nRun {outcome.run_id}: {outcome.steps} steps, {outcome.checks_passed} checks passed, "
        f"{len(outcome.checks_failed)} not, {time.monotonic() - began:.0f} s in all.\n"
    )
    for check in outcome.told:
        console.print(f"  not as expected {check}\n", style="yellow")
    _show_results(paths, truth)
    _show_erasure(paths)
    console.print(f"\nSee it in Dagster's UI: make ui   (or: candor ui --home {paths.home})")


def _ensure_sample(paths: Paths, *, people: int, seed: int, truth: Path) -> None:
    from orchestration.progress import announce  # noqa: PLC0415 - as in every command
    from sample import make_sample  # noqa: PLC0415 - as above

    if not paths.landing.exists():
        make_sample(people=people, seed=seed, out=paths.landing, truth=truth, progress=announce)


def _show_results(paths: Paths, truth: Path) -> None:
    from orchestration.company import Company  # noqa: PLC0415 - loads every package
    from orchestration.results import (  # noqa: PLC0415 - as above
        audience_rows,
        identity_rows,
        model_rows,
        sync_rows,
    )
    from orchestration.status import read_loads  # noqa: PLC0415 - as above

    with Company(paths).open_warehouse() as warehouse:
        print_rows("Loaded, by source", read_loads(warehouse))
        print_rows("Persons, against the sample's truth", identity_rows(warehouse, truth))
        print_rows("Models, judged on a later period", model_rows(warehouse))
        print_rows("Audiences", audience_rows(warehouse))
        print_rows("Sent by this run", sync_rows(warehouse))


def _show_erasure(paths: Paths) -> None:
    from orchestration.cli.privacy import print_receipt  # noqa: PLC0415 - loads every package
    from orchestration.erasure import erase_example_person  # noqa: PLC0415 - as above

    with showing_progress():
        receipt = erase_example_person(paths)
    print_receipt(receipt)
