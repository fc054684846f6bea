"""Run every benchmark, print each ratio: ``make bench``."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import (
    build_profiles,
    erase_many,
    ingest_events,
    judge_audiences,
    refresh_unchanged,
    rerank_results,
    resolve_identities,
    resolve_increment,
    score_people,
    sync_audience,
)
from benchmarks.measured import Ratio

BENCHMARKS = (
    ingest_events,
    resolve_identities,
    resolve_increment,
    refresh_unchanged,
    judge_audiences,
    rerank_results,
    erase_many,
    score_people,
)


def main() -> None:
    named = _named()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=50_000, help="size of the sample company")
    parser.add_argument("--events", type=int, help="load so many made events, and nothing else")
    parser.add_argument("--only", choices=sorted(named), help="run one of them")
    parser.add_argument("--folder", type=Path, help="where to write; gigabytes for many events")
    options = parser.parse_args()
    console = Console()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        if options.events:
            ratios, notes = ingest_events.measure_events(Path(folder), events=options.events)
        else:
            chosen = [named[options.only]] if options.only else list(named.values())
            ratios = [r for run in chosen for r in run(Path(folder), people=options.people)]
            notes = []
    table = Table("what", "Candor, s", "reference", "reference, s", "ratio", "budget")
    for ratio in ratios:
        table.add_row(*ratio.cells())
    console.print(table, *notes, sep="\n")


def _named() -> dict[str, Callable[..., Iterable[Ratio]]]:
    """Each benchmark by the name of its module; all give a list of ratios."""
    single = {module.__name__: partial(_single, module.measure) for module in BENCHMARKS}
    several = {module.__name__: module.measure for module in (build_profiles, sync_audience)}
    return {name.split(".")[-1]: run for name, run in (single | several).items()}


def _single(measure: Callable[..., Ratio], folder: Path, people: int) -> list[Ratio]:
    return [measure(folder, people=people)]


if __name__ == "__main__":
    main()
