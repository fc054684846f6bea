"""One run at a time in a data home, whoever started it: the UI, a schedule or a person."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from orchestration.progress import announce
from warehouse import WarehouseBusyError, hold_lock


@contextmanager
def hold_run_lock(home: Path, *, wait_s: float = 30.0) -> Iterator[None]:
    """Hold the home for a whole run; whoever must wait is told for whom.

    Raises:
        WarehouseBusyError: Another run held it for longer than ``wait_s`` seconds.
    """
    with hold_or_wait(home / "run", wait_s=wait_s, until="to end its run"):
        yield


@contextmanager
def hold_if_idle(home: Path) -> Iterator[bool]:
    """Hold the home where no run has it, without waiting; yields whether it is held so."""
    with ExitStack() as held:
        try:
            held.enter_context(hold_lock(home / "run", wait_s=0))
            is_idle = True
        except WarehouseBusyError:
            is_idle = False
        yield is_idle


@contextmanager
def hold_or_wait(path: Path, *, wait_s: float, until: str) -> Iterator[None]:
    """Hold the lock of a file; where another process has it, announce whom we wait for.

    Args:
        path: What the lock is of.
        wait_s: How long to wait, in seconds.
        until: What the other process must do, as the end of a sentence.

    Raises:
        WarehouseBusyError: Another process held it for longer than ``wait_s``.
    """
    with ExitStack() as held:
        try:
            held.enter_context(hold_lock(path, wait_s=0))
        except WarehouseBusyError as busy:
            announce(f"Waiting up to {wait_s:.0f} s for {busy.holder} {until}")
            held.enter_context(hold_lock(path, wait_s=wait_s))
        yield
