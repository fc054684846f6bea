"""Loading events, against ``read_json`` and ``create table`` of the same files."""

from __future__ import annotations

import gzip
import json
from itertools import islice
from pathlib import Path

from benchmarks.event_lines import Written, write_events
from benchmarks.load_once import EVENT_FILES, EXAMPLE, Load, load_in_child
from benchmarks.measured import Ratio, sample_landing

BUDGET = 2.0
MEMORY_BUDGET_GIB = 4.0
# Loading new files into a full warehouse, against loading them into an empty one.
INCREMENT_BUDGET = 2.0
EXAMPLE_LINES = 20_000
NEW_SHARE = 0.01
_REFERENCE = "read_json, create table"


def measure(folder: Path, *, people: int) -> Ratio:
    """Load the sample company's events into two new database files, ours and the bare one."""
    landing = sample_landing(folder, people)
    bare, ours = _load_both(folder, landing)
    return Ratio(
        f"load {ours.rows_in:,} events", ours.wall_s, _REFERENCE, bare.wall_s, budget=BUDGET
    )


def measure_events(folder: Path, *, events: int) -> tuple[list[Ratio], list[str]]:
    """Load so many made events, then one per cent more; return the ratios and the memory taken."""
    landing, new_alone = folder / "landing", folder / "landing-new"
    written = write_events(landing / "events", events)
    bare, ours = _load_both(folder, landing)
    _check(ours, written)
    new = round(events * NEW_SHARE)
    for place in (landing, new_alone):
        write_events(place / "events", new, first=events)
    again = load_in_child("ours", folder / "events.duckdb", landing)
    alone = load_in_child("ours", folder / "new.duckdb", new_alone)
    ratios = [
        Ratio(f"load {events:,} events", ours.wall_s, _REFERENCE, bare.wall_s, BUDGET),
        Ratio("the same, processor time", ours.cpu_s, _REFERENCE, bare.cpu_s, BUDGET),
        Ratio(f"then {new:,} more", again.wall_s, "the same alone", alone.wall_s, INCREMENT_BUDGET),
        Ratio("the same, processor time", again.cpu_s, "alone", alone.cpu_s, INCREMENT_BUDGET),
    ]
    return ratios, [
        _memory("Candor", ours), _memory("Candor, one per cent more", again), _memory("bare", bare),
        f"the budget of resident memory is {MEMORY_BUDGET_GIB:.0f} GiB",
        f"the second run took {again.wall_s / ours.wall_s:.1%} of the first one's time",
    ]  # fmt: skip


def _load_both(folder: Path, landing: Path) -> tuple[Load, Load]:
    _write_example(landing)
    bare = load_in_child("bare", folder / "bare.duckdb", landing)
    (folder / "bare.duckdb").unlink()
    return bare, load_in_child("ours", folder / "events.duckdb", landing)


def _write_example(landing: Path) -> None:
    """Write good lines of the first file, for the reader to find its columns in."""
    first = min(landing.glob(EVENT_FILES))
    with gzip.open(first, "rb") as lines, (landing / EXAMPLE).open("wb") as target:
        target.writelines(line for line in islice(lines, EXAMPLE_LINES) if _is_good(line))


def _is_good(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def _check(done: Load, written: Written) -> None:
    """Stop where the accounting is not exact: a wrong load has no speed."""
    repeated = written.lines - written.broken - written.unique
    expected = (written.lines, written.unique, repeated, written.broken)
    found = (done.rows_in, done.loaded, done.deduplicated, done.quarantined)
    if found != expected:
        raise SystemExit(f"rows in, loaded, copies, refused are {found}, expected {expected}")


def _memory(who: str, load: Load) -> str:
    return f"{who}: at most {load.peak_bytes / 2**30:.2f} GiB resident"
