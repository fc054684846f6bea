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
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

import pyarrow as pa

from privacy.boundaries import place_of
from privacy.bytescan import ByteScanner
from privacy.stored_rows import RowFormat, parquet_contents, row_format
from warehouse import WarehouseError

# Archives inside archives; deeper nesting counts as something that cannot be decoded.
_DEEPEST = 4
# Of bzip2: its name, the block size, and the start of a block or of the end of an empty file.
_BZ2 = re.compile(rb"BZh[1-9](?:1AY&SY|\x17\x72\x45\x38\x50\x90)")
# The first bytes of compressed files that we cannot open, each from the format's own description.
_SEALED = {
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x04\x22\x4d\x18": "lz4",
    b"\x02\x21\x4c\x18": "lz4",
    b"7z\xbc\xaf\x27\x1c": "7z",
    b"Rar!\x1a\x07": "rar",
    b"\xff\x06\x00\x00sNaPpY": "snappy",
}


@dataclass(frozen=True, slots=True)
class FileFinding:
    """What one file holds.

    Attributes:
        hits: Traces in all layers.
        undecoded: Why a layer could not be read; None when all were.
        in_rows: Of the traces, those that the rows of a file of rows hold.
        kept: Why what was deleted in it could not be taken out; None where nobody tried, or it was.
    """

    hits: int
    undecoded: str | None = None
    in_rows: int = 0
    kept: str | None = None


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
        named = FileFinding(self.scanner.count(os.fsencode(path.relative_to(root))))
        try:
            return _plus(named, self._scan_file(path, decode=not raw_only))
        except FileNotFoundError:  # what is gone by now holds nobody
            return named
        except OSError as error:  # its message has the path, which may name somebody
            return _plus(named, FileFinding(0, type(error).__name__))

    def _scan_file(self, path: Path, *, decode: bool) -> FileFinding:
        if decode and (stored := row_format(path)):
            return self._scan_rows(path, stored)
        with path.open("rb") as stream:
            return self._scan_content(stream, decode=decode, depth=0)

    def _scan_rows(self, path: Path, stored: RowFormat) -> FileFinding:
        """What the rows hold, and what is in the bytes of the file, but for what is of its rows.

        In the bytes of a database others' values are not told apart: what was deleted may read as theirs.
        """
        raw = replace(self.scanner, covers={}) if stored.is_copied else self.scanner
        with path.open("rb") as stream:
            found = FileFinding(raw.count_stream(stream))
        with TemporaryDirectory() as folder:
            try:
                readable = stored.readable(path, Path(folder))
                held = sum(map(self.scanner.count, stored.contents(readable)))
                rows = FileFinding(held, in_rows=held)
                if found.hits and not rows.hits:
                    fresh = stored.fresh(readable, Path(folder))
                    found = FileFinding(count_beside(raw, path, fresh))
                return _plus(found, rows)
            except (sqlite3.Error, WarehouseError, *_UNREADABLE) as error:
                return _plus(found, FileFinding(0, type(error).__name__))

    def _scan_content(self, stream: IO[bytes], *, decode: bool, depth: int) -> FileFinding:
        head = stream.read(16)
        stream.seek(0)
        finding = FileFinding(self.scanner.count_stream(stream))
        stream.seek(0)
        return _plus(finding, self._scan_decoded(stream, head, depth)) if decode else finding

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
                named = self.scanner.count(os.fsencode(member.filename))
                content = io.BytesIO(archive.read(member))
                inner = self._scan_content(content, decode=True, depth=depth)
                finding = _plus(_plus(finding, FileFinding(named)), inner)
        return finding

    def _scan_parquet(self, stream: IO[bytes], _depth: int) -> FileFinding:
        return FileFinding(sum(map(self.scanner.count, parquet_contents(stream))))


def count_beside(scanner: ByteScanner, path: Path, fresh: Path) -> int:
    """How many traces the bytes of a file hold that are of no row of it.

    Args:
        scanner: Counts traces.
        path: The file; in its rows there is no trace.
        fresh: A copy of its rows alone.
    """
    of_rows: set[bytes | None] = set()
    with fresh.open("rb") as stream:
        noting = replace(scanner, counts=lambda *found: of_rows.add(place_of(*found)))
        noting.count_stream(stream)
    of_rows.discard(None)
    with path.open("rb") as stream:
        beside = replace(scanner, counts=lambda *found: place_of(*found) not in of_rows)
        return beside.count_stream(stream)


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


def _sealed(head: bytes) -> str | None:
    """Why a compressed file cannot be searched; None where it is no such file."""
    names = [name for magic, name in _SEALED.items() if head.startswith(magic)]
    return f"{names[0]} is not a format that can be opened" if names else None


def _plus(one: FileFinding, other: FileFinding) -> FileFinding:
    return FileFinding(
        one.hits + other.hits, one.undecoded or other.undecoded, one.in_rows + other.in_rows
    )


_UNREADABLE = (
    OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, pa.ArrowException, RuntimeError,
)  # fmt: skip
