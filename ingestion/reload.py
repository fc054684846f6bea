"""Load files again in place of what they brought before, one transaction a batch.

``raw.loads.reload`` says which files are to be loaded again. Each batch forgets the earlier loads
of its files and loads the files anew in one transaction, so that a kill leaves every batch either
as it was or as it shall be, and the next run goes on with those that are still marked.

A landing file may still hold rows that were deleted for their age: ``retention_due`` says that they
may be back, until whoever loads has deleted them again.

A file that is loaded again keeps the time at which it was loaded first: which version of a record
is the latest, since when a consent is known and how long a row is kept all hang on it.

Where a forgotten row does not come back, its copy in another file takes its place. Which copies a
file held is not written down, so the files that had copies and may have held this one are loaded
again too. That ends: a file gives the same rows the second time, and then nothing is lost by it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import pyarrow as pa

from ingestion.accounting import FileCount
from ingestion.config import SourcesConfig
from ingestion.earlier_loads import KeptOrders, KnownLoad, Reload, named_apart, read_loads
from ingestion.files import LandingFile, describe_file, source_files
from ingestion.inventory import (
    CONTRACT_VIOLATIONS,
    DROPPED_LOADS,
    EVENTS,
    LOADS,
    QUARANTINE,
    TABLES,
    table_of,
)
from ingestion.received_dates import received_date
from warehouse import Table, Warehouse, quoted

_FORGOTTEN, _LOST, _OUTRANKED, _TIMES = (
    "candor_forgotten", "candor_lost_rows", "candor_outranked", "candor_times",
)  # fmt: skip


class Missing(StrEnum):
    """Why a file cannot be loaded again."""

    UNDECLARED = "its source is no longer in sources.yml"
    GONE = "the file is no longer in the landing folder"
    CHANGED = "the file was changed after it was loaded"


@dataclass(frozen=True, slots=True)
class Again:
    """A landing file that is loaded in place of earlier loads, of which there is at least one."""

    file: LandingFile
    replaced: tuple[KnownLoad, ...]

    @property
    def loaded_at(self) -> datetime:
        """When it was loaded first."""
        return min(load.loaded_at for load in self.replaced)

    @property
    def kept_orders(self) -> KeptOrders | None:
        """How its dates are to be read, where an erasure took rows out of it."""
        kept = (
            KeptOrders(orders, has_changed=load.file_hash != self.file.digest)
            for load in self._of_its_place
            if (orders := load.kept_orders) is not None
        )
        return next(kept, None)

    @property
    def is_rewritten(self) -> bool:
        """Whether an erasure took rows out of it, or of what it was before it changed."""
        return any(load.is_rewritten for load in self._of_its_place)

    @property
    def _of_its_place(self) -> Sequence[KnownLoad]:
        """The loads of this very file first, then those of what lay in its place."""
        same = [load for load in self.replaced if load.file_hash == self.file.digest]
        return [*same, *(load for load in self.replaced if load.file == self.file.name)]


@dataclass(frozen=True, slots=True)
class Reloaded:
    """What became of the rows of a file that was loaded again."""

    again: Again
    count: FileCount

    @property
    def recovered(self) -> int:
        """How many more rows are good than before; negative where more are refused."""
        before = sum(load.good for load in self.again.replaced)
        return self.count.rows_loaded + self.count.rows_deduplicated - before


@dataclass(frozen=True, slots=True)
class Kept:
    """A load that was left as it stood, because its file cannot be loaded again."""

    load: KnownLoad
    reason: str


@dataclass(frozen=True, slots=True)
class ReloadReport:
    """What was loaded again, and what could not be."""

    reloaded: tuple[Reloaded, ...] = ()
    kept: tuple[Kept, ...] = ()

    @property
    def recovered(self) -> int:
        """Rows that had been refused and are good now."""
        return sum(max(one.recovered, 0) for one in self.reloaded)

    @property
    def newly_refused(self) -> int:
        """Rows that had been good and are refused now."""
        return sum(max(-one.recovered, 0) for one in self.reloaded)


@dataclass(frozen=True, slots=True)
class Finder:
    """Finds the landing file of an earlier load."""

    config: SourcesConfig
    landing: Path
    _by_digest: dict[str, Mapping[str, LandingFile]] = field(default_factory=dict)

    def find(self, load: KnownLoad) -> LandingFile | Missing:
        """The file as it may be loaded again, or why there is none."""
        if load.source not in self.config.sources:
            return Missing.UNDECLARED
        path = self.landing / load.file
        is_there = path.is_file()
        if is_there:
            file = describe_file(load.source, path, self.landing)
            if file.digest == load.file_hash or _takes_its_place(file, load):
                return file
        moved = self._files_of(load.source).get(load.file_hash)
        return moved or (Missing.CHANGED if is_there else Missing.GONE)

    def _files_of(self, source: str) -> Mapping[str, LandingFile]:
        if source not in self._by_digest:
            lenient = self.config.sources[source].model_copy(update={"optional": True})
            paths = source_files(source, lenient, self.landing)
            files = [describe_file(source, path, self.landing) for path in paths]
            self._by_digest[source] = {file.digest: file for file in files}
        return self._by_digest[source]


def _takes_its_place(file: LandingFile, load: KnownLoad) -> bool:
    same_day = received_date(file.name, file.modified_at) == load.received_date
    return load.reload == Reload.DAY and same_day


def asked_files(warehouse: Warehouse, finder: Finder) -> tuple[Sequence[Again], Sequence[Kept]]:
    """The files that are to be loaded again, and the marked loads whose file is not there."""
    marked = read_loads(warehouse, "reload is not null")
    if not marked:
        return (), ()
    places = [(load, finder.find(load)) for load in marked]
    kept = [Kept(load, place) for load, place in places if isinstance(place, Missing)]
    files: dict[tuple[str, ...], LandingFile] = {}
    replaced: dict[tuple[str, ...], dict[str, KnownLoad]] = {}
    for load, place in places:
        if isinstance(place, LandingFile):
            files[_told_once(load, place)] = place
            replaced.setdefault(_told_once(load, place), {})[load.load_id] = load
    everything = read_loads(warehouse)
    for load in everything:  # a load of the same events, under another name
        if (load.source, load.file_hash) in files:
            replaced[load.source, load.file_hash][load.load_id] = load
    taken = {load.load_id for load in everything}
    return [
        Again(named_apart(file, taken - set(replaced[known])), tuple(replaced[known].values()))
        for known, file in files.items()
    ], kept


def _told_once(load: KnownLoad, file: LandingFile) -> tuple[str, ...]:
    """What tells loads apart that are to be one: events of one content are the same events.

    Records say what held on their day: of one content each load stands for itself, but those of a
    day that is loaded as a whole.
    """
    if table_of(load.kind) is EVENTS:
        return file.source, file.digest
    once = load.load_id if load.reload == Reload.SAME else load.received_date.isoformat()
    return file.source, file.digest, once


@dataclass(frozen=True, slots=True)
class Exchange:
    """Puts the loads of files in place of their earlier ones.

    Attributes:
        warehouse: The engine.
        again: The files by the id that their load will have.
    """

    warehouse: Warehouse
    again: Mapping[str, Again]

    @contextmanager
    def around(self, files: Sequence[LandingFile], kind: str) -> Iterator[None]:
        """Forget the earlier loads; load inside; then let every copy be where it belongs."""
        earlier = [load for file in files for load in self.again[file.load_id].replaced]
        load_ids = [file.load_id for file in files]
        tables = forget_loads(self.warehouse, earlier)
        yield
        _give_back_times(self.warehouse, [self.again[load_id] for load_id in load_ids])
        rewritten = [load_id for load_id in load_ids if self.again[load_id].is_rewritten]
        self.warehouse.execute(
            f"update {LOADS.name.sql} set retention_due = true, "
            "is_rewritten = case when list_contains($rewritten::varchar[], load_id) then true end "
            "where list_contains($ids, load_id)",
            {"ids": load_ids, "rewritten": rewritten},
        )
        if table_of(kind) is not EVENTS:
            _settle_copies(self.warehouse, table_of(kind), load_ids)
        ask_for_copies(self.warehouse, tables, besides=load_ids)


def forget_loads(warehouse: Warehouse, loads: Sequence[KnownLoad]) -> Sequence[Table]:
    """Take away all that loads brought, inside the caller's transaction.

    Returns:
        The tables that lost rows by it; the keys of the rows that went are noted for
        :func:`ask_for_copies`.
    """
    gone = {"ids": [load.load_id for load in loads]}
    emptied = [table for table in FILLED if _note_keys(warehouse, table, gone)]
    for table in (*emptied, *_ABOUT_LOADS):
        warehouse.execute(f"delete from {table.name.sql} where list_contains($ids, load_id)", gone)
    return emptied


def _note_keys(warehouse: Warehouse, table: Table, gone: Mapping[str, object]) -> bool:
    """Note the keys of the rows that loads brought into a table; whether there are any."""
    warehouse.execute(
        f"create or replace temp table {_noted(table)} as select {_key_of(table)}, loaded_at "
        f"from {table.name.sql} where list_contains($ids, load_id)",
        gone,
    )
    return bool(warehouse.scalar(f"select count(*) from {_noted(table)}"))


# What is told of a load, and what sources fill.
_ABOUT_LOADS = (LOADS, QUARANTINE, CONTRACT_VIOLATIONS)
FILLED = tuple(
    table
    for table in TABLES
    if "load_id" in table.column_names and table not in (*_ABOUT_LOADS, DROPPED_LOADS)
)


def ask_for_copies(
    warehouse: Warehouse, tables: Sequence[Table], *, besides: Sequence[str] = ()
) -> None:
    """Mark the loads that may hold copies of forgotten rows which did not come back.

    Args:
        warehouse: The engine.
        tables: The tables that lost rows, see :func:`forget_loads`.
        besides: Loads that need not be looked at: they were loaded just now.
    """
    for table in tables:
        warehouse.execute(
            f"create or replace temp table {_LOST} as select * from {_noted(table)} "
            f"anti join {table.name.sql} using ({_key_of(table)})"
        )
        if warehouse.scalar(f"select count(*) from {_LOST}"):
            _mark_holders(warehouse, table, besides)


def _mark_holders(warehouse: Warehouse, table: Table, besides: Sequence[str]) -> None:
    kinds = warehouse.read(f"select distinct kind from {LOADS.name.sql}")["kind"].to_pylist()
    # Of an event the copy that was received first stands, whenever it was loaded; of a record the
    # one that was loaded first, so a copy came no earlier.
    later = "true" if table is EVENTS else f"loaded_at >= (select min(loaded_at) from {_LOST})"
    same = f"source in (select source from {_LOST})" if "source" in table.key else "true"
    warehouse.execute(
        f"""
        update {LOADS.name.sql} set reload = '{Reload.SAME}'
        where reload is null and rows_deduplicated > 0 and list_contains($kinds, kind)
            and not list_contains($besides, load_id) and {later} and {same}
        """,
        {"kinds": [kind for kind in kinds if table_of(kind) is table], "besides": list(besides)},
    )


def _settle_copies(warehouse: Warehouse, table: Table, load_ids: Sequence[str]) -> None:
    """Of records that a later load had stored, keep those that were loaded first."""
    key = _key_of(table)
    warehouse.execute(
        f"""
        create or replace temp table {_OUTRANKED} as
        select load_id, {key} from {table.name.sql} as stored
        semi join (
            select {key} from {table.name.sql} where list_contains($ids, load_id)
        ) as fresh using ({key})
        qualify row_number() over (partition by {key} order by loaded_at, file, load_id) > 1
        """,
        {"ids": list(load_ids)},
    )
    if not warehouse.scalar(f"select count(*) from {_OUTRANKED}"):
        return
    warehouse.execute(
        f"delete from {table.name.sql} where (load_id, {key}) in "
        f"(select (load_id, {key}) from {_OUTRANKED})"
    )
    warehouse.execute(
        f"""
        update {LOADS.name.sql} as loads
        set rows_loaded = loads.rows_loaded - copies.n,
            rows_deduplicated = loads.rows_deduplicated + copies.n
        from (select load_id, count(*) as n from {_OUTRANKED} group by load_id) as copies
        where loads.load_id = copies.load_id
        """
    )


def _give_back_times(warehouse: Warehouse, again: Sequence[Again]) -> None:
    """Let what is told of the loads say when they were first."""
    times: dict[str, Any] = {
        "load_id": [one.file.load_id for one in again],
        "first": pa.array([one.loaded_at for one in again], pa.timestamp("us")),
    }
    with warehouse.view(_TIMES, pa.table(times)):
        for name in (LOADS.name, CONTRACT_VIOLATIONS.name):
            warehouse.execute(
                f"update {name.sql} as rows set loaded_at = times.first from {_TIMES} as times "
                "where rows.load_id = times.load_id and rows.loaded_at <> times.first"
            )


def _noted(table: Table) -> str:
    return f"{_FORGOTTEN}_{table.name.name}"


def _key_of(table: Table) -> str:
    return ", ".join(quoted(name) for name in table.key)
