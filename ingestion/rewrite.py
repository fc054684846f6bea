"""Rewrite a landing file without some of its rows, all other bytes as they were.

In text files a removed row leaves an empty line, so that every other row keeps its line number.
The new file is written whole beside the old one, and takes its place only after the warehouse
knows it: killed at any moment, :func:`finish_rewrites` completes or forgets it.
"""

from __future__ import annotations

import gzip
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from ingestion.files import BLOCK_BYTES, REWRITING, LandingFile, digest_of, reading_bytes
from ingestion.inventory import LOADS
from ingestion.record_rows import is_parquet
from warehouse import Warehouse, sync_path

Numbers = npt.NDArray[np.int64]

_PARQUET_ROWS = 100_000


@dataclass(frozen=True, slots=True)
class Spans:
    """Lines of a file, in Parquet files rows, counted from 1: from each first to its last.

    Attributes:
        firsts: Ascending.
        lasts: Of the same length; spans do not overlap.
    """

    firsts: Numbers
    lasts: Numbers

    @classmethod
    def of(cls, rows: pa.Table) -> Spans:
        """The spans of a table with columns ``line`` and ``last_line``, in any order."""
        firsts, places = np.unique(rows["line"].to_numpy(), return_index=True)
        return cls(firsts, rows["last_line"].to_numpy()[places])

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.firsts)

    def cover(self, numbers: Numbers) -> npt.NDArray[np.bool_]:
        """Whether each number lies in one of them."""
        place = np.searchsorted(self.firsts, numbers, side="right") - 1
        return (place >= 0) & (numbers <= self.lasts[place])


def write_without(file: LandingFile, spans: Spans) -> str:
    """Write the new file beside the old one; return its SHA-256.

    Args:
        file: The landing file.
        spans: What to leave out; not empty.

    Raises:
        OSError: The folder may not be written.
        UnreadableFileError: The old file cannot be read.
    """
    fresh = rewriting_path(file.path)
    fresh.unlink(missing_ok=True)
    # Half written it is nobody's to read; what the old file allows it is given below.
    fresh.touch(mode=0o600)
    if is_parquet(file.path):
        _write_parquet(file.path, fresh, spans)
    else:
        _write_text(file, fresh, spans)
    shutil.copymode(file.path, fresh)
    written = file.path.stat()
    # When a file was received may be the only time that is known of its rows.
    os.utime(fresh, ns=(written.st_atime_ns, written.st_mtime_ns))
    sync_path(fresh)
    return digest_of(fresh)


def put_in_place(path: Path) -> None:
    """Let the new file take the place of the old one, durably."""
    rewriting_path(path).replace(path)
    sync_path(path.parent)


def finish_rewrites(warehouse: Warehouse, landing: Path) -> None:
    """Complete what was killed after the warehouse knew the new file; forget the rest."""
    left = sorted(landing.rglob(f"*{REWRITING}"))
    if not left:
        return
    known = set(warehouse.read(f"select file_hash from {LOADS.name.sql}")["file_hash"].to_pylist())
    for fresh in left:
        path = fresh.with_name(fresh.name.removesuffix(REWRITING))
        if path.exists() and digest_of(fresh) in known:
            put_in_place(path)
        else:
            fresh.unlink()


def rewriting_path(path: Path) -> Path:
    """Where the file is written that will take the place of ``path``."""
    return path.with_name(path.name + REWRITING)


def _write_text(file: LandingFile, fresh: Path, spans: Spans) -> None:
    first, rest = 1, b""
    with _writing_bytes(file.path, fresh) as target:
        for block in _blocks(file):
            whole, newline, rest = (rest + block).rpartition(b"\n")
            if newline:
                target.write(_without_lines(whole + newline, first, spans))
                first += whole.count(b"\n") + 1
        if rest:
            target.write(_without_lines(rest, first, spans))


def _blocks(file: LandingFile) -> Iterator[bytes]:
    """What a file holds; a full disk for what is made of it is not taken for a broken file."""
    with reading_bytes(file) as source:
        while block := source.read(BLOCK_BYTES):
            yield block


def _without_lines(data: bytes, first: int, spans: Spans) -> bytes:
    """Bytes without the content of some lines; their ends stay."""
    content = np.frombuffer(data, np.uint8)
    is_end = content == 0x0A
    number = np.cumsum(is_end) - is_end
    is_removed = spans.cover(first + np.arange(int(number[-1]) + 1))
    return bytes(content[is_end | ~is_removed[number]])


@contextmanager
def _writing_bytes(path: Path, fresh: Path) -> Iterator[IO[bytes] | gzip.GzipFile]:
    with fresh.open("wb") as stream:
        if path.suffix != ".gz":
            yield stream
            return
        # No name and no time in the header: the same rows always give the same bytes.
        with gzip.GzipFile("", "wb", 6, stream, mtime=0) as packed:
            yield packed


def _write_parquet(path: Path, fresh: Path, spans: Spans) -> None:
    with pq.ParquetFile(path) as source:
        codec = _codec(source)
        with pq.ParquetWriter(fresh, source.schema_arrow, compression=codec) as target:
            first = 1
            for batch in source.iter_batches(_PARQUET_ROWS):
                numbers = np.arange(first, first + batch.num_rows)
                target.write_batch(batch.filter(pa.array(~spans.cover(numbers))))
                first += batch.num_rows


def _codec(source: pq.ParquetFile) -> str:
    """How the first column is compressed; files are seldom mixed."""
    metadata = source.metadata
    if not metadata.num_row_groups or not metadata.num_columns:
        return "snappy"
    return str(metadata.row_group(0).column(0).compression).lower().replace("uncompressed", "none")
