"""``candor predict``: which models there are, how good they are, and why they are in use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from orchestration.cli.app import app
from orchestration.cli.options import JsonOption, with_paths
from orchestration.cli.output import console, print_json, print_rows
from settings import Paths

predict_app = typer.Typer(
    help="Models and personas: who answers, how well, and why.", no_args_is_help=True
)
app.add_typer(predict_app, name="predict")

LISTED = ("model", "status", "algorithm", "auc", "calibration_error", "reason")
# What a person reads first; the card holds the rest.
SHOWN = ("auc", "auc_interval", "ece", "slope", "lift", "base_rate", "people", "positives",
         "negatives", "stability", "k", "readers")  # fmt: skip


@predict_app.command(name="list")
@with_paths
def list_(*, paths: Paths, as_json: JsonOption = False) -> None:
    """List the models in force, the personas among them, and those that were refused."""
    from orchestration.company import Company  # noqa: PLC0415 - loads every package
    from prediction import list_models  # noqa: PLC0415 - as above

    with Company(paths).open_warehouse() as warehouse:
        rows = list_models(warehouse)
    print_rows("Models", rows if as_json else rows.select(list(LISTED)), as_json=as_json)


@predict_app.command()
@with_paths
def show(
    *,
    paths: Paths,
    key: Annotated[str, typer.Argument(help="The model's key, or personas.")],
    as_json: JsonOption = False,
) -> None:
    """Show the card of a model: what it learnt from, how good it is, why it is in use."""
    from orchestration.company import Company  # noqa: PLC0415 - loads every package
    from prediction import read_cards  # noqa: PLC0415 - as above

    company = Company(paths)
    with company.open_warehouse() as warehouse:
        cards = read_cards(warehouse, paths.artifacts, key)
    if as_json:
        print_json(cards)
        return
    for card in cards:
        _print_card(card, paths)


def _print_card(card: Mapping[str, Any], paths: Paths) -> None:
    console.print(f"{card['model_key']} {card['version']}: {card['status']}", style="bold")
    console.print(f"  {card['algorithm']}: {card['reason']}")
    facts = {name: card["metrics"][name] for name in SHOWN if card["metrics"].get(name) is not None}
    print_rows("Measured", [{"measure": name, "value": _text(v)} for name, v in facts.items()])
    if features := card.get("features"):
        rows = [{"feature": name, "effect": value} for name, value in _strongest(features)]
        print_rows("What moves it most (log odds per deviation)", rows)
    if groups := card.get("personas"):
        rows = [{"persona": name, "reads": group["reads"]} for name, group in groups.items()]
        print_rows("Personas", rows)
    if card["path"]:
        console.print(f"  Card: {paths.artifacts / card['path'] / 'card.md'}\n")


def _strongest(features: Mapping[str, float]) -> list[tuple[str, float]]:
    return sorted(features.items(), key=lambda item: -item[1])[:8]


def _text(value: object) -> str:
    if isinstance(value, Mapping):
        return f"{_text(value['low'])} to {_text(value['high'])}"
    return f"{value:.3f}" if isinstance(value, float) else str(value)
