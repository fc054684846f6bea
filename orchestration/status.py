"""What the warehouse holds, for a person who asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from ingestion import LandingLocation
from orchestration.company import Company
from warehouse import TableName, Warehouse


@dataclass(frozen=True, slots=True)
class Status:
    """Counts of a warehouse.

    Attributes:
        as_of: The moment up to which the warehouse knows; None before the first load.
        loads: One row per source: files, rows in, loaded, deduplicated, quarantined.
        tables: One row per stored table: name and rows.
        persons: How many persons are known now.
    """

    as_of: datetime | None
    loads: pa.Table
    tables: pa.Table
    persons: int

    @property
    def filled_tables(self) -> pa.Table:
        """The tables that hold rows, without those between others (schema ``intermediate``)."""
        is_between = pc.starts_with(pc.field("table"), pattern="intermediate.")
        return self.tables.filter((pc.field("rows") > 0) & ~is_between)


def read_status(warehouse: Warehouse) -> Status:
    """Count what is there."""
    return Status(
        as_of=warehouse.scalar("select max(as_of) from raw.as_of"),
        loads=read_loads(warehouse),
        tables=_table_counts(warehouse),
        persons=warehouse.scalar("select count(*) from identity.persons where status = 'active'"),
    )


def read_loads(warehouse: Warehouse) -> pa.Table:
    """Sum the accounting of all loads by source."""
    return warehouse.read(
        """
        select source, count(*) as files, sum(rows_in)::bigint as rows_in,
               sum(rows_loaded)::bigint as loaded,
               sum(rows_deduplicated)::bigint as deduplicated,
               sum(rows_quarantined)::bigint as quarantined
        from raw.loads group by source order by source
        """
    )


def _table_counts(warehouse: Warehouse) -> pa.Table:
    stored = warehouse.read(
        "select table_schema, table_name from information_schema.tables "
        "where table_type = 'BASE TABLE' and table_catalog = current_database() "
        "and table_schema not in ('main', 'temp') order by all"
    ).to_pylist()
    names = [TableName(row["table_schema"], row["table_name"]) for row in stored]
    counts = [warehouse.scalar(f"select count(*) from {name.sql}") for name in names]
    return pa.table({"table": [str(name) for name in names], "rows": counts})


def unreadable_files(company: Company, warehouse: Warehouse) -> Sequence[str]:
    """Names of landing files that are set aside because they cannot be read."""
    return LandingLocation(warehouse, company.sources, company.paths.landing).unreadable_files()
