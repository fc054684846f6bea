"""One measured ratio, and the sample company that benchmarks share."""

from __future__ import annotations

import re
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sample import make_sample

SEED = 5


@dataclass(frozen=True, slots=True)
class Ratio:
    """Seconds of ours and of a named reference; the budget for their quotient, None without one."""

    what: str
    ours_s: float
    reference: str
    reference_s: float
    budget: float | None

    def cells(self) -> tuple[str, ...]:
        return (
            self.what,
            f"{self.ours_s:.1f}",
            self.reference,
            f"{self.reference_s:.1f}",
            f"{self.ours_s / self.reference_s:.2f}",
            "" if self.budget is None else f"{self.budget:.2f}",
        )


def seconds(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def processor_seconds(act: Callable[[], object]) -> float:
    """What this process used, user and system: others on the machine do not count."""
    began = _used()
    act()
    return _used() - began


def _used() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def peak_bytes() -> int:
    """The most memory that was resident in this process, on Linux.

    ``getrusage`` tells more: of a new process it counts what the one that started it held.
    """
    told = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    if told is None:
        raise OSError("/proc/self/status tells no VmHWM: run this on Linux")
    return int(told[1]) * 1024


def sample_landing(folder: Path, people: int) -> Path:
    """The landing folder of a sample company, made once per run."""
    landing = folder / f"landing-{people}"
    if not landing.exists():
        make_sample(people=people, seed=SEED, out=landing, truth=folder / f"truth-{people}")
    return landing
