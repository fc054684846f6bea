"""What became of the rows of each file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

import pyarrow as pa

from ingestion.field_values import DateOrder
from ingestion.files import LandingFile, digest_of
from ingestion.inventory import CONTRACT_VIOLATIONS, DROPPED_LOADS, LOADS, QUARANTINE, TABLES
from ingestion.received_dates import received_date
from warehouse import Table, Warehouse, quoted


@dataclass(frozen=True, slots=True)
class FileCount:
    """Rows of one file; rows_in is the sum of the three others.

    ``absent_fields`` are the mapped fields that no line has, of a file in JSON lines;
    ``unread_values`` how many rows that are not refused have a value that cannot be read, by field;
    ``date_orders`` what its dates told of their order, by field; None where they were not asked.
    """

    file: LandingFile
    rows_in: int
    rows_loaded: int
    rows_deduplicated: int
    rows_quarantined: int
    absent_fields: tuple[str, ...] = ()
    unread_values: Mapping[str, int] = field(default_factory=dict)
    date_orders: Mapping[str, DateOrder] | None = None


def write_loads(
    warehouse: Warehouse, kind: str, counts: Sequence[FileCount], now: datetime
) -> None:
    """Remember the files as loaded, and when their refused rows were judged."""
    rows = {
        "load_id": [count.file.load_id for count in counts],
        "source": [count.file.source for count in counts],
        "kind": [kind] * len(counts),
        "file": [count.file.name for count in counts],
        "file_hash": [count.file.digest for count in counts],
        "rows_in": [count.rows_in for count in counts],
        "rows_loaded": [count.rows_loaded for count in counts],
        "rows_deduplicated": [count.rows_deduplicated for count in counts],
        "rows_quarantined": [count.rows_quarantined for count in counts],
        "loaded_at": pa.array([now] * len(counts), pa.timestamp("us")),
        "stored_at": pa.array([now] * len(counts), pa.timestamp("us")),
        "received_date": [
            received_date(count.file.name, count.file.modified_at) for count in counts
        ],
        "absent_fields": pa.array(
            [", ".join(count.absent_fields) or None for count in counts], pa.string()
        ),
        "unread_values": pa.array(
            [
                json.dumps(dict(count.unread_values)) if count.unread_values else None
                for count in counts
            ],
            pa.string(),
        ),
        "date_orders": pa.array([_told(count.date_orders) for count in counts], pa.string()),
    }
    warehouse.append(LOADS.name, pa.table(rows))
    refusing = [count.file.load_id for count in counts if count.rows_quarantined]
    if refusing:
        warehouse.execute(
            f"update {QUARANTINE.name.sql} set refused_at = $now "
            "where refused_at is null and list_contains($ids, load_id)",
            {"now": now, "ids": refusing},
        )


def _told(orders: Mapping[str, DateOrder] | None) -> str | None:
    """The orders that the dates of a file told, and where they told none, as JSON."""
    return None if orders is None else json.dumps(dict(orders), sort_keys=True)


def prepare_tables(warehouse: Warehouse) -> None:
    """Create the raw tables that are missing; every load in them says on which day it came.

    Loads that an earlier release wrote do not say it: they get the day that a load now would give
    their file. Whoever lists days, or acts on one, calls this first and sees the same days.
    """
    warehouse.create_missing(TABLES)
    undated = warehouse.read(
        f"select load_id, file, loaded_at from {LOADS.name.sql} where received_date is null"
    ).to_pylist()
    if not undated:
        return
    days = pa.table(
        {
            "load_id": [row["load_id"] for row in undated],
            "day": [received_date(row["file"], row["loaded_at"]) for row in undated],
        }
    )
    with warehouse.view("candor_days", days):
        warehouse.execute(
            f"update {LOADS.name.sql} as loads set received_date = days.day "
            "from candor_days as days where days.load_id = loads.load_id"
        )


def absent_fields(warehouse: Warehouse) -> Mapping[str, str]:
    """Mapped fields that no line has, by source, in the files that it brought last."""
    rows = warehouse.read(
        f"""
        with latest as (
            select source, absent_fields from {LOADS.name.sql}
            qualify loaded_at = max(loaded_at) over (partition by source)
        ),
        named as (
            select distinct source, unnest(string_split(absent_fields, ', ')) as field from latest
        )
        select source, string_agg(field, ', ' order by field) as fields
        from named group by source order by source
        """
    )
    return dict(zip(rows["source"].to_pylist(), rows["fields"].to_pylist(), strict=True))


def unread_values(warehouse: Warehouse) -> pa.Table:
    """How many values could not be read in the files that each source brought last.

    Returns:
        source, field, rows; only where there are some.
    """
    return warehouse.read(
        f"""
        with latest as (
            select source, unread_values from {LOADS.name.sql}
            qualify loaded_at = max(loaded_at) over (partition by source)
        ),
        named as (
            select source, unread_values, unnest(json_keys(unread_values)) as field from latest
        )
        select source, field,
            sum(json_extract_string(unread_values, '$."' || field || '"')::bigint)::bigint as rows
        from named group by source, field order by source, field
        """
    )


def dropped_days(warehouse: Warehouse) -> frozenset[tuple[str, date]]:
    """Sources and days of which nothing is to be loaded."""
    rows = warehouse.read(f"select distinct source, received_date from {DROPPED_LOADS.name.sql}")
    return frozenset((row["source"], row["received_date"]) for row in rows.to_pylist())


def dropped_files(warehouse: Warehouse) -> frozenset[tuple[str, str, str]]:
    """Source, name and hash of files that were dropped: with another date they stay out as well."""
    rows = warehouse.read(f"select distinct source, file, file_hash from {DROPPED_LOADS.name.sql}")
    return frozenset((row["source"], row["file"], row["file_hash"]) for row in rows.to_pylist())


def forget_unread_files(warehouse: Warehouse, landing: Path) -> None:
    """Forget the loads of files that could not be read and that are gone or others by now.

    Nothing came of them, so nothing but their count is lost; one that comes back is a new file.
    """
    rows = warehouse.read(
        f"select load_id, file, file_hash from {LOADS.name.sql} semi join (select load_id "
        f"from {QUARANTINE.name.sql} where code = 'unreadable_file') as refused using (load_id)"
    ).to_pylist()
    gone = [row["load_id"] for row in rows if not _is_as_it_was(landing / row["file"], row)]
    if not gone:
        return
    with warehouse.transaction():
        for table in (QUARANTINE, LOADS):
            forgotten = f"delete from {table.name.sql} where list_contains($ids, load_id)"
            warehouse.execute(forgotten, {"ids": gone})


def _is_as_it_was(path: Path, load: Mapping[str, str]) -> bool:
    try:
        return digest_of(path) == load["file_hash"]
    except FileNotFoundError:
        return False
    except OSError:  # a folder, or nothing that this user may read
        return True


def forget_rows(
    warehouse: Warehouse, gone: Mapping[Path, pa.Table], hashes: Mapping[Path, str]
) -> None:
    """Put the warehouse in step with files that were rewritten, in one transaction.

    What the rows of the files brought goes from the raw tables, from the quarantine and from the
    violations of the tracking plan, the counts of their loads follow, and the loads know the new
    files.

    Args:
        warehouse: The engine.
        gone: The rows that each file lost: source, file_hash, line, row_key.
        hashes: SHA-256 of each new file.
    """
    if not gone:
        return
    rows = [
        table.append_column("new_hash", pa.array([hashes[path]] * len(table), pa.string()))
        for path, table in gone.items()
    ]
    with warehouse.transaction(), warehouse.view("candor_gone", pa.concat_tables(rows)):
        warehouse.execute("create or replace temp table candor_lost (load_id varchar, n bigint)")
        for table in TABLES:
            if table.subjects:
                _delete_rows(warehouse, table)
        warehouse.execute(f"create or replace temp table candor_recounted as {_RECOUNTED}")
        for place in (QUARANTINE, CONTRACT_VIOLATIONS):
            warehouse.execute(_forget_lines_sql(place))
            warehouse.execute(_renumber_sql(place))
        warehouse.execute(_RECOUNT)
        warehouse.execute(_NOTE_DROPPED)


def _delete_rows(warehouse: Warehouse, table: Table) -> None:
    """Delete the rows of a table that lines gone from files had brought."""
    keys = [name for name in table.key if name != "record_hash"]
    gone = ", ".join("row_key" if name != "source" else "source" for name in keys)
    theirs = f"({', '.join(quoted(name) for name in keys)}) in (select ({gone}) from candor_gone)"
    if len(keys) == 1:
        theirs = f"{quoted(keys[0])} in (select row_key from candor_gone)"
    warehouse.execute(
        f"insert into candor_lost select load_id, count(*) from {table.name.sql} where {theirs} "
        "group by load_id"
    )
    warehouse.execute(f"delete from {table.name.sql} where {theirs}")


# Of each load: lines that its file lost, refused ones among them, rows that its table lost. What
# is neither refused nor in a table was a copy.
_RECOUNTED = f"""
    with lines as (
        select source, file_hash, any_value(new_hash) as new_hash,
            -- A row with an empty key had brought nothing to count.
            count(distinct (line, coalesce(row_key, 'none')))
                filter (row_key is distinct from '') as n
        from candor_gone group by all
    ),
    refused as (
        select quarantine.load_id, count(*) as n
        from {QUARANTINE.name.sql} as quarantine
        inner join {LOADS.name.sql} as loads using (load_id)
        semi join candor_gone as gone on gone.source = loads.source
            and gone.file_hash = loads.file_hash and gone.line = quarantine.line
        group by all
    ),
    stored as (select load_id, sum(n)::bigint as n from candor_lost group by all),
    counted as (
        select loads.load_id, lines.new_hash, loads.rows_deduplicated,
            coalesce(refused.n, 0) as refused, coalesce(stored.n, 0) as stored,
            greatest(coalesce(lines.n, 0) - coalesce(refused.n, 0) - coalesce(stored.n, 0), 0)
                as others
        from {LOADS.name.sql} as loads
        left join lines using (source, file_hash)
        left join refused using (load_id)
        left join stored using (load_id)
    )
    select load_id, new_hash, refused,
        least(others, rows_deduplicated) as copies,
        stored + others - least(others, rows_deduplicated) as stored
    from counted where new_hash is not null or refused + stored > 0
"""


def _gone_lines_sql(place: Table) -> str:
    """Of each line that a table points to: whether it is gone, and how many above it are."""
    return f"""
    with pointed as (select distinct load_id, line from {place.name.sql})
    select pointed.load_id, pointed.line, count(*) filter (gone.line = pointed.line) as here,
        count(*) filter (gone.line < pointed.line and lower(loads.file) like '%.parquet') as above
    from pointed inner join {LOADS.name.sql} as loads using (load_id)
    inner join (select distinct source, file_hash, line from candor_gone) as gone
        on gone.source = loads.source and gone.file_hash = loads.file_hash
        and gone.line <= pointed.line
    group by all
    """


def _forget_lines_sql(place: Table) -> str:
    return (
        f"delete from {place.name.sql} where (load_id, line) in "
        f"(select (load_id, line) from ({_gone_lines_sql(place)}) where here > 0)"
    )


def _renumber_sql(place: Table) -> str:
    """Text files keep their lines; the rows of a Parquet file move up."""
    return (
        f"update {place.name.sql} as pointing set line = pointing.line - moved.above "
        f"from ({_gone_lines_sql(place)}) as moved "
        "where moved.load_id = pointing.load_id and moved.line = pointing.line and moved.above > 0"
    )


_RECOUNT = f"""
    update {LOADS.name.sql} as loads set
        rows_in = loads.rows_in - counted.refused - counted.copies - counted.stored,
        rows_loaded = loads.rows_loaded - counted.stored,
        rows_deduplicated = loads.rows_deduplicated - counted.copies,
        rows_quarantined = loads.rows_quarantined - counted.refused,
        file_hash = coalesce(counted.new_hash, loads.file_hash),
        is_rewritten = loads.is_rewritten or counted.new_hash is not null
    from candor_recounted as counted where counted.load_id = loads.load_id
"""

# A file of a day that was dropped is rewritten like the others.
_NOTE_DROPPED = f"""
    update {DROPPED_LOADS.name.sql} as dropped set file_hash = gone.new_hash, is_rewritten = true
    from (select distinct source, file_hash, new_hash from candor_gone) as gone
    where gone.source = dropped.source and gone.file_hash = dropped.file_hash
"""
