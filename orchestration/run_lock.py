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
    lock = home / "run"
    with ExitStack() as held:
        try:
            held.enter_context(hold_lock(lock, wait_s=0))
        except WarehouseBusyError as busy:
            announce(f"Waiting up to {wait_s:.0f} s for {busy.holder} to end its run")
            held.enter_context(hold_lock(lock, wait_s=wait_s))
        yield
