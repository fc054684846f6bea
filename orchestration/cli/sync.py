"""``candor sync``: what would be sent, what was sent, and send now."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Annotated, Any

import typer

from orchestration.cli.app import app
from orchestration.cli.codes import FAILED
from orchestration.cli.home import existing_company, opened_warehouse
from orchestration.cli.options import JsonOption, with_paths
from orchestration.cli.output import (
    console,
    print_json,
    print_rows,
    showing_progress,
    tell_unfit,
)
from settings import Paths

sync_app = typer.Typer(
    help="Send audiences to destinations: the difference, and nothing twice.", no_args_is_help=True
)
app.add_typer(sync_app, name="sync")


@sync_app.command()
@with_paths
def plan(*, paths: Paths, as_json: JsonOption = False) -> None:
    """Say what would be sent for the members as they were last computed; nothing is sent."""
    from audiences.sync import plan_sync  # noqa: PLC0415 - keeps --help quick
    from orchestration.company import Company  # noqa: PLC0415 - loads every package
    from orchestration.names_check import NamesCheck  # noqa: PLC0415 - as above
    from orchestration.privacy_parts import erased_contacts  # noqa: PLC0415 - as above
    from orchestration.profile import require_profiles  # noqa: PLC0415 - as above

    company = Company(paths)
    syncs = company.syncs
    NamesCheck(company).refuse_chosen()
    with opened_warehouse(paths) as warehouse:
        require_profiles(warehouse)
        erased = erased_contacts(company, warehouse)
        plans = [asdict(plan_sync(warehouse, sync, suppression=erased)) for sync in syncs]
    print_rows("Would be sent", plans if as_json else list(map(_in_words, plans)), as_json=as_json)
    if any(found["held_because"] == "below_minimum" for found in plans) and not as_json:
        console.print(
            "below_minimum: fewer members than `minimum_size` of the destination or audience; "
            "`minimum_size: 0` there sends any",
            style="yellow",
        )
    never = sorted({found["audience_key"] for found in plans if not found["is_computed"]})
    if never and not as_json:
        console.print(
            f"never computed: {', '.join(never)}; `candor run` computes audiences, and `candor "
            "audience preview KEY` says who would be in one",
            style="yellow",
        )


INTERRUPTED = "interrupted"
_SENT = {"added": "added", "changed": "changed", "removed": "removed"}
_LEFT_OUT = {"held_out": "held out", "no_consent": "without consent",
             "suppressed": "erased before", "unreachable": "without identifier"}  # fmt: skip


def _in_words(found: dict[str, Any]) -> dict[str, str]:
    """A plan as a person reads it: what is not 0. The JSON has every count."""
    sent = {**_SENT, "waiting": "of earlier batches first"}
    left = {**_LEFT_OUT,
            "held": f"held ({found['held_because']})",
            "removals_to_accept": "removals to accept"}  # fmt: skip
    return {
        "sync": found["sync_key"],
        "to": found["destination_key"],
        "would be sent": _counted(found, sent),
        "left out": _counted(found, left),
    }


def _run_in_words(found: dict[str, Any]) -> dict[str, Any]:
    """A run likewise."""
    from audiences.sync.unsafe import is_unsafe  # noqa: PLC0415 - keeps --help quick

    never_left = is_unsafe(found["code"])
    failed = {"rejected": "not sent" if never_left else "rejected",
              "unanswered": "not sent yet" if never_left else "without an answer"}  # fmt: skip
    code = "unsafe address" if never_left else found["code"]
    return {
        "sync": found["sync"],
        "status": ", ".join(filter(None, (found["status"], code))),
        "sent": _counted(found, _SENT),
        "failed": _counted(found, failed),
        "left out": _counted(found, {**_LEFT_OUT, "held": "held"}),
        "started": found["started_at"] and f"{found['started_at']:%Y-%m-%d %H:%M}",
    }


def _counted(found: dict[str, Any], words: dict[str, str]) -> str:
    return (
        ", ".join(f"{found[name]:,} {word}" for name, word in words.items() if found[name]) or "-"
    )


@sync_app.command()
@with_paths
def status(
    *,
    paths: Paths,
    last: Annotated[int, typer.Option(min=1, help="How many runs of each sync.")] = 1,
    as_json: JsonOption = False,
) -> None:
    """Show what the latest runs of each sync sent, and whom a sync left that is no more.

    A run whose process was killed is interrupted. In the JSON ``left_behind`` counts the latter for each run.
    """
    from audiences.sync import read_left_behind, read_runs  # noqa: PLC0415 - keeps --help quick
    from orchestration.run_lock import hold_if_idle  # noqa: PLC0415 - loads every package

    company = existing_company(paths)
    configured = list(company.destinations.syncs)
    with hold_if_idle(paths.home) as is_idle, company.open_warehouse() as warehouse:
        runs = _tell_interrupted(read_runs(warehouse, last=last).to_pylist(), is_idle=is_idle)
        left = read_left_behind(warehouse, configured).to_pylist()
    if as_json:
        persons = {found["sync"]: found["persons"] for found in left}
        print_json([{**run, "left_behind": persons.get(run["sync"], 0)} for run in runs])
        return
    print_rows("Sent", list(map(_run_in_words, runs)))
    _tell_unsafe(runs)
    for sync in (s for s, told in _newest(runs, "status").items() if told == INTERRUPTED):
        console.print(
            f"{sync}: {INTERRUPTED}, the process of the run ended before the run did; the next run goes on "
            "with it: `candor sync run`, or `candor run`",
            style="yellow",
        )
    for found in left:
        console.print(
            f"{found['sync']} is no longer configured; persons whom it sent and who are still at "
            f"{found['destination']}: {found['persons']:,}. Nothing takes them out when they withdraw: "
            "write the sync again as a mirror of an audience of nobody, run it, accept the removals, "
            "then delete it",
            style="yellow",
        )


def _tell_interrupted(runs: list[dict[str, Any]], *, is_idle: bool) -> list[dict[str, Any]]:
    """Call those interrupted that never ended and that no process goes on with.

    Args:
        runs: The newest of each sync first.
        is_idle: Whether no run has the home.
    """
    seen: set[str] = set()
    told = []
    for run in runs:
        is_dead = run["status"] == "running" and (is_idle or run["sync"] in seen)
        seen.add(run["sync"])
        told.append({**run, "status": INTERRUPTED} if is_dead else run)
    return told


def _tell_unsafe(runs: Iterable[dict[str, Any]]) -> None:
    """Say of each sync whose destination's address its newest run found refused what to do.

    Args:
        runs: The newest of each sync first.
    """
    from audiences.sync.unsafe import is_unsafe, tell_unsafe  # noqa: PLC0415 - keeps --help quick

    for sync, code in _newest(runs, "code").items():
        if code is not None and is_unsafe(code):
            console.print(f"{sync}: {tell_unsafe(code)}", style="yellow")


def _newest(runs: Iterable[dict[str, Any]], name: str) -> dict[str, Any]:
    """A value of the newest run of each sync; the newest of each comes first."""
    newest: dict[str, Any] = {}
    for run in runs:
        newest.setdefault(run["sync"], run[name])
    return newest


@sync_app.command()
@with_paths
def why(
    *,
    paths: Paths,
    person_id: Annotated[str, typer.Argument(help="Any id that the person ever had.")],
    as_json: JsonOption = False,
) -> None:
    """Say of each sync why a person was sent, was not sent or was removed."""
    from audiences.sync import why_synced  # noqa: PLC0415 - keeps --help quick
    from orchestration.company import Company  # noqa: PLC0415 - loads every package
    from orchestration.privacy_parts import erased_contacts  # noqa: PLC0415 - as above

    company = Company(paths)
    syncs = company.syncs
    with opened_warehouse(paths) as warehouse:
        erased = erased_contacts(company, warehouse)
        found = why_synced(warehouse, syncs, person_id, suppression=erased)
    rows = [asdict(answer) for answer in found]
    if not as_json:  # of who was never sent, half of the rows would be empty
        told = {name for row in rows for name, value in row.items() if value is not None}
        rows = [{name: row[name] for name in row if name in told} for row in rows]
    print_rows(f"Person {person_id}", rows, as_json=as_json)


@sync_app.command()
@with_paths
def accept(
    *, paths: Paths, sync_key: Annotated[str, typer.Argument(help="Key of the sync.")]
) -> None:
    """Let the next run of a sync remove the persons whose removal is held.

    It covers as many as wait now; where more have come to wait, that run is held again.
    """
    from audiences import NothingToAcceptError  # noqa: PLC0415 - keeps --help quick
    from audiences.sync import accept_removals, plan_sync  # noqa: PLC0415 - as above
    from orchestration.company import Company, utc_now  # noqa: PLC0415 - loads every package
    from orchestration.privacy_parts import erased_contacts  # noqa: PLC0415 - as above

    company = Company(paths)
    chosen = [sync for sync in company.syncs if sync.key == sync_key]
    if not chosen:
        raise NothingToAcceptError(sync_key)
    with opened_warehouse(paths) as warehouse:
        erased = erased_contacts(company, warehouse)
        removals = plan_sync(warehouse, chosen[0], suppression=erased).removals_to_accept
        accept_removals(warehouse, chosen[0], removals, now=utc_now())
    console.print(f"the next run of {sync_key} may remove {removals} persons")


@sync_app.command()
@with_paths
def run(*, paths: Paths, as_json: JsonOption = False) -> None:
    """Compute audiences from the profiles as they are and send the difference now.

    The run is the Dagster job publish_audiences, recorded where the UI shows it. Ends with exit
    code 1 where a destination stopped a sync.
    """
    from audiences.sync import read_runs  # noqa: PLC0415 - keeps --help quick
    from orchestration.company import Company  # noqa: PLC0415 - loads every package
    from orchestration.run import run_job  # noqa: PLC0415 - loads Dagster

    company = Company(paths)
    company.check_configuration(tell=tell_unfit)
    with showing_progress():
        outcome = run_job(paths, "publish_audiences")
    with company.open_warehouse() as warehouse:
        runs = read_runs(warehouse, run_id=outcome.run_id)
    print_rows(f"Sent by run {outcome.run_id}", runs, as_json=as_json)
    failed = [row["sync"] for row in runs.to_pylist() if row["status"] == "failed"]
    held = {row["sync"]: row["code"] for row in runs.to_pylist() if row["code"]}
    for sync in sorted(held.keys() - failed) if not as_json else ():
        console.print(f"held: {sync} ({held[sync]}); see `candor sync plan`", style="yellow")
    if failed:
        if not as_json:
            _tell_unsafe(runs.to_pylist())
            console.print(
                f"stopped: {', '.join(failed)}; the next run goes on from here", style="red"
            )
        raise typer.Exit(FAILED)
