"""``candor predict versions``, ``history``, ``promote``, ``rollback`` and ``drift``."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Annotated

import typer

from orchestration.cli.home import existing_company, opened_warehouse
from orchestration.cli.options import JsonOption, with_paths
from orchestration.cli.output import console, print_rows
from orchestration.cli.predict import predict_app
from settings import Paths

if TYPE_CHECKING:
    from prediction import Decision, Order, PropensityConfig
    from warehouse import Warehouse

Key = Annotated[str, typer.Argument(help="The model's key, or personas.")]
Why = Annotated[str, typer.Option(help="Why, for the history; name no person in it.")]
By = Annotated[
    str | None, typer.Option(help="Who decides, for the history; the user of this computer.")
]
SHOWN = ("tier", "kind", "subject", "status", "measure", "value", "lower", "upper", "threshold")


@predict_app.command()
@with_paths
def versions(*, paths: Paths, key: Key, as_json: JsonOption = False) -> None:
    """List every version of a model, retired ones included, the newest first."""
    from prediction import list_versions, require_model  # noqa: PLC0415 - loads every package

    with opened_warehouse(paths) as warehouse:
        require_model(warehouse, key)
        rows = list_versions(warehouse, key)
    print_rows(f"Versions of {key}", rows, as_json=as_json)


@predict_app.command()
@with_paths
def history(*, paths: Paths, key: Key, as_json: JsonOption = False) -> None:
    """Show which version took over when, who decided and why."""
    from prediction import read_changes, require_model  # noqa: PLC0415 - as above

    with opened_warehouse(paths) as warehouse:
        require_model(warehouse, key)
        rows = read_changes(warehouse, key)
    print_rows(f"Who answered for {key}", rows, as_json=as_json)


@predict_app.command()
@with_paths
def promote(
    *,
    paths: Paths,
    key: Key,
    version: Annotated[str, typer.Argument(help="A version that passed its gates.")],
    why: Why,
    by: By = None,
) -> None:
    """Let a version answer from the next run on; it stays as long as a newly trained one would."""
    from prediction import promote as put_in_force  # noqa: PLC0415 - as above

    config = _config(paths, key)
    with opened_warehouse(paths) as warehouse:
        order = _order(warehouse, why, by)
        _say(put_in_force(warehouse, paths.artifacts, key, version, order, config=config))


@predict_app.command()
@with_paths
def rollback(
    *,
    paths: Paths,
    key: Key,
    version: Annotated[
        str | None, typer.Argument(help="The version; by default the one before.")
    ] = None,
    why: Why,
    by: By = None,
) -> None:
    """Go back to an earlier version from the next run on."""
    from prediction import roll_back  # noqa: PLC0415 - as above

    config = _config(paths, key)
    with opened_warehouse(paths) as warehouse:
        order = _order(warehouse, why, by)
        _say(roll_back(warehouse, paths.artifacts, key, version, order, config=config))


@predict_app.command()
@with_paths
def drift(
    *,
    paths: Paths,
    key: Annotated[str | None, typer.Argument(help="The model's key; all by default.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Also what has not moved.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show how far scores, outcomes and features have moved since a model was judged."""
    from prediction import read_drift, require_model  # noqa: PLC0415 - as above

    with opened_warehouse(paths) as warehouse:
        if key is not None:
            require_model(warehouse, key)
        rows = read_drift(warehouse, key)
    found = [row for row in rows.to_pylist() if every or row["tier"] != "none"]
    shown = found if as_json else [{name: row[name] for name in ("model", *SHOWN)} for row in found]
    print_rows("Moved since the model was judged", shown, as_json=as_json)


def _config(paths: Paths, key: str) -> PropensityConfig | None:
    """What predictions.yml says of the model, sensitive features left out."""
    from orchestration.predictions import allowed_predictions  # noqa: PLC0415 - as above

    company = existing_company(paths)
    if key not in company.predictions.models:
        return None
    return allowed_predictions(company).models[key]


def _order(warehouse: Warehouse, why: str, by: str | None) -> Order:
    """What was decided; it stays in the history, which no erasure goes through."""
    from orchestration.moment import moment_of  # noqa: PLC0415 - as above
    from prediction import Order as Written  # noqa: PLC0415 - as above
    from privacy import impersonal  # noqa: PLC0415 - as above

    moment = moment_of(warehouse)
    # A number in full is known in any country.
    who, reason = (
        impersonal(what, text, default_region="US")
        for what, text in (("by", by or getpass.getuser()), ("why", why))
    )
    return Written(who, reason, moment.as_of, moment.now)


def _say(decision: Decision) -> None:
    console.print(
        f"{decision.model_key} {decision.model_version} answers from the next run on. "
        "`candor run` scores by it."
    )
