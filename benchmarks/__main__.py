"""Run every benchmark, print each ratio: ``make bench``."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import ingest_events, refresh_unchanged, resolve_identities
from benchmarks.measured import Ratio

BENCHMARKS = (ingest_events, resolve_identities, refresh_unchanged)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=50_000, help="size of the sample company")
    people = parser.parse_args().people
    table = Table("what", "Candor, s", "reference", "reference, s", "ratio", "budget")
    with tempfile.TemporaryDirectory() as folder:
        for benchmark in BENCHMARKS:
            ratio: Ratio = benchmark.measure(Path(folder), people=people)
            table.add_row(*ratio.cells())
    Console().print(table)


if __name__ == "__main__":
    main()
