"""``candor identity plan``: what another configuration would change, before it is published."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestration.cli.identity import group
from orchestration.cli.options import FOLDERS, JsonOption
from orchestration.cli.output import console, print_json, print_rows, showing_progress
from settings import Paths

if TYPE_CHECKING:
    from identity import IdentityConfig
    from orchestration.company import Company
    from orchestration.identity_plan import IdentityPlan


@group.command()
def plan(
    *,
    config: Annotated[
        Path | None,
        typer.Option(
            help="What to try: a configuration folder, or one file in place of identity.yml "
            "[default: the company's own]."
        ),
    ] = None,
    home: Annotated[Path | None, typer.Option(help=FOLDERS["home"][1])] = None,
    show_ids: Annotated[
        bool, typer.Option(help="List the persons who would be merged or split, by id.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show what a configuration would change: persons, audiences, rows to be sent; write nothing.

    The data home is copied, and the copy is resolved anew and thrown away. Data that came since
    the last run are part of what is shown. Files in the landing folder are not read.
    """
    from orchestration.identity_plan import plan_identity  # noqa: PLC0415 - loads every package

    company, identity = _read(config, home)
    with showing_progress():
        found = plan_identity(company, identity)
    if as_json:
        print_json(_as_document(found, show_ids=show_ids))
        return
    _show(found, show_ids=show_ids)


def _read(config: Path | None, home: Path | None) -> tuple[Company, IdentityConfig]:
    """The company, and the identity configuration to try: its own, or that of the file named."""
    from identity import IdentityConfig  # noqa: PLC0415 - keeps --help quick
    from orchestration.company import Company  # noqa: PLC0415 - loads every package
    from settings import load_config  # noqa: PLC0415 - as above

    is_file = config is not None and not config.is_dir()
    folder = None if is_file else config
    company = Company(Paths.resolve(os.environ, config=folder, home=home))
    if config is None or not is_file:
        return company, company.identity
    return company, load_config(config, IdentityConfig)


def _as_document(found: IdentityPlan, *, show_ids: bool) -> dict[str, Any]:
    changes = found.changes
    return {
        "persons": asdict(changes.churn),
        "would_be_held": changes.is_above_bound,
        "merges": changes.merges,
        "splits": changes.splits,
        "causes": list(changes.causes),
        "sources": list(changes.sources),
        "audiences": [asdict(delta) for delta in found.audiences],
        "syncs": [asdict(sync) for sync in found.syncs],
        **({"changes": list(changes.changes)} if show_ids else {}),
    }


def _show(found: IdentityPlan, *, show_ids: bool) -> None:
    changes = found.changes
    churn = changes.churn
    console.print(
        f"Of {churn.persons:,} persons {churn.changed:,} would change: {churn.merged:,} merged, "
        f"{churn.split:,} split, {churn.renamed:,} under another id; {churn.unexplained:,} "
        f"({churn.share:.1%}) with no new record or decision as the reason."
    )
    print_rows("Merges and splits, anonymous persons included", changes.causes)
    print_rows("Touched, by source", changes.sources)
    if show_ids:
        for row in changes.changes:  # ids are too long for a table
            console.print(
                f"{row['change']} {row['person_id']} {row['other_person_id']} ({row['cause']})"
            )
    print_rows("Audiences", [asdict(delta) for delta in found.audiences])
    print_rows("Would be sent", [_short(asdict(sync)) for sync in found.syncs])
    if changes.is_above_bound:
        console.print(
            "A run would hold this: accept it with `candor run --accept-identity-changes`.",
            style="yellow",
        )


def _short(sync: dict[str, Any]) -> dict[str, Any]:
    """What a terminal has room for; all columns are in the JSON."""
    wanted = ("added", "changed", "removed", "waiting")
    return {"sync": sync["sync_key"], **{name: sync[name] for name in wanted}}
