"""Redo, drop and restore a day: all files of a source that came on one date.

Afterwards the tables are as if the day had come once, or never.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa

from ingestion.accounting import prepare_tables
from ingestion.config import SourcesConfig
from ingestion.earlier_loads import KnownLoad, Reload, ask_again, read_loads
from ingestion.errors import UnknownDayError
from ingestion.inventory import DROPPED_LOADS, LOADS
from ingestion.load import LoadContext, load_again
from ingestion.reload import Finder, Kept, Missing, ReloadReport, ask_for_copies, forget_loads
from warehouse import Warehouse


@dataclass(frozen=True, slots=True)
class Day:
    """A date, of one source or of all.

    Attributes:
        received_date: When the files came.
        source: Whose files; None for those of every source.
    """

    received_date: date
    source: str | None = None

    @property
    def condition(self) -> str:
        """What a row of ``raw.loads`` or ``raw.dropped_loads`` of this day fulfils."""
        return "received_date = $day and ($source is null or source = $source)"

    @property
    def parameters(self) -> Mapping[str, object]:
        """The parameters of the condition."""
        return {"day": self.received_date, "source": self.source}


@dataclass(frozen=True, slots=True)
class DayReport:
    """What was done to a day.

    Attributes:
        files: Files of the day that were loaded again, or dropped.
        rows: Rows that they brought, or that went.
        reload: Of all files that were loaded again, those of other days with copies among them.
    """

    files: int
    rows: int
    reload: ReloadReport


def list_days(warehouse: Warehouse) -> pa.Table:
    """One row per day and source, latest first: files, rows, and whether it was dropped."""
    prepare_tables(warehouse)
    return warehouse.read(
        f"""
        select received_date, source,
            count(*) as files, sum(rows_in)::bigint as rows_in,
            sum(rows_loaded)::bigint as rows_loaded,
            sum(rows_deduplicated)::bigint as rows_deduplicated,
            sum(rows_quarantined)::bigint as rows_quarantined, null::timestamp as dropped_at
        from {LOADS.name.sql} group by all
        union all
        select received_date, source, count(*), null, null, null, null, max(dropped_at)
        from {DROPPED_LOADS.name.sql} group by all
        order by received_date desc, source, dropped_at
        """
    )


def irrecoverable_files(
    warehouse: Warehouse, config: SourcesConfig, landing: Path, day: Day
) -> Sequence[str]:
    """Names of the day's files that are gone or changed: once dropped, they do not come back."""
    finder = Finder(config, landing)
    return [
        load.file for load in loads_of(warehouse, day) if isinstance(finder.find(load), Missing)
    ]


def loads_of(warehouse: Warehouse, day: Day) -> Sequence[KnownLoad]:
    """What was loaded of a day.

    Raises:
        UnknownDayError: Nothing was.
    """
    prepare_tables(warehouse)
    loads = read_loads(warehouse, day.condition, day.parameters)
    if not loads:
        raise UnknownDayError(day.received_date, day.source)
    return loads


def redo_day(context: LoadContext, config: SourcesConfig, landing: Path, day: Day) -> DayReport:
    """Forget what the day brought and load its files again, as they are now.

    A file that took the place of another on the same day replaces it. What a file brought that is
    gone stays.

    Raises:
        UnknownDayError: Nothing was loaded of the day.
    """
    loads = loads_of(context.warehouse, day)
    ask_again(context.warehouse, [load.load_id for load in loads], Reload.DAY)
    return _report(loads, load_again(context, config, landing))


def drop_day(context: LoadContext, config: SourcesConfig, landing: Path, day: Day) -> DayReport:
    """Forget what the day brought, and load nothing of it until it is restored.

    Raises:
        UnknownDayError: Nothing was loaded of the day.
    """
    warehouse = context.warehouse
    loads = loads_of(warehouse, day)
    rows = warehouse.scalar(
        f"select sum(rows_loaded)::bigint from {LOADS.name.sql} where {day.condition}",
        day.parameters,
    )
    with warehouse.transaction():
        warehouse.append(DROPPED_LOADS.name, _dropped(loads, context))
        ask_for_copies(warehouse, forget_loads(warehouse, loads))
    return DayReport(len(loads), rows, load_again(context, config, landing))


def restore_day(context: LoadContext, config: SourcesConfig, landing: Path, day: Day) -> DayReport:
    """Load the files of a dropped day again, as if it had never been dropped.

    Raises:
        UnknownDayError: The day was not dropped.
    """
    warehouse = context.warehouse
    prepare_tables(warehouse)
    loads = _dropped_loads(warehouse, day)
    if not loads:
        raise UnknownDayError(day.received_date, day.source, dropped=True)
    finder = Finder(config, landing)
    places = [(load, finder.find(load)) for load in loads]
    there = [load for load, place in places if not isinstance(place, Missing)]
    with warehouse.transaction():
        warehouse.append(LOADS.name, _empty_loads(there))
        warehouse.execute(
            f"delete from {DROPPED_LOADS.name.sql} where {day.condition}", day.parameters
        )
    report = _report(there, load_again(context, config, landing))
    gone = [Kept(load, place) for load, place in places if isinstance(place, Missing)]
    kept = (*gone, *report.reload.kept)
    return replace(report, reload=replace(report.reload, kept=kept))


def _report(loads: Sequence[KnownLoad], reload: ReloadReport) -> DayReport:
    """What became of these loads; a file that copies called for twice counts as it is now."""
    asked = {load.load_id for load in loads}
    rows = {
        one.count.file.load_id: one.count.rows_loaded
        for one in reload.reloaded
        if asked & {load.load_id for load in one.again.replaced}
    }
    return DayReport(len(rows), sum(rows.values()), reload)


def _dropped(loads: Sequence[KnownLoad], context: LoadContext) -> pa.Table:
    names = ("load_id", "source", "kind", "file", "file_hash", "received_date", "loaded_at")
    columns: dict[str, Any] = {name: [getattr(load, name) for load in loads] for name in names}
    columns |= _dates_read(loads)
    columns["dropped_at"] = [context.now] * len(loads)
    return pa.table(columns)


def _dropped_loads(warehouse: Warehouse, day: Day) -> Sequence[KnownLoad]:
    rows = warehouse.read(
        f"""
        select load_id, source, kind, file, file_hash, received_date, loaded_at, 0 as good,
            '{Reload.DAY}' as reload, date_orders, is_rewritten
        from {DROPPED_LOADS.name.sql} where {day.condition} order by loaded_at, source, file, load_id
        """,
        day.parameters,
    )
    return [KnownLoad(**row) for row in rows.to_pylist()]


def _empty_loads(loads: Sequence[KnownLoad]) -> pa.Table:
    """Loads that brought nothing and are to be loaded again."""
    columns: dict[str, Any] = {
        name: [getattr(load, name) for load in loads]
        for name in ("load_id", "source", "kind", "file", "file_hash", "reload")
    }
    columns |= {
        name: pa.array([getattr(load, name) for load in loads], of)
        for name, of in (("received_date", pa.date32()), ("loaded_at", pa.timestamp("us")))
    }
    columns |= _dates_read(loads)
    counts = ("rows_in", "rows_loaded", "rows_deduplicated", "rows_quarantined")
    return pa.table(columns | {name: pa.array([0] * len(loads), pa.int64()) for name in counts})


def _dates_read(loads: Sequence[KnownLoad]) -> Mapping[str, pa.Array]:
    """How the dates of the files are to be read when they come back."""
    return {
        "date_orders": pa.array([load.date_orders for load in loads], pa.string()),
        "is_rewritten": pa.array([load.is_rewritten for load in loads], pa.bool_()),
    }
