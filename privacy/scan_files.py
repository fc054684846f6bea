"""Look for traces in files: in their raw bytes, in their names, and in what they decode to."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import re
import sqlite3
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory
from typing import IO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from privacy.bytescan import ByteScanner
from warehouse import DuckDBWarehouse, TableName, Warehouse, WarehouseError, quoted

# Archives inside archives; deeper nesting counts as something that cannot be decoded.
_DEEPEST = 4
# Of bzip2: its name, the block size, and the start of a block or of the end of an empty file.
_BZ2 = re.compile(rb"BZh[1-9](?:1AY&SY|\x17\x72\x45\x38\x50\x90)")
_CHUNK_ROWS = 200_000
# The first bytes of compressed files that we cannot open, each from the format's own description.
_SEALED = {
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x04\x22\x4d\x18": "lz4",
    b"\x02\x21\x4c\x18": "lz4",
    b"7z\xbc\xaf\x27\x1c": "7z",
    b"Rar!\x1a\x07": "rar",
    b"\xff\x06\x00\x00sNaPpY": "snappy",
}
# Numbers, times and truth values hold none of the values that are sought, save whole numbers.
_SKIPPED_TYPES = ("BOOLEAN", "DOUBLE", "FLOAT", "DATE", "TIME", "TIMESTAMP", "INTERVAL")


@dataclass(frozen=True, slots=True)
class FileFinding:
    """What one file holds.

    Attributes:
        hits: Traces in all layers.
        undecoded: Why a layer could not be read; None when all were.
    """

    hits: int
    undecoded: str | None = None


@dataclass(frozen=True, slots=True)
class FileScanner:
    """Scans files of any known format."""

    scanner: ByteScanner

    def scan(self, path: Path, root: Path, *, raw_only: bool = False) -> FileFinding:
        """Scan one file.

        Args:
            path: The file.
            root: The folder below which its name is scanned too.
            raw_only: Leave decoding to somebody who has the file open, such as the warehouse.
        """
        named = FileFinding(self.scanner.count(as_path(str(path.relative_to(root)))))
        try:
            return _plus(named, self._scan_file(path, decode=not raw_only))
        except FileNotFoundError:  # what is gone by now holds nobody
            return named
        except OSError as error:  # its message has the path, which may name somebody
            return _plus(named, FileFinding(0, type(error).__name__))

    def _scan_file(self, path: Path, *, decode: bool) -> FileFinding:
        """What it decodes to first: of longer addresses in it the search learns what its bytes mean."""
        is_database = decode and _is_database(path)
        decoded = self._scan_database(path) if is_database else FileFinding(0)
        with path.open("rb") as stream:
            return _plus(self._scan_content(stream, decode=decode, depth=0), decoded)

    def _scan_content(self, stream: IO[bytes], *, decode: bool, depth: int) -> FileFinding:
        head = stream.read(16)
        stream.seek(0)
        decoded = self._scan_decoded(stream, head, depth) if decode else FileFinding(0)
        stream.seek(0)
        return _plus(FileFinding(self.scanner.count_stream(stream)), decoded)

    def _scan_decoded(self, stream: IO[bytes], head: bytes, depth: int) -> FileFinding:
        decoder = self._decoder(head)
        if decoder is None:
            return FileFinding(0, _sealed(head))
        if depth == _DEEPEST:
            return FileFinding(0, "archives nested too deeply")
        try:
            return decoder(stream, depth + 1)
        except _UNREADABLE as error:
            return FileFinding(0, type(error).__name__)

    def _decoder(self, head: bytes) -> Callable[[IO[bytes], int], FileFinding] | None:
        if head.startswith(b"\x1f\x8b"):
            return self._scan_gzip
        if _BZ2.match(head):
            return self._scan_bz2
        if head.startswith(b"\xfd7zXZ\x00"):
            return self._scan_xz
        if head.startswith(b"PK\x03\x04"):
            return self._scan_zip
        if head.startswith(b"PAR1"):
            return self._scan_parquet
        return None

    def _scan_gzip(self, stream: IO[bytes], depth: int) -> FileFinding:
        with gzip.open(stream) as inner:
            return self._scan_content(io.BytesIO(inner.read()), decode=True, depth=depth)

    def _scan_bz2(self, stream: IO[bytes], depth: int) -> FileFinding:
        with bz2.open(stream) as inner:
            return self._scan_content(io.BytesIO(inner.read()), decode=True, depth=depth)

    def _scan_xz(self, stream: IO[bytes], depth: int) -> FileFinding:
        with lzma.open(stream) as inner:
            return self._scan_content(io.BytesIO(inner.read()), decode=True, depth=depth)

    def _scan_zip(self, stream: IO[bytes], depth: int) -> FileFinding:
        finding = FileFinding(0)
        with zipfile.ZipFile(stream) as archive:
            for member in archive.infolist():
                named = self.scanner.count(as_path(member.filename))
                content = io.BytesIO(archive.read(member))
                inner = self._scan_content(content, decode=True, depth=depth)
                finding = _plus(_plus(finding, FileFinding(named)), inner)
        return finding

    def _scan_parquet(self, stream: IO[bytes], _depth: int) -> FileFinding:
        hits = sum(
            self.scanner.count(content)
            for batch in pq.ParquetFile(stream).iter_batches()
            for content in map(arrow_bytes, batch.columns)
        )
        return FileFinding(hits)

    def _scan_database(self, path: Path) -> FileFinding:
        """Read a copy: opening the original could take locks from whoever has it open."""
        with TemporaryDirectory() as folder:
            copy = Path(folder) / "copy"
            copyfile(path, copy)
            try:
                contents = _sqlite_contents(copy) if _is_sqlite(copy) else _duckdb_contents(copy)
                return FileFinding(sum(self.scanner.count(content) for content in contents))
            except (sqlite3.Error, WarehouseError) as error:
                return FileFinding(0, type(error).__name__)


def as_path(name: str) -> bytes:
    """A name of a file as a text that says so: ``ann@x.com.pt`` is no address there."""
    return f"/{name}".encode(errors="surrogateescape")


def files_below(root: Path) -> Iterator[Path]:
    """Every file below a folder; a folder that is a link is followed too, and each searched once.

    Raises:
        OSError: A folder cannot be listed; what it holds would be taken for clean.
    """
    seen = set[str]()
    for folder, inner, names in os.walk(root, onerror=_refuse, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:
            inner.clear()
            continue
        seen.add(real)
        inner.sort()
        yield from (path for name in sorted(names) if (path := Path(folder, name)).is_file())


def _refuse(error: OSError) -> None:
    """Say what cannot be listed; a folder whose name may be somebody's address is not named."""
    if not isinstance(error, FileNotFoundError):  # what is gone by now holds nobody
        name = str(error.filename)
        raise type(error)(
            error.errno, error.strerror, "a folder" if "@" in name else name
        ) from None


def warehouse_contents(warehouse: Warehouse) -> Iterator[tuple[str, bytes]]:
    """Yield every value of every stored column, as bytes, with the table's name."""
    columns: dict[tuple[str, str], list[str]] = {}
    for row in warehouse.columns().to_pylist():  # one row per column of the warehouse
        if row["table_type"] == "BASE TABLE" and not row["data_type"].startswith(_SKIPPED_TYPES):
            table = (row["table_schema"], row["table_name"])
            columns.setdefault(table, []).append(quoted(row["column_name"]))
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
        for (name,) in names:
            cursor = connection.execute(f"select * from {quoted(name)}")
            while rows := cursor.fetchmany(10_000):
                yield "\n".join(map(str, rows)).encode(errors="surrogateescape")


def _is_sqlite(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(15) == b"SQLite format 3"


def _is_database(path: Path) -> bool:
    with path.open("rb") as stream:
        head = stream.read(16)
    return head[:15] == b"SQLite format 3" or head[8:12] == b"DUCK"


def _sealed(head: bytes) -> str | None:
    """Why a compressed file cannot be searched; None where it is no such file."""
    names = [name for magic, name in _SEALED.items() if head.startswith(magic)]
    return f"{names[0]} is not a format that can be opened" if names else None


def _plus(one: FileFinding, other: FileFinding) -> FileFinding:
    return FileFinding(one.hits + other.hits, one.undecoded or other.undecoded)


_UNREADABLE = (
    OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, pa.ArrowInvalid, RuntimeError,
)  # fmt: skip
