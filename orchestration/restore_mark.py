"""The mark of a data home that was restored, and what may work in it until it is gone.

``request_ids`` says how far the restore is: None while files are copied and it is not known who must
be erased; the ids of their erasures; none at all once those are done, and only the tables that dbt
builds are still those of the backup, without the objections of later.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from orchestration.errors import RestoreUnfinishedError
from settings import Paths

# The jobs that may run in a home that is being restored.
PRIVACY_JOB, REFRESH_JOB = "run_privacy_requests", "refresh"


def refuse_unfinished_restore(paths: Paths, *, job: str | None = None) -> None:
    """Let nothing work in such a home but what ends the restore.

    Args:
        paths: Where the company is.
        job: What is to run; None for anything else.

    Raises:
        RestoreUnfinishedError: It was restored, and must be made whole first.
    """
    mark = read_mark(paths)
    if mark is None:
        return
    ids = mark["request_ids"]
    is_allowed = ids is not None and (job == PRIVACY_JOB or (job == REFRESH_JOB and not ids))
    if not is_allowed:
        raise RestoreUnfinishedError(paths.home, mark["backup"], is_erased=ids == [])


def refuse_erased_persons(paths: Paths) -> None:
    """Let nobody read a home that may hold persons who were erased.

    Raises:
        RestoreUnfinishedError: It was restored, and not all of them are gone.
    """
    mark = read_mark(paths)
    if mark is not None and mark["request_ids"] != []:
        raise RestoreUnfinishedError(paths.home, mark["backup"], is_erased=False)


def read_mark(paths: Paths) -> dict[str, Any] | None:
    """``backup`` and ``request_ids``; None where nothing was restored, or all of it is done."""
    path = _path(paths)
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else None


def write_mark(paths: Paths, backup: str, request_ids: Sequence[str] | None) -> None:
    """Mark the home; see the module for what ``request_ids`` says."""
    fresh = _path(paths).with_suffix(".new")
    ids = None if request_ids is None else list(request_ids)
    fresh.write_text(json.dumps({"backup": backup, "request_ids": ids}), encoding="utf-8")
    fresh.chmod(0o600)
    fresh.replace(_path(paths))


def remove_mark(paths: Paths) -> None:
    """Open the home for every run, once all marts were built anew; nothing where there is no mark."""
    _path(paths).unlink(missing_ok=True)


def _path(paths: Paths) -> Path:
    return paths.home / "restore.json"
