"""dbt's log as the data home keeps it: what dbt did, and why it failed, without values of rows.

dbt's own log file repeats the engine's errors as they are, and those quote what they could not
convert or divide. So dbt writes none, and what it tells is written here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from warehouse import without_values

LEVELS = frozenset({"info", "warn", "error"})


class DbtLog:
    """Called by dbt with each event; adds a line to the log.

    Args:
        folder: Where ``dbt.log`` lies; made when missing.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / "dbt.log"
        self._path.touch(mode=0o600)

    def __call__(self, event: Any) -> None:
        """Write down one event, in one call as dbt has several threads."""
        told = event.info
        if told.level in LEVELS and told.msg:
            at = told.ts.ToDatetime().isoformat(timespec="milliseconds")
            with self._path.open("a", encoding="utf-8") as log:
                log.write(f"{at} [{told.level}] {without_values(told.msg)}\n")
