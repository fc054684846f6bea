"""Run every benchmark, print each ratio: ``make bench``."""

from __future__ import annotations

import argparse
import tempfile
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
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=50_000, help="size of the sample company")
    parser.add_argument("--events", type=int, help="load so many made events, and nothing else")
    parser.add_argument("--folder", type=Path, help="where to write; gigabytes for many events")
    options = parser.parse_args()
    console = Console()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        if options.events:
            ratios, notes = ingest_events.measure_events(Path(folder), events=options.events)
        else:
            ratios, notes = _all(Path(folder), options.people), []
    table = Table("what", "Candor, s", "reference", "reference, s", "ratio", "budget")
    for ratio in ratios:
        table.add_row(*ratio.cells())
    console.print(table, *notes, sep="\n")


def _all(folder: Path, people: int) -> list[Ratio]:
    single = [benchmark.measure(folder, people=people) for benchmark in BENCHMARKS]
    lists = (build_profiles, sync_audience)
    return [*single, *(r for found in lists for r in found.measure(folder, people=people))]


if __name__ == "__main__":
    main()
