"""The mark of a data home that was restored and may still hold persons who were erased since."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from orchestration.errors import RestoreUnfinishedError
from settings import Paths


def refuse_unfinished_restore(paths: Paths) -> None:
    """Let nothing but erasures work in such a home.

    Raises:
        RestoreUnfinishedError: It was restored, and not all of them are gone.
    """
    if (mark := read_mark(paths)) is not None:
        raise RestoreUnfinishedError(paths.home, mark["backup"])


def read_mark(paths: Paths) -> dict[str, Any] | None:
    """``backup`` and ``request_ids``; None where nothing was restored, or all of it is done."""
    path = _path(paths)
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else None


def write_mark(paths: Paths, backup: str, request_ids: Sequence[str] | None) -> None:
    """Mark the home; ``request_ids`` is None while it is not known yet who must be erased in it."""
    fresh = _path(paths).with_suffix(".new")
    fresh.write_text(json.dumps({"backup": backup, "request_ids": request_ids}), encoding="utf-8")
    fresh.chmod(0o600)
    fresh.replace(_path(paths))


def remove_mark(paths: Paths) -> None:
    """Open the home for every run."""
    _path(paths).unlink()


def _path(paths: Paths) -> Path:
    return paths.home / "restore.json"
