"""Building profiles with dbt, all and after one per cent of new events, against one SQL script.

Seconds are of the processor. What dbt needs for itself (reading the project, planning a hundred
models) is measured with a handful of persons, and told apart: it does not grow with the data.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.made_people import add_events, make_people, pass_a_day
from benchmarks.measured import Ratio, processor_seconds
from orchestration.manifest import Workplace, load_manifest, parsed_project, run_dbt
from warehouse import DuckDBWarehouse

SCRIPT = Path(__file__).with_name("profiles_in_one_script.sql")
# Of building all; against the script there is no budget: Candor stores events and sessions as well.
BUDGET_INCREMENT = 0.05
EVENTS_PER_PERSON = 20
BUILT = ("+profiles", "int_event_inputs__numbered", "int_nodes__numbered")
# So few that their building is all start.
FEW_PERSONS = 100


@dataclass(frozen=True, slots=True)
class Builds:
    """Processor seconds of a build of all, and of one after a day with one per cent more events.

    Attributes:
        full_s, again_s: dbt.
        script_s, script_again_s: The SQL script, which makes all each time.
        slowest: The models that took longest in the second build, by the clock.
    """

    full_s: float
    again_s: float
    script_s: float
    script_again_s: float
    slowest: tuple[str, ...]


class DifferentProfilesError(AssertionError):
    """The script and dbt computed different profiles: their times cannot be compared."""

    def __init__(self, rows: int) -> None:
        self.rows = rows
        super().__init__(f"{rows} profiles differ: compare reference.profiles with marts.profiles")


def measure(folder: Path, *, people: int) -> list[Ratio]:
    """The ratios for so many persons with twenty events each."""
    ratios, _ = measure_profiles(folder, persons=people, events=EVENTS_PER_PERSON * people)
    return ratios


def measure_profiles(folder: Path, *, persons: int, events: int) -> tuple[list[Ratio], list[str]]:
    """Build all profiles, then again after a day with one per cent of new events.

    Returns:
        The ratios, and what the slowest models of the second build took.

    Raises:
        DifferentProfilesError: The script's profiles are not dbt's.
    """
    start = _build_twice(
        folder / "few", persons=FEW_PERSONS, events=FEW_PERSONS * EVENTS_PER_PERSON
    )
    built = _build_twice(folder / "profiles", persons=persons, events=events)
    full, again = built.full_s - start.full_s, built.again_s - start.again_s
    size = f"{persons:,} persons, {events:,} events"
    return [
        Ratio(f"profiles of {size}", built.full_s, "one SQL script", built.script_s, None),
        Ratio(
            "profiles a day and 1 % more events later",
            built.again_s, "one SQL script", built.script_again_s, None,
        ),
        Ratio("dbt's own start, in both", start.again_s, "all profiles", built.full_s, None),
        Ratio("the day's, without the start", again, "all, without the start", full,
              BUDGET_INCREMENT),
    ], list(built.slowest)  # fmt: skip


def _build_twice(folder: Path, *, persons: int, events: int) -> Builds:
    path = folder / "warehouse.duckdb"  # dbt knows the database by this name
    path.parent.mkdir()
    make_people(path, persons=persons, events=events)
    full, _ = _build(path)
    script = processor_seconds(lambda: _run_script(path))
    _compare(path)
    pass_a_day(path)
    add_events(path, persons=persons, first=events, last=events + events // 100)
    again, slowest = _build(path)
    script_again = processor_seconds(lambda: _run_script(path))
    _compare(path)
    return Builds(full, again, script, script_again, tuple(slowest))


def _build(path: Path) -> tuple[float, list[str]]:
    parsed = parsed_project()
    place = Workplace(parsed.project, path, path.parent / "target")
    manifest = load_manifest(parsed)
    results: list[Any] = []

    def run() -> None:
        done = run_dbt(
            # No JSON, as in the builds of `candor run`.
            ["run", "--no-write-json", "--select", *BUILT],
            place,
            manifest=manifest,
        )
        assert done.success, [
            result.message for result in done.result if result.status != "success"
        ]
        results.extend(done.result)

    took = processor_seconds(run)
    slowest = sorted(results, key=lambda result: -result.execution_time)[:6]
    return took, [f"{one.node.name}: {one.execution_time:.1f} s" for one in slowest]


def _run_script(path: Path) -> None:
    with DuckDBWarehouse.open(path) as warehouse:
        warehouse.execute("create schema if not exists reference")
        warehouse.execute(SCRIPT.read_text(encoding="utf-8"))


def _compare(path: Path) -> None:
    with DuckDBWarehouse.open(path) as warehouse:
        names = warehouse.read("select * from reference.profiles limit 0").column_names
        listed = ", ".join(names)
        ours, theirs = (f"select {listed} from {s}.profiles" for s in ("marts", "reference"))
        rows = warehouse.scalar(
            f"select count(*) from (({ours} except {theirs}) union all ({theirs} except {ours}))"
        )
    if rows:
        raise DifferentProfilesError(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--persons", type=int, default=1_000_000)
    parser.add_argument("--events", type=int, default=20_000_000)
    parser.add_argument("--folder", type=Path, help="where to write; gigabytes for many events")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        ratios, slowest = measure_profiles(
            Path(folder), persons=options.persons, events=options.events
        )
    for ratio in ratios:
        print(*ratio.cells(), sep=" | ")
    print("slowest models of the second build:", *slowest, sep="\n  ")


if __name__ == "__main__":
    main()
