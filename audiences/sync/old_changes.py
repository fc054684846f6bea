"""Remove files of changes that file destinations were given longer ago than they are kept."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from audiences.inventory import BATCHES, ROW_RESULTS, TABLES
from audiences.sync.config import DestinationsConfig, FileSettings
from audiences.sync.destinations.files import BATCH_FILE
from warehouse import Warehouse

_FILES = "candor_files_of_changes"
_SCHEMA = pa.schema(
    [("file", pa.string()), ("batch_id", pa.string()), ("changed_at", pa.timestamp("us"))]
)


@dataclass(frozen=True, slots=True)
class OldChanges:
    """What became of the old files of one destination.

    Attributes:
        destination_key: The destination.
        deleted: Files that went.
        held: Files that stay because somebody under a legal hold is in them.
        failed: Files that stay because they may not be looked at or removed.
    """

    destination_key: str
    deleted: int
    held: int
    failed: int


def remove_old_changes(
    warehouse: Warehouse,
    config: DestinationsConfig,
    *,
    artifacts: Path,
    before: dt.datetime,
    held: Collection[str],
    dry_run: bool = False,
) -> tuple[OldChanges, ...]:
    """Remove files of changes whose batch was made before a moment; the members of today stay.

    Args:
        warehouse: The engine.
        config: What ``destinations.yml`` says.
        artifacts: The folder in which relative folders start.
        before: UTC without a zone.
        held: Ids of persons under a legal hold.
        dry_run: Count what would go, and remove nothing.
    """
    warehouse.create_missing(TABLES)
    return tuple(
        _remove(warehouse, key, artifacts / settings.folder, before, held, dry_run=dry_run)
        for key, settings in sorted(config.destinations.items())
        if isinstance(settings, FileSettings)
    )


def _remove(
    warehouse: Warehouse,
    key: str,
    folder: Path,
    before: dt.datetime,
    held: Collection[str],
    *,
    dry_run: bool,
) -> OldChanges:
    changes, unseen = _changes(folder)
    files = pa.Table.from_pylist(changes, schema=_SCHEMA)
    with warehouse.view(_FILES, files):
        old = warehouse.read(_OLD, {"before": before, "held": list(held)}).to_pylist()
    due = [Path(row["file"]) for row in old if not row["is_held"]]
    removed = [dry_run or _remove_file(path) for path in due]
    return OldChanges(key, removed.count(True), len(old) - len(due), unseen + removed.count(False))


def _changes(folder: Path) -> tuple[list[dict[str, object]], int]:
    """The files of changes, and how many may not be looked at; who reads them may move them meanwhile."""
    files: list[dict[str, object]] = []
    unseen = 0
    for path in folder.glob("*/deltas/*.csv"):
        if not BATCH_FILE.fullmatch(path.name):
            continue
        try:
            written = path.lstat().st_mtime
        except FileNotFoundError:
            continue
        except OSError:
            unseen += 1
            continue
        changed_at = dt.datetime.fromtimestamp(written, tz=dt.UTC).replace(tzinfo=None)
        files.append({"file": str(path), "batch_id": path.stem, "changed_at": changed_at})
    return files, unseen


def _remove_file(path: Path) -> bool | None:
    """Whether it could be removed; None where somebody else did."""
    try:
        path.unlink()
    except FileNotFoundError:
        return None
    except OSError:
        return False
    return True


# An erasure writes a file anew, so the batch tells its age. Of one whose batch is forgotten nobody
# knows who is in it: it stays while anybody is held.
_OLD = f"""
    select files.file,
        case
            when batches.batch_id is null then len($held::varchar[]) > 0
            else exists (
                select 1 from {ROW_RESULTS.name.sql} as results
                where results.batch_id = files.batch_id
                    and list_contains($held::varchar[], results.person_id)
            )
        end as is_held
    from {_FILES} as files
    left join {BATCHES.name.sql} as batches using (batch_id)
    where coalesce(batches.created_at, files.changed_at) < $before
    order by files.file
"""
