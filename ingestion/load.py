"""Load every new landing file: rows in = loaded + deduplicated + quarantined, for each file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from ingestion import load_events, load_records
from ingestion.accounting import (
    FileCount,
    dropped_days,
    dropped_files,
    forget_unread_files,
    prepare_tables,
    write_loads,
)
from ingestion.config import EventSource, RecordSource, SourcesConfig
from ingestion.earlier_loads import KeptOrders, KnownLoad, keep
from ingestion.errors import (
    EmptySourceError,
    UnreadableFileError,
    WrongColumnError,
    WrongFilesError,
)
from ingestion.files import LandingFile, describe_file, refuse_missing_sources, source_files
from ingestion.formats import event_format
from ingestion.inventory import AS_OF, LOADS, QUARANTINE
from ingestion.known_files import KnownFiles
from ingestion.mail_domains import write_mail_domains
from ingestion.received_dates import received_date
from ingestion.reload import Exchange, Finder, Kept, Reloaded, ReloadReport, asked_files
from ingestion.rewrite import finish_rewrites
from ingestion.tracking_plan import TrackingPlan
from warehouse import Warehouse

# Files loaded in one transaction, by their size on disk: a kill repeats at most this much.
BATCH_BYTES = 128 * 1024 * 1024

# What the engine holds while it loads; left to itself, it keeps all that it wrote as far as there is
# memory. Blocks of lines come on top, about as much again.
MEMORY = "2 GiB"

# Why a whole file is refused: the one row that stands for it.
UNREADABLE_FILE = "unreadable_file"

Progress = Callable[[str, float | None], None]


class SuppressionCheck(Protocol):
    """Tells which identifiers belong to people who were erased."""

    def __call__(self, identifiers: pa.Table, /) -> pa.Table:
        """Return the rows of ``(kind, value)`` that are suppressed; values are normalised."""


@dataclass(frozen=True, slots=True)
class LoadContext:
    """What every load of one run shares.

    Attributes:
        warehouse: The engine.
        now: Time to record and to judge clocks by, UTC without a zone.
        is_suppressed: Asked about every identifier before a row is stored.
        default_region: ISO country of phone numbers that are written without one.
        plan: What events must be.
        first_loads: When files that are loaded again were loaded first, by the id of their load:
            what came later is a copy of it, not the other way round.
        kept_orders: How the dates are to be read of files out of which an erasure took rows, by the
            id of their load.
    """

    warehouse: Warehouse
    now: datetime
    is_suppressed: SuppressionCheck
    default_region: str
    plan: TrackingPlan | None = None
    first_loads: Mapping[str, datetime] = field(default_factory=dict)
    kept_orders: Mapping[str, KeptOrders] = field(default_factory=dict)


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
    def absent_fields(self) -> tuple[str, ...]:
        """Files in JSON lines with the mapped fields that none of their lines has, in words."""
        return tuple(
            f"{count.file.name}: no line has {', '.join(count.absent_fields)}"
            for count in self.counts
            if count.absent_fields
        )

    @property
    def unread_values(self) -> Mapping[tuple[str, str], int]:
        """How many values could not be read, by source and field."""
        counted: Counter[tuple[str, str]] = Counter()
        for count in self.counts:
            counted.update(
                {(count.file.source, name): n for name, n in count.unread_values.items()}
            )
        return dict(sorted(counted.items()))

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
    exchange: Exchange | None = None
    counts: list[FileCount] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    wrong: list[WrongColumnError] = field(default_factory=list)

    @contextmanager
    def transaction(self, files: Sequence[LandingFile], kind: str) -> Iterator[None]:
        """All or nothing of these files; of files that are loaded again, instead of before."""
        around = nullcontext() if self.exchange is None else self.exchange.around(files, kind)
        with self.context.warehouse.transaction(), around:
            yield

    def replaced(self, file: LandingFile) -> Sequence[KnownLoad]:
        """The earlier loads of a file."""
        return () if self.exchange is None else self.exchange.again[file.load_id].replaced


def load_landing(  # noqa: PLR0913 - each is something that only the caller knows
    warehouse: Warehouse,
    config: SourcesConfig,
    landing: Path,
    *,
    now: datetime,
    is_suppressed: SuppressionCheck,
    plan: TrackingPlan | None = None,
    mailbox_providers: Collection[str] = (),
    progress: Progress | None = None,
) -> IngestReport:
    """Load what is new in the landing folder and note up to when the warehouse knows.

    Files are known by content, see :mod:`ingestion.known_files`: one that was loaded before is
    skipped wherever it lies. A file that changed is a new one, of which the rows that are known
    count as copies. What a file brought
    stays when the file goes. One that is not what its name says is quarantined whole, until it is gone or repaired; the others go
    on. One that this user may not read is not even known by content, and ends the load.

    Args:
        warehouse: The engine.
        config: What the files are.
        landing: Where they are.
        now: Time to record and to judge clocks by, UTC without a zone.
        is_suppressed: Asked about every identifier before a row is stored.
        plan: What events must be; a file is judged by it when it is loaded.
        mailbox_providers: Domains that name no company, beside those that are known.
        progress: Told the step and the share of it that is done.

    Raises:
        MissingSourceError: A source that is not optional has no file.
        EmptySourceError: A source that is not optional has no row; the others are loaded.
        UnreadableFileError: This user may not read a file; nothing is loaded.
        WrongColumnError: A file lacks a column that its source maps; nothing of it is loaded, the
            others are.
        WrongFilesError: Several files do.
    """
    prepare_tables(warehouse)
    write_mail_domains(warehouse, mailbox_providers)
    finish_rewrites(warehouse, landing)
    context = LoadContext(warehouse, now, is_suppressed, config.default_region, plan)
    _load_again(context, config, landing)
    refuse_missing_sources(config, landing)
    forget_unread_files(warehouse, landing)
    run = _Run(context)
    waiting = list(_new_files(warehouse, config, landing))
    done, total = 0, max(sum(file.path.stat().st_size for _, file in waiting), 1)
    for source, batch in _batches(config, waiting):
        with warehouse.within_memory(MEMORY):
            _load_batch(run, source, batch)
        done += sum(file.path.stat().st_size for file in batch)
        if progress is not None:
            progress("Reading landing files", done / total)
    _refuse_wrong_files(run.wrong)
    _refuse_empty_sources(warehouse, config)
    known = _note_known_up_to(context)
    return IngestReport(tuple(run.counts), tuple(run.unreadable), known)


def load_again(context: LoadContext, config: SourcesConfig, landing: Path) -> ReloadReport:
    """Load every file again that is marked in ``raw.loads``, see :mod:`ingestion.reload`.

    Raises:
        UnreadableFileError: This user may not read a file; what is not done yet stays marked.
    """
    finish_rewrites(context.warehouse, landing)
    report = _load_again(context, config, landing)
    _note_known_up_to(context)
    return report


def _load_again(context: LoadContext, config: SourcesConfig, landing: Path) -> ReloadReport:
    finder = Finder(config, landing)
    reloaded: list[Reloaded] = []
    kept: list[Kept] = []
    while True:
        files, missing = asked_files(context.warehouse, finder)
        keep(context.warehouse, [one.load for one in missing])
        kept.extend(missing)
        if not files:
            return ReloadReport(tuple(reloaded), tuple(kept))
        again = {one.file.load_id: one for one in files}
        first = {load_id: one.loaded_at for load_id, one in again.items()}
        exchange = Exchange(context.warehouse, again)
        orders = {load_id: one.kept_orders for load_id, one in again.items()}
        told = {load_id: kept for load_id, kept in orders.items() if kept is not None}
        run = _Run(replace(context, first_loads=first, kept_orders=told), exchange)
        waiting = [(one.file.source, one.file) for one in files]
        for source, batch in _batches(config, sorted(waiting, key=lambda pair: pair[0])):
            kept.extend(_load_batch(run, source, batch))
        reloaded.extend(Reloaded(again[count.file.load_id], count) for count in run.counts)


def _note_known_up_to(context: LoadContext) -> datetime | None:
    """Write up to when the warehouse knows; leave it as it is while there is nothing."""
    known = _known_up_to(context.warehouse, context.now)
    if known is not None:
        sql = "select $as_of::timestamp as as_of"
        context.warehouse.replace(AS_OF.name, sql, {"as_of": known})
    return known


def _refuse_wrong_files(wrong: Sequence[WrongColumnError]) -> None:
    """Tell all files at once that were left out, when the others are loaded."""
    if len(wrong) == 1:
        raise wrong[0]
    if wrong:
        raise WrongFilesError(wrong)


def _refuse_empty_sources(warehouse: Warehouse, config: SourcesConfig) -> None:
    """Stop before an export that was cut off empties audiences and destinations."""
    filled = warehouse.read(
        f"select source from {LOADS.name.sql} group by source having sum(rows_in) > 0"
    )["source"].to_pylist()
    wanted = {name for name, source in config.sources.items() if not source.optional}
    refused = sorted(wanted.difference(filled))
    if refused:
        raise EmptySourceError(refused)


def new_files(warehouse: Warehouse, config: SourcesConfig, landing: Path) -> tuple[str, ...]:
    """Names of the landing files that a load would read now."""
    return tuple(file.name for _, file in _new_files(warehouse, config, landing))


def _new_files(
    warehouse: Warehouse, config: SourcesConfig, landing: Path
) -> Iterator[tuple[str, LandingFile]]:
    known = KnownFiles.read(warehouse)
    days, files = dropped_days(warehouse), dropped_files(warehouse)
    for name, source in config.sources.items():
        is_snapshot = isinstance(source, RecordSource)
        for path in source_files(name, source, landing):
            file = describe_file(name, path, landing)
            day = received_date(file.name, file.modified_at)
            is_dropped = (name, day) in days or (name, file.name, file.digest) in files
            if not is_dropped and known.is_new(file, day, is_snapshot=is_snapshot):
                yield name, known.add(file, day)


def _batches(
    config: SourcesConfig, waiting: Sequence[tuple[str, LandingFile]]
) -> Iterator[tuple[EventSource | RecordSource, list[LandingFile]]]:
    """Group event files by size; a record file stands alone."""
    batch: list[LandingFile] = []
    size = 0
    for name, file in waiting:
        is_full = size >= BATCH_BYTES or isinstance(config.sources[name], RecordSource)
        if batch and (is_full or batch[-1].source != name):
            yield config.sources[batch[-1].source], batch
            batch, size = [], 0
        batch.append(file)
        size += file.path.stat().st_size
    if batch:
        yield config.sources[batch[-1].source], batch


def _load_batch(
    run: _Run, source: EventSource | RecordSource, files: list[LandingFile]
) -> Sequence[Kept]:
    """Load the files in one transaction; where one cannot be read, each by itself.

    Returns:
        Files that were to be loaded again and that stay as they stood, for they lack a column.
    """
    try:
        with run.transaction(files, source.kind):
            counts = _load(run, source, files)
            write_loads(run.context.warehouse, source.kind, counts, run.context.now)
    except (UnreadableFileError, WrongColumnError) as error:
        if len(files) > 1:
            return [kept for file in files for kept in _load_batch(run, source, [file])]
        if isinstance(error, WrongColumnError):
            return _keep(run, files[0], error)
        counts = [_quarantine_file(run, source.kind, files[0], error)]
    run.counts.extend(counts)
    return ()


def _keep(run: _Run, file: LandingFile, error: WrongColumnError) -> Sequence[Kept]:
    """Leave a file that was to be loaded again as it stood; note one that was never loaded."""
    if run.exchange is None:
        run.wrong.append(error)
        return ()
    loads = run.replaced(file)
    keep(run.context.warehouse, loads)
    return [Kept(load, str(error)) for load in loads]


def _load(
    run: _Run, source: EventSource | RecordSource, files: list[LandingFile]
) -> list[FileCount]:
    if isinstance(source, EventSource):
        return load_events.load_events(
            run.context, event_format(source, run.context.kept_orders), files
        )
    return [load_records.load_records(run.context, source, file) for file in files]


def _quarantine_file(
    run: _Run, kind: str, file: LandingFile, error: UnreadableFileError
) -> FileCount:
    """Count a file that cannot be read as one refused row."""
    count = FileCount(file, rows_in=1, rows_loaded=0, rows_deduplicated=0, rows_quarantined=1)
    warehouse = run.context.warehouse
    with run.transaction([file], kind):
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
