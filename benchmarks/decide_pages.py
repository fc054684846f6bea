"""Deciding pages at 200,000 persons: publish the artefact, then ask it at random.

python -m benchmarks.decide_pages [--people 200000] [--items 2000]
"""

from __future__ import annotations

import argparse
import random
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from time import perf_counter, thread_time

from rich.console import Console

from personalization import DecisionLog, DecisionRequest, decide, decide_and_log
from tests.personalization.serving import AT, Site, experiments

REQUESTS = 20_000
BUDGET_MS = 5.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=200_000)
    parser.add_argument("--items", type=int, default=2_000)
    options = parser.parse_args()
    console = Console()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        began = perf_counter()
        site = Site.published(folder, people=options.people, items=options.items)
        console.print(f"choose and publish: {perf_counter() - began:.1f} s")
        began = perf_counter()
        site.publish(experiments())
        console.print(f"publish alone: {perf_counter() - began:.1f} s")
        console.print(f"artefact: {site.path.stat().st_size / 1e6:.0f} MB")
        began = perf_counter()
        with closing(site.open()) as artefact:
            console.print(f"open: {1e3 * (perf_counter() - began):.1f} ms")
            log = DecisionLog(folder / "log")
            pages = list(_pages(options.people))
            _tell(console, "decide", [_took(lambda r=r: decide(r, artefact)) for r in pages])
            logged = [_took(lambda r=r: decide_and_log(r, artefact, log)) for r in pages]
            _tell(console, "decide and log", logged)


def _pages(people: int) -> list[DecisionRequest]:
    chance = random.Random(5)
    return [
        DecisionRequest(
            request_id=f"page-{number}",
            slot=chance.choice(["home", "mail", "hero"]),
            at=AT,
            anonymous_id=f"browser-p{chance.randrange(people):05d}",
            topic=chance.choice([None, "seo", "crm"]),
        )
        for number in range(REQUESTS)
    ]


def _took(act: Callable[[], object]) -> tuple[float, float]:
    """Milliseconds by the clock and of the processor."""
    began, worked = perf_counter(), thread_time()
    act()
    return 1e3 * (perf_counter() - began), 1e3 * (thread_time() - worked)


def _tell(console: Console, what: str, taken: list[tuple[float, float]]) -> None:
    for name, milliseconds in zip(("clock", "processor"), zip(*taken, strict=True), strict=True):
        ordered = sorted(milliseconds)
        p50, p99 = (ordered[int(len(ordered) * share)] for share in (0.5, 0.99))
        console.print(
            f"{what}, {name}: p50 {p50:.2f} ms, p99 {p99:.2f} ms, worst {ordered[-1]:.1f} ms "
            f"(budget: p99 below {BUDGET_MS:.0f} ms)"
        )


if __name__ == "__main__":
    main()
