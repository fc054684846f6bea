"""Load every new landing file: rows in = loaded + deduplicated + quarantined, for each file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from ingestion import load_events, load_records
from ingestion.accounting import FileCount, write_loads
from ingestion.config import EventSource, RecordSource, SourcesConfig
from ingestion.errors import EmptySourceError, UnreadableFileError
from ingestion.files import LandingFile, describe_file, source_files
from ingestion.formats import FORMATS
from ingestion.inventory import AS_OF, LOADS, QUARANTINE, TABLES
from ingestion.mail_domains import write_mail_domains
from ingestion.rewrite import finish_rewrites
from warehouse import Warehouse

# Files loaded in one transaction, by their size on disk: a kill repeats at most this much.
BATCH_BYTES = 128 * 1024 * 1024

# Why a whole file is refused: the one row that stands for it.
UNREADABLE_FILE = "unreadable_file"

Progress = Callable[[str, float | None], None]


class SuppressionCheck(Protocol):
    """Tells which identifiers belong to people who were erased."""

    def __call__(self, identifiers: pa.Table, /) -> pa.Table:
        """Return the rows of ``(kind, value)`` that are suppressed; values are normalised."""


@dataclass(frozen=True, slots=True)
class LoadContext:
    """What every load of one run shares."""

    warehouse: Warehouse
    now: datetime
    is_suppressed: SuppressionCheck
    default_region: str


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What one run loaded.

    Attributes:
        counts: One per file that was new.
        unreadable: Files that could not be read, with the reason; each is one quarantined row.
        as_of: The moment up to which the warehouse knows now; None while it is empty.
    """

    counts: tuple[FileCount, ...] = ()
    unreadable: tuple[str, ...] = ()
    as_of: datetime | None = None

    @property
    def files(self) -> int:
        """How many files were new."""
        return len(self.counts)

    @property
    def rows_in(self) -> int:
        """Rows of the new files."""
        return sum(count.rows_in for count in self.counts)

    @property
    def rows_loaded(self) -> int:
        """Rows that were added."""
        return sum(count.rows_loaded for count in self.counts)

    @property
    def rows_deduplicated(self) -> int:
        """Rows that stood there already."""
        return sum(count.rows_deduplicated for count in self.counts)

    @property
    def rows_quarantined(self) -> int:
        """Rows refused with a reason."""
        return sum(count.rows_quarantined for count in self.counts)


@dataclass(slots=True)
class _Run:
    context: LoadContext
    counts: list[FileCount] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)


def load_landing(
    warehouse: Warehouse,
    config: SourcesConfig,
    landing: Path,
    *,
    now: datetime,
    is_suppressed: SuppressionCheck,
    progress: Progress | None = None,
) -> IngestReport:
    """Load what is new in the landing folder and note up to when the warehouse knows.

    Files are known by content: one that was loaded before is skipped wherever it lies. A file that
    changed is a new one, of which the rows that are known count as copies. What a file brought
    stays when the file goes. One that is not what its name says is quarantined whole; the others go
    on. One that this user may not read is not even known by content, and ends the load.

    Args:
        warehouse: The engine.
        config: What the files are.
        landing: Where they are.
        now: Time to record and to judge clocks by, UTC without a zone.
        is_suppressed: Asked about every identifier before a row is stored.
        progress: Told the step and the share of it that is done.

    Raises:
        MissingSourceError: A source that is not optional has no file.
        EmptySourceError: A source that is not optional has no row; the others are loaded.
        UnreadableFileError: This user may not read a file; nothing is loaded.
        WrongColumnError: A file lacks a column that its source maps; nothing of it is loaded.
    """
    warehouse.create_missing(TABLES)
    write_mail_domains(warehouse)
    finish_rewrites(warehouse, landing)
    context = LoadContext(warehouse, now, is_suppressed, config.default_region)
    run = _Run(context)
    waiting = list(_new_files(warehouse, config, landing))
    done, total = 0, max(sum(file.path.stat().st_size for _, file in waiting), 1)
    for source, batch in _batches(config, waiting):
        _load_batch(run, source, batch)
        done += sum(file.path.stat().st_size for file in batch)
        if progress is not None:
            progress("Reading landing files", done / total)
    _refuse_empty_sources(warehouse, config)
    known = _known_up_to(warehouse, now)
    if known is not None:
        warehouse.replace(AS_OF.name, "select $as_of::timestamp as as_of", {"as_of": known})
    return IngestReport(tuple(run.counts), tuple(run.unreadable), known)


def _refuse_empty_sources(warehouse: Warehouse, config: SourcesConfig) -> None:
    """Stop before an export that was cut off empties audiences and destinations."""
    empty = warehouse.read(
        f"select source from {LOADS.name.sql} group by source having sum(rows_in) = 0"
    )["source"].to_pylist()
    wanted = {name for name, source in config.sources.items() if not source.optional}
    refused = sorted(wanted.intersection(empty))
    if refused:
        raise EmptySourceError(refused)


def new_files(warehouse: Warehouse, config: SourcesConfig, landing: Path) -> tuple[str, ...]:
    """Names of the landing files that a load would read now."""
    return tuple(file.name for _, file in _new_files(warehouse, config, landing))


def _new_files(
    warehouse: Warehouse, config: SourcesConfig, landing: Path
) -> Iterator[tuple[str, LandingFile]]:
    known = warehouse.read(f"select load_id, source, file_hash from {LOADS.name.sql}").to_pylist()
    seen = {(row["source"], row["file_hash"]) for row in known}
    load_ids = {row["load_id"] for row in known}
    for name, source in config.sources.items():
        for path in source_files(name, source, landing):
            file = describe_file(name, path, landing)
            if (name, file.digest) not in seen:
                seen.add((name, file.digest))
                yield name, _unlike(file, load_ids)


def _unlike(file: LandingFile, load_ids: AbstractSet[str]) -> LandingFile:
    """The file with a load id that no earlier load has."""
    while file.load_id in load_ids:
        file = replace(file, earlier_loads=file.earlier_loads + 1)
    return file


def _batches(
    config: SourcesConfig, waiting: Sequence[tuple[str, LandingFile]]
) -> Iterator[tuple[EventSource | RecordSource, list[LandingFile]]]:
    """Group event files by size; a record file stands alone."""
    batch: list[LandingFile] = []
    size = 0
    for name, file in waiting:
        is_full = size >= BATCH_BYTES or config.sources[name].kind != "segment"
        if batch and (is_full or batch[-1].source != name):
            yield config.sources[batch[-1].source], batch
            batch, size = [], 0
        batch.append(file)
        size += file.path.stat().st_size
    if batch:
        yield config.sources[batch[-1].source], batch


def _load_batch(run: _Run, source: EventSource | RecordSource, files: list[LandingFile]) -> None:
    """Load the files in one transaction; where one cannot be read, each by itself."""
    try:
        with run.context.warehouse.transaction():
            counts = _load(run.context, source, files)
            write_loads(run.context.warehouse, source.kind, counts, run.context.now)
    except UnreadableFileError as error:
        if len(files) > 1:
            for file in files:
                _load_batch(run, source, [file])
            return
        counts = [_quarantine_file(run, source.kind, files[0], error)]
    run.counts.extend(counts)


def _load(
    context: LoadContext, source: EventSource | RecordSource, files: list[LandingFile]
) -> list[FileCount]:
    if isinstance(source, EventSource):
        return load_events.load_events(context, FORMATS[source.kind], files)
    return [load_records.load_records(context, source, file) for file in files]


def _quarantine_file(
    run: _Run, kind: str, file: LandingFile, error: UnreadableFileError
) -> FileCount:
    """Count a file that cannot be read as one refused row."""
    count = FileCount(file, rows_in=1, rows_loaded=0, rows_deduplicated=0, rows_quarantined=1)
    warehouse = run.context.warehouse
    with warehouse.transaction():
        row = {
            "load_id": [file.load_id], "source": [file.source], "file": [file.name],
            "line": pa.array([None], pa.int64()), "code": [UNREADABLE_FILE],
            "reason": [f"the file cannot be read: {error.reason}"],
        }  # fmt: skip
        warehouse.append(QUARANTINE.name, pa.table(row))
        write_loads(warehouse, kind, [count], run.context.now)
    run.unreadable.append(str(error))
    return count


def _known_up_to(warehouse: Warehouse, now: datetime) -> datetime | None:
    """The midnight after the last event received; without events, after the newest record."""
    latest = warehouse.scalar(
        """
        select coalesce(
            (select max(coalesce(received_at, "timestamp")) from raw.events),
            (select max(coalesce(record_updated_at, record_created_at)) from raw.person_records),
            (select max(loaded_at) from raw.loads)
        )
        """
    )
    if latest is None:
        return None
    midnight = datetime.combine(latest.date(), datetime.min.time()) + timedelta(days=1)
    return min(midnight, now)
