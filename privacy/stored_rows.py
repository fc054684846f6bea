"""What is stored as rows: their values, and copies of the files that hold nothing else.

Databases keep what was deleted in their files, where no query reaches it, and in their bytes nothing
says where a value ends: ``ann@x.co`` beside ``marketing`` reads as ``ann@x.com`` does beside ``arketing``.
So what lies in such a file beside its rows is told by a copy that was made of these alone.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfile
from typing import IO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from warehouse import DuckDBWarehouse, TableName, Warehouse, quoted

_SQLITE = b"SQLite format 3"
# Others hold a SQLite file for the time of a statement; who waits longer leaves it as it is.
_LOCK_WAIT_S = 5
_WHY_KEPT = {
    sqlite3.SQLITE_BUSY: "another process is at work in it",
    sqlite3.SQLITE_FULL: "no space is left for its copy",
    sqlite3.SQLITE_READONLY: "it cannot be written",
}
_CHUNK_ROWS = 200_000
# Numbers, times and truth values hold none of the values that are sought, save whole numbers.
_SKIPPED_TYPES = ("BOOLEAN", "DOUBLE", "FLOAT", "DATE", "TIME", "TIMESTAMP", "INTERVAL")


# What else a database copies: names, comments, views, values of enums.
_DECLARED = """
    select concat_ws(' ', sql, comment) as text from duckdb_tables() where not internal
    union all select concat_ws(' ', sql, comment) from duckdb_views() where not internal
    union all select concat_ws(' ', sql, comment) from duckdb_indexes()
    union all select concat_ws(' ', sql, comment) from duckdb_sequences()
    union all select concat_ws(' ', schema_name, comment) from duckdb_schemas() where not internal
    union all select comment from duckdb_columns() where not internal
    union all select concat_ws(' ', type_name, comment, labels) from duckdb_types() where not internal
    union all
    select concat_ws(' ', function_name, comment, macro_definition, parameters, description)
    from duckdb_functions() where not internal
"""


@dataclass(frozen=True, slots=True)
class RowFormat:
    """A format of files of rows.

    Attributes:
        contents: Every value of such a file, as bytes.
        fresh: Writes a copy of its rows alone into a folder; returns where it is.
        is_copied: Whether a copy must be read: opening the file could take locks from others.
    """

    contents: Callable[[Path], Iterator[bytes]]
    fresh: Callable[[Path, Path], Path]
    is_copied: bool

    def readable(self, path: Path, folder: Path) -> Path:
        """The file itself, or a copy of it in a folder."""
        return Path(copyfile(path, folder / "copy")) if self.is_copied else path


def row_format(path: Path) -> RowFormat | None:
    """The format of a file of rows; None where it is none."""
    with path.open("rb") as stream:
        head = stream.read(16)
    if head.startswith(_SQLITE):
        return RowFormat(_sqlite_contents, _fresh_sqlite, is_copied=True)
    if head[8:12] == b"DUCK":
        return RowFormat(_duckdb_contents, _fresh_duckdb, is_copied=True)
    if head.startswith(b"PAR1"):
        return RowFormat(parquet_contents, _fresh_parquet, is_copied=False)
    return None


def is_sqlite(path: Path) -> bool:
    """Whether a file is a database of SQLite."""
    with path.open("rb") as stream:
        return stream.read(len(_SQLITE)) == _SQLITE


def take_in_log(path: Path) -> str | None:
    """Write what stands in the log of a SQLite file into the file; returns why it could not."""
    return _alone_in(path)


def take_out_deleted(path: Path) -> str | None:
    """Lay a SQLite file out anew, in place, so that it holds its rows and nothing else.

    Whoever writes to it waits as long as that takes.

    Returns:
        Why it could not be done; None where it was.
    """
    return _alone_in(path, "vacuum")


def _alone_in(path: Path, *statements: str) -> str | None:
    try:
        with closing(sqlite3.connect(path, timeout=_LOCK_WAIT_S)) as stored:
            for statement in statements:
                stored.execute(statement)
            is_busy, *_ = stored.execute("pragma wal_checkpoint(truncate)").fetchone()
    except sqlite3.Error as error:
        # Its words may name what is stored; a code of two bytes has what is wrong in the lower one.
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        return _WHY_KEPT.get(code, f"SQLite says {getattr(error, 'sqlite_errorname', 'ERROR')}")
    return _WHY_KEPT[sqlite3.SQLITE_BUSY] if is_busy else None


def warehouse_contents(warehouse: Warehouse) -> Iterator[tuple[str, bytes]]:
    """Yield every value of every stored column, as bytes, with the table's name, and what is declared."""
    columns: dict[tuple[str, str], list[str]] = {}
    for row in warehouse.columns().to_pylist():  # one row per column of the warehouse
        if row["table_type"] == "BASE TABLE" and not row["data_type"].startswith(_SKIPPED_TYPES):
            table = (row["table_schema"], row["table_name"])
            columns.setdefault(table, []).append(quoted(row["column_name"]))
    for content in warehouse.read(_DECLARED)["text"].drop_null().to_pylist():
        yield "what is declared of tables", str(content).encode()
    for table, names in columns.items():
        for content in _table_contents(warehouse, TableName(*table), names):
            yield f"{table[0]}.{table[1]}", content


def arrow_bytes(column: pa.Array | pa.ChunkedArray) -> bytes:
    """All values of a column as bytes, one per line; of lists and the like each item."""
    if pa.types.is_dictionary(column.type):
        return arrow_bytes(column.cast(column.type.value_type))
    if isinstance(column.type, pa.BaseExtensionType):
        return b"\n".join(arrow_bytes(chunk.storage) for chunk in _chunks(column))
    if pa.types.is_nested(column.type):
        return b"\n".join(map(arrow_bytes, _inner(column)))
    if _is_binary(column.type):
        return b"\n".join(column.drop_null().to_pylist())
    texts = column.cast(pa.large_string()).drop_null()
    if isinstance(texts, pa.ChunkedArray):
        texts = texts.combine_chunks()
    whole = pa.ListArray.from_arrays(pa.array([0, len(texts)], pa.int32()), texts)
    return bytes(pc.binary_join(whole, pa.scalar("\n", pa.large_string()))[0].as_buffer())


def _inner(column: pa.Array | pa.ChunkedArray) -> Iterator[pa.Array]:
    """What lists, maps and structs of a column are made of."""
    for chunk in _chunks(column):
        if pa.types.is_struct(chunk.type):
            yield from chunk.flatten()
        elif pa.types.is_map(chunk.type):
            yield from (chunk.keys, chunk.items)
        elif pa.types.is_union(chunk.type):
            yield from map(chunk.field, range(chunk.type.num_fields))
        else:
            yield pc.list_flatten(chunk)


def _chunks(column: pa.Array | pa.ChunkedArray) -> Sequence[pa.Array]:
    return column.chunks if isinstance(column, pa.ChunkedArray) else [column]


def _is_binary(kind: pa.DataType) -> bool:
    return any(
        test(kind)
        for test in (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary)
    )


def _table_contents(
    warehouse: Warehouse, table: TableName, columns: Sequence[str]
) -> Iterator[bytes]:
    """A small table at once; of a large one each column's distinct values, in parts."""
    rows = int(warehouse.scalar(f"select count(*) from {table.sql}"))
    if rows <= _CHUNK_ROWS:
        listed = ", ".join(f"cast({column} as varchar) as {column}" for column in columns)
        yield from map(arrow_bytes, warehouse.read(f"select {listed} from {table.sql}").columns)
        return
    parts = -(-rows // _CHUNK_ROWS)
    for column in columns:
        for part in range(parts):
            values = warehouse.read(
                f"select distinct cast({column} as varchar) as value from {table.sql} "
                f"where hash({column}) % {parts} = {part} and {column} is not null"
            )
            yield arrow_bytes(values["value"])


def _duckdb_contents(path: Path) -> Iterator[bytes]:
    with DuckDBWarehouse.open(path) as copy:
        yield from [content for _, content in warehouse_contents(copy)]


def _sqlite_contents(path: Path) -> Iterator[bytes]:
    with closing(sqlite3.connect(path)) as connection:
        names = connection.execute("select name from sqlite_master where type = 'table'").fetchall()
        for name in ("sqlite_master", *(name for (name,) in names)):
            cursor = connection.execute(f"select * from {quoted(name)}")
            while rows := cursor.fetchmany(10_000):
                yield "\n".join(map(str, rows)).encode(errors="surrogateescape")


def parquet_contents(source: Path | IO[bytes]) -> Iterator[bytes]:
    """Yield every value of a Parquet file, as bytes, column by column."""
    for batch in pq.ParquetFile(source).iter_batches():
        yield from map(arrow_bytes, batch.columns)


def _fresh_sqlite(path: Path, folder: Path) -> Path:
    fresh = folder / "fresh"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("vacuum into ?", (str(fresh),))
    return fresh


def _fresh_duckdb(path: Path, _folder: Path) -> Path:
    with DuckDBWarehouse.open(path) as copy:
        copy.compact()
    return path


def _fresh_parquet(path: Path, folder: Path) -> Path:
    """Written as the file was; what it says of itself beside the rows is left out."""
    fresh, source = folder / "fresh", pq.ParquetFile(path)
    codecs = {
        source.metadata.row_group(group).column(column).compression
        for group in range(source.num_row_groups)
        for column in range(source.metadata.num_columns)
    }
    codec = "none" if "UNCOMPRESSED" in codecs else min(codecs, default="none")
    with pq.ParquetWriter(fresh, source.schema_arrow.remove_metadata(), compression=codec) as copy:
        for group in range(source.num_row_groups):
            copy.write_table(source.read_row_group(group).replace_schema_metadata(None))
    return fresh
