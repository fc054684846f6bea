"""Remove landing files that are older than they may be."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa

from ingestion.errors import UnknownRetentionSourceError
from ingestion.files import describe_file, name_of, source_files
from ingestion.inventory import LOADS, QUARANTINE
from ingestion.landing import LandingLocation
from ingestion.received_dates import received_date


@dataclass(frozen=True, slots=True)
class OldFiles:
    """What became of the old files of one source.

    Attributes:
        source: The source.
        days: Days that its files are kept.
        deleted: Files that went.
        held: Files that stay because somebody under a legal hold is in them.
        unread: Files that stay because they were not loaded as they are, or cannot be read.
        failed: Files that stay because they may not be removed, as in a folder that is read-only.
    """

    source: str
    days: int
    deleted: int
    held: int
    unread: int
    failed: int = 0


def remove_old_files(
    location: LandingLocation,
    days: Mapping[str, int],
    *,
    held: pa.Table,
    now: datetime,
    dry_run: bool = False,
) -> tuple[OldFiles, ...]:
    """Remove files that were received longer ago than their source's files are kept.

    The newest file of a source stays whatever its age: without it the source is missing. What was
    not loaded yet, or changed since, stays too, and so do files that cannot be read and those of
    sources that declare ``erase: report``: they are not ours to change. Tables keep their rows.

    Args:
        location: The landing files.
        days: Days by source; a source that is not named keeps its files.
        held: Keys ``(kind, value)`` of persons under a legal hold.
        now: The moment from which age is counted, UTC without a zone.
        dry_run: Count what would go, and remove nothing.

    Raises:
        UnknownRetentionSourceError: Sources are named that do not exist; nothing was removed.
    """
    if unknown := sorted(set(days) - set(location.config.sources)):
        raise UnknownRetentionSourceError(unknown, sorted(location.config.sources))
    old = {name: _old(location, name, kept, now.date()) for name, kept in sorted(days.items())}
    reasons = _reasons(location, old, held)
    due = {path for path, why in reasons.items() if why is None}
    gone = {path for path in sorted(due) if dry_run or _removes(path, location.landing)}
    return tuple(
        OldFiles(
            name, days[name], len(paths & gone),
            sum(reasons[path] == "held" for path in paths),
            sum(reasons[path] == "unread" for path in paths),
            len(paths & due - gone),
        )
        for name, paths in old.items()
    )  # fmt: skip


def _removes(path: Path, landing: Path) -> bool:
    """Remove a file, and say whether that could be done; one that stays stops no other."""
    try:
        path.unlink()
    except OSError:
        return False
    with suppress(OSError):  # a folder that stays empty does no harm
        _remove_empty_folders(path.parent, landing)
    return True


def _old(location: LandingLocation, name: str, days: int, today: date) -> set[Path]:
    """The files of a source that are too old, but for its newest one."""
    lenient = location.config.sources[name].model_copy(update={"optional": True})
    dated = sorted(
        (_received(location, path), path) for path in source_files(name, lenient, location.landing)
    )
    return {path for received, path in dated[:-1] if received < today - timedelta(days=days)}


def _received(location: LandingLocation, path: Path) -> date:
    written = datetime.fromtimestamp(path.stat().st_mtime, UTC).replace(tzinfo=None)
    return received_date(name_of(path, location.landing), written)


def _reasons(
    location: LandingLocation, old: Mapping[str, set[Path]], held: pa.Table
) -> dict[Path, str | None]:
    """Why each old file stays; None for those that go."""
    paths = set().union(*old.values())
    kept = {
        path
        for name, source in location.config.sources.items()
        for path in source_files(
            name, source.model_copy(update={"optional": True}), location.landing
        )
        if path not in old.get(name, set())
    }
    # Whoever is held may be in any file; to look is to read them all.
    holding = _holding(location, held) if paths and held.num_rows else set()
    return {path: _reason(location, path, old, kept, holding) for path in paths}


def _reason(
    location: LandingLocation,
    path: Path,
    old: Mapping[str, set[Path]],
    kept: set[Path],
    holding: set[str],
) -> str | None:
    if path in kept:  # another source still needs it
        return "kept"
    if name_of(path, location.landing) in holding:
        return "held"
    names = [name for name, paths in old.items() if path in paths]
    if any(location.config.sources[name].erase == "report" for name in names):
        return "kept"
    return None if all(_is_loaded(location, name, path) for name in names) else "unread"


def _holding(location: LandingLocation, held: pa.Table) -> set[str]:
    prefix = f"{location.name}/"
    return {trace.location.removeprefix(prefix) for trace in location.find(held) if trace.rows}


def _is_loaded(location: LandingLocation, name: str, path: Path) -> bool:
    """Whether its rows were read; a file that could not be read has a load as well."""
    digest = describe_file(name, path, location.landing).digest
    found = location.warehouse.scalar(
        f"select count(*) from {LOADS.name.sql} where source = $source and file_hash = $hash "
        f"and load_id not in (select load_id from {QUARANTINE.name.sql} "
        "where code = 'unreadable_file')",
        {"source": name, "hash": digest},
    )
    return bool(found)


def _remove_empty_folders(folder: Path, landing: Path) -> None:
    while folder != landing and folder.is_relative_to(landing) and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent
