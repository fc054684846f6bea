"""The lock beside the file of a warehouse, which names the process that holds it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from warehouse.errors import WarehouseBusyError

# A refresh of a mid-sized company takes minutes; waiting half a minute rides out short readers
# without leaving a person in front of a silent terminal.
DEFAULT_WAIT_S = 30.0


@contextmanager
def hold_lock(path: Path, *, wait_s: float = DEFAULT_WAIT_S) -> Iterator[None]:
    """Hold the warehouse's lock without opening it, e.g. while dbt works on the file.

    The operating system frees the lock when its holder dies, so nothing is ever stale.

    Raises:
        WarehouseBusyError: Another process held it for longer than ``wait_s``.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    holder = path.with_suffix(".holder")
    lock = FileLock(path.with_suffix(".lock"), mode=0o600, is_singleton=True)
    try:
        lock.acquire(timeout=wait_s)
    except Timeout as error:
        raise WarehouseBusyError(path, _describe(holder), wait_s) from error
    try:
        holder.write_text(json.dumps({"pid": os.getpid(), "command": Path(sys.argv[0]).name}))
        yield
    finally:
        if lock.lock_counter == 1:
            holder.unlink(missing_ok=True)
        lock.release()


def _describe(holder: Path) -> str:
    try:
        facts = json.loads(holder.read_text())
    except (OSError, ValueError):
        return "another process"
    return f"process {facts['pid']} ({facts['command']})"
