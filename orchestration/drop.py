"""Lists of California's deletion platform: taken, matched again, answered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from orchestration.company import Company, utc_now
from orchestration.privacy_parts import carry_log, open_erasure, request_folder
from orchestration.run_lock import hold_run_lock
from privacy import Drop, DropReport, read_lists
from settings import Paths

T = TypeVar("T")


def take_lists(paths: Paths, file: Path, *, by: str) -> DropReport:
    """Read a download, and put an erasure into the drop folder for each person that it names.

    Erasures for which only items ask that their consumers took back are called off before, as
    long as they have not begun.

    Raises:
        DropFileError: It is no download of the platform.
        PersonalNoteError: The name of who reads it tells an address or telephone.
    """
    lists = read_lists(file)
    return _with_drop(paths, lambda drop: drop.take(lists), by=by)


def match_again(paths: Paths) -> DropReport:
    """Compare items that named nobody with who has come since."""
    return _with_drop(paths, lambda drop: drop.match_again())


def write_answers(paths: Paths, folder: Path) -> Mapping[str, int]:
    """Write the files to upload; return their rows, and how many items wait for an answer."""
    return _with_drop(paths, lambda drop: drop.answer(folder))


def _with_drop(paths: Paths, act: Callable[[Drop], T], *, by: str = "by hand") -> T:
    company = Company(paths)
    with hold_run_lock(paths.home), company.open_warehouse() as warehouse:
        context = open_erasure(
            company, warehouse, now=utc_now(), run_id="by hand", progress=lambda _message: None
        )
        done = act(Drop(context, company.consent, request_folder(paths), by))
        carry_log(company, warehouse)
        return done
