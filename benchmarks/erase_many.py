"""Erasing 1,000 persons in one job, against erasing one: 100,000 persons, 2,000,000 events."""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.erase_home import NOW, ask_erasures, make_home
from benchmarks.measured import Ratio
from orchestration.company import Company
from orchestration.erasure import carry_out
from settings import Paths

BUDGET = 2.0
EVENTS_PER_PERSON = 20
# Of a hundred persons one asks.
PERSONS_PER_REQUEST = 100


@dataclass(frozen=True, slots=True)
class Erased:
    """One job.

    Attributes:
        wall_s: Seconds by the clock.
        cpu_s: Seconds of processor time, of the user and the system.
        peak_bytes: The most memory that was resident.
        receipts: Requests that were completed.
        steps: Seconds of processor time of each step.
    """

    wall_s: float
    cpu_s: float
    peak_bytes: int
    receipts: int
    steps: dict[str, float]


def measure(folder: Path, *, people: int) -> Ratio:
    """Erase one of a hundred persons in one job, and one person in another, from the same home."""
    requests = people // PERSONS_PER_REQUEST
    one, many = erase_both(
        folder / "erasing", persons=people, events=EVENTS_PER_PERSON * people, requests=requests
    )
    return _ratios(one, many, requests)[1]


def erase_both(folder: Path, *, persons: int, events: int, requests: int) -> tuple[Erased, Erased]:
    """Make a home, and erase from it and from a copy of it."""
    home = make_home(folder, persons=persons, events=events).home
    jobs = []
    for count in (1, requests):
        shutil.copytree(home, folder / f"home-{count}")
        paths = _paths(folder, count)
        ask_erasures(paths, persons=persons, requests=count)
        jobs.append(_erase_in_child(folder, count))
        shutil.rmtree(paths.home)
    return jobs[0], jobs[1]


def _paths(folder: Path, requests: int) -> Paths:
    home = folder / f"home-{requests}"
    return Paths(folder / "config", home, home / "landing")


def _erase_in_child(folder: Path, requests: int) -> Erased:
    command = [
        sys.executable,
        "-W",
        "ignore",
        "-m",
        "benchmarks.erase_many",
        "--child",
        str(folder),
    ]
    done = subprocess.run(
        [*command, "--requests", str(requests)], check=True, stdout=subprocess.PIPE, text=True
    )
    erased = Erased(**json.loads(done.stdout.splitlines()[-1]))
    assert erased.receipts == requests, erased  # what is not finished has no speed
    return erased


def _child(folder: Path, requests: int) -> Erased:
    company, began, cpu = Company(_paths(folder, requests)), time.perf_counter(), _cpu_s()
    moments = [("Opening the home", cpu)]
    report = carry_out(company, only=(), run_id="benchmark", now=NOW, progress=_noting(moments))
    wall_s, cpu_s = time.perf_counter() - began, _cpu_s() - cpu
    # Linux tells KiB.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    moments.append(("", cpu + cpu_s))
    steps: dict[str, float] = {}
    for (name, start), (_, end) in pairwise(moments):
        steps[name] = steps.get(name, 0.0) + end - start
    return Erased(wall_s, cpu_s, peak, len(report.erasures.receipts), steps)


def _noting(moments: list[tuple[str, float]]) -> Callable[[str], None]:
    return lambda step: moments.append((step, _cpu_s()))


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _ratios(one: Erased, many: Erased, requests: int) -> tuple[Ratio, Ratio]:
    what = f"erase {requests:,} persons in one job"
    return (
        Ratio(f"{what}, clock", many.wall_s, "one person", one.wall_s, BUDGET),
        Ratio(f"{what}, processor time", many.cpu_s, "one person", one.cpu_s, BUDGET),
    )


def main() -> None:
    """Measure alone, at the size of the budget."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--persons", type=int, default=100_000)
    parser.add_argument("--events", type=int, default=2_000_000)
    parser.add_argument("--requests", type=int, default=1_000)
    parser.add_argument("--folder", type=Path, help="where to write; gigabytes for many events")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        print(json.dumps(asdict(_child(asked.child, asked.requests))))
        return
    with TemporaryDirectory(dir=asked.folder) as folder:
        one, many = erase_both(
            Path(folder) / "erasing",
            persons=asked.persons, events=asked.events, requests=asked.requests,
        )  # fmt: skip
    for ratio in _ratios(one, many, asked.requests):
        print(*ratio.cells(), sep=" | ")
    print(f"at most {one.peak_bytes / 2**30:.2f} and {many.peak_bytes / 2**30:.2f} GiB resident")
    print("processor time of the steps, of one person and of all:")
    for step in many.steps:
        print(f"  {step}: {one.steps.get(step, 0.0):.1f} s and {many.steps[step]:.1f} s")


if __name__ == "__main__":
    main()
