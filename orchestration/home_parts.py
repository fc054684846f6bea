"""The parts of a data home: what nobody has declared might hold somebody unseen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from orchestration.home_copy import COPIES
from settings import Paths

# Each is searched for traces, and somewhere is a place to erase from; keys hold nobody.
FOLDERS = (
    "artifacts", "dagster", "dbt", "pull", "requests", "privacy", "archives", "serving", "keys",
)  # fmt: skip
# What Candor writes beside its folders, the engine's own files included.
_FILES = (
    *(
        f"warehouse.{kind}{suffix}"
        for kind in ("duckdb", "compacting")
        # A process that is killed while it checkpoints leaves the last two; the next one clears up.
        for suffix in ("", ".wal", ".tmp", ".wal.checkpoint", ".wal.recovery")
    ),
    "warehouse.lock", "warehouse.holder", "run.lock", "run.holder", "restore.json", "restore.new",
)  # fmt: skip


def undeclared_parts(paths: Paths, named: Iterable[Path]) -> Sequence[str]:
    """Say that the data home holds what is none of its parts; empty where all is declared.

    The names are not repeated: they may name somebody.

    Args:
        paths: Where the company is; the configuration and the landing folder may lie in the home.
        named: Files and folders that the configuration names.
    """
    inside = (paths.config, paths.landing, *named)
    own = {
        path.relative_to(paths.home).parts[0]
        for path in inside
        if path.is_relative_to(paths.home) and path != paths.home
    }
    known = {*FOLDERS, *_FILES, *own}
    strange = [
        path
        for path in paths.home.iterdir()
        if path.name not in known and not path.name.startswith(COPIES)
    ]
    listed = ", ".join(sorted(FOLDERS))
    reason = (
        f"{len(strange)} files or folders of the data home are none of its parts ({listed}): nobody "
        "has said what they hold, move them out"
    )
    return (reason,) if strange else ()
