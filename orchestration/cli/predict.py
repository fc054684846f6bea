"""``candor predict``: which models there are, how good they are, and why they are in use."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from orchestration.cli.app import app
from orchestration.cli.home import opened_warehouse
from orchestration.cli.options import JsonOption, with_paths
from orchestration.cli.output import console, print_json, print_rows
from settings import Paths

predict_app = typer.Typer(
    help="Models and personas: who answers, how well, and why.", no_args_is_help=True
)
app.add_typer(predict_app, name="predict")

# Who answers where nothing does: a score without a value.
INSUFFICIENT = "insufficient"
DECILES = 10
# Sizes that far above a tenth are told: somewhat uneven ones come of a few equal scores.
UNEVEN = 1.5
LISTED = ("model", "status", "algorithm", "auc", "calibration_error", "reason")
# What a person reads first, by whom it is about, and what each figure says; the card holds the rest.
JUDGED = {
    "people": ("judged", "how many they were; each counts once"),
    "judged_positives": ("did it", "how many of them then did it"),
    "base_rate": ("share", "their share"),
    "auc": (
        "AUC",
        "how well scores rank: chance that one who did it has the higher one; .5 is guessing",
    ),
    "ece": (
        "calibration error",
        "how far scores are from what happened, on average; at most .03",
    ),
    "slope": (
        "calibration slope",
        "1: scores spread as what happened did; below 1 they claim too much, above too little",
    ),
    "lift": (
        "lift of the top tenth",
        "how many times as many as on average did it in the likeliest tenth of them",
    ),
}
LEARNT_FROM = {
    "positives": ("did it", "who did it after one of the dates"),
    "negatives": ("did not", "who did it after none"),
    "readers": ("readers", "who had read enough"),
    "k": ("personas", "how many personas were found"),
    "stability": (
        "stability",
        "1: the same ones come back when readers are drawn anew; .75 is enough, 0 is chance",
    ),
}
# What scores say that differ; of equal ones the slope has no bounds.
OF_DIFFERENT = ("auc", "slope", "lift")
Figures = Mapping[str, tuple[str, str]]


@predict_app.command(name="list")
@with_paths
def list_(*, paths: Paths, as_json: JsonOption = False) -> None:
    """List the models in force, the personas among them, and those that were refused."""
    from prediction import list_models  # noqa: PLC0415 - as above

    with opened_warehouse(paths) as warehouse:
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
    from prediction import count_scored, read_cards  # noqa: PLC0415 - as above

    with opened_warehouse(paths) as warehouse:
        cards = read_cards(warehouse, paths.artifacts, key)
        scored = count_scored(warehouse, key)
    if as_json:
        print_json(cards)
        return
    answered = scored.to_pylist()  # one row per kind of answer
    unit = answered[0]["unit"] if answered else None
    for card in cards:
        _print_card(card, paths, unit=unit or f"{card.get('unit', 'person')}s")
    for row in answered:
        console.print(_scored(row))


def _scored(row: Mapping[str, Any]) -> str:
    """Who was scored, by whom, and what the deciles are of, where there are any."""
    unit = row["unit"] if row["scored"] != 1 else row["unit"].removesuffix("s")
    number = f"{row['scored']:,} {unit}"
    if row["source"] == INSUFFICIENT:
        return f"As of {row['as_of']:%Y-%m-%d} nothing answers for {number}: they have no score and no decile."
    return (
        f"Scored as of {row['as_of']:%Y-%m-%d}, others than those judged: {number}, by "
        f"{row['source']}. {_deciles(row['sizes'] or (), row['scored'])}"
    )


def _deciles(sizes: Sequence[Mapping[str, int]], scored: int) -> str:
    """What the deciles are; their sizes where equal scores make them anything but tenths."""
    largest = max((size["persons"] for size in sizes), default=0)
    if len(sizes) == min(DECILES, scored) and largest <= UNEVEN * math.ceil(scored / DECILES):
        return "Their deciles are tenths of them; 1 is the likeliest."
    told = ", ".join(f"{size['persons']:,} in decile {size['decile']}" for size in sizes)
    return (
        "Equal scores are in one decile, the likelier one, and many are equal, so that the deciles are no "
        f"tenths of them: {told}; 1 is the likeliest."
    )


def _print_card(card: Mapping[str, Any], paths: Paths, *, unit: str) -> None:
    console.print(f"{card['model_key']} {card['version']}: {card['status']}", style="bold")
    console.print(f"  {card['algorithm']}: {card['reason']}")
    tables: Mapping[str, Figures] = {
        f"How good it is, of the {unit} judged at the later date": JUDGED,
        f"What it learnt from: {unit} at all dates": LEARNT_FROM,
    }
    for title, figures in tables.items():
        if measured := _figures(card["metrics"], figures):
            print_rows(title, measured)
    if features := card.get("features"):
        rows = [{"feature": name, "effect": value} for name, value in _strongest(features)]
        print_rows("What moves it most (log odds per deviation)", rows)
    if groups := card.get("personas"):
        rows = [{"persona": name, "reads": group["reads"]} for name, group in groups.items()]
        print_rows("Personas", rows)
    if card["path"]:
        console.print(f"  Card: {paths.artifacts / card['path'] / 'card.md'}\n")


def _figures(metrics: Mapping[str, Any], figures: Figures) -> list[dict[str, str]]:
    """The figures that there are, each with its interval and with what it says."""
    return [
        {"measure": called, "value": _with_interval(metrics, name), "what it says": meaning}
        for name, (called, meaning) in figures.items()
        if metrics.get(name) is not None
    ]


def _with_interval(metrics: Mapping[str, Any], name: str) -> str:
    interval = metrics.get(f"{name}_interval")
    slope = metrics.get("slope_interval")
    if name in OF_DIFFERENT and slope and math.isinf(slope["high"]):
        return "cannot be told: all have the same score"
    return f"{_text(metrics[name])} ({_text(interval)})" if interval else _text(metrics[name])


def _strongest(features: Mapping[str, float]) -> list[tuple[str, float]]:
    return sorted(features.items(), key=lambda item: -item[1])[:8]


def _text(value: object) -> str:
    if isinstance(value, Mapping):
        return f"{_text(value['low'])} to {_text(value['high'])}"
    return f"{value:.3f}" if isinstance(value, float) else str(value)
