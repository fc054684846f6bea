"""One run at a time in a data home, whoever started it: the UI, a schedule or a person."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from warehouse import hold_lock


@contextmanager
def hold_run_lock(home: Path, *, wait_s: float = 30.0) -> Iterator[None]:
    """Hold the home for a whole run.

    Raises:
        WarehouseBusyError: Another run held it for longer than ``wait_s`` seconds.
    """
    with hold_lock(home / "run", wait_s=wait_s):
        yield
