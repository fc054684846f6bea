"""A refresh with nothing new, against the budget of a minute."""

from __future__ import annotations

from pathlib import Path

from benchmarks.measured import Ratio, sample_landing, seconds
from orchestration.run import run_job
from settings import Paths

BUDGET_S = 60.0


def measure(folder: Path, *, people: int) -> Ratio:
    """Run the refresh job twice on a sample company; the second run is measured."""
    landing = sample_landing(folder, people)
    paths = Paths.resolve({}, home=folder / "home-refresh", landing=landing)
    run_job(paths, "refresh")
    ours = seconds(lambda: run_job(paths, "refresh"))
    return Ratio("a refresh with nothing new", ours, "the budget", BUDGET_S, budget=1.0)
