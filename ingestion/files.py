"""Find landing files, know them by content, read their lines."""

from __future__ import annotations

import gzip
import hashlib
import io
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa

from ingestion.config import RecordSource, SegmentSource, SourcesConfig
from ingestion.errors import MissingSourceError, UnreadableFileError

# Lines are handed to the engine in blocks of this size, decompressed: large enough that calls
# cost nothing, small enough that several fit in memory at once.
BLOCK_BYTES = 32 * 1024 * 1024

LINES = pa.schema([("file_no", pa.int32()), ("line", pa.int64()), ("raw", pa.large_binary())])


@dataclass(frozen=True, slots=True)
class LandingFile:
    """One file of one source.

    Attributes:
        source: Name of the source.
        path: Where it lies.
        name: Path relative to the landing folder, with forward slashes.
        digest: SHA-256 of its bytes as they lie there.
    """

    source: str
    path: Path
    name: str
    digest: str

    @property
    def load_id(self) -> str:
        """Id of its load: the same file of the same source always gets the same."""
        text = f"{self.source}|{self.name}|{self.digest}"
        return hashlib.sha256(text.encode()).hexdigest()[:20]


def source_files(
    name: str, source: SegmentSource | RecordSource, landing: Path
) -> tuple[Path, ...]:
    """The files of one source, in order of their names.

    Raises:
        MissingSourceError: There is none, and the source is not optional.
    """
    found = {p for pattern in source.files for p in landing.glob(pattern) if p.is_file()}
    if not found and not source.optional:
        raise MissingSourceError(name, ", ".join(source.files), landing)
    return tuple(sorted(found))


def landing_files(config: SourcesConfig, landing: Path) -> tuple[Path, ...]:
    """Every file that some source declares and that is there, each once, in order."""
    patterns = (pattern for source in config.sources.values() for pattern in source.files)
    return tuple(sorted({p for pattern in patterns for p in landing.glob(pattern) if p.is_file()}))


def describe_file(source: str, path: Path, landing: Path) -> LandingFile:
    """Read a file's digest.

    Raises:
        UnreadableFileError: It may not be read.
    """
    name = path.relative_to(landing).as_posix()
    try:
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise UnreadableFileError(name, error.strerror or type(error).__name__) from error
    return LandingFile(source, path, name, digest)


def read_blocks(files: Sequence[LandingFile]) -> Iterator[pa.Table]:
    """Read the lines of several files, several small files to a block.

    Yields:
        Tables of schema ``LINES``: file_no is the place in ``files``, line counts from 1.

    Raises:
        UnreadableFileError: A file ends in the middle of its compression, or cannot be read.
    """
    waiting: list[pa.Table] = []
    size = 0
    for number, file in enumerate(files):
        for block in read_lines(file, number):
            waiting.append(block)
            size += block.nbytes
            if size >= BLOCK_BYTES:
                yield pa.concat_tables(waiting)
                waiting, size = [], 0
    if waiting:
        yield pa.concat_tables(waiting)


def read_lines(file: LandingFile, number: int) -> Iterator[pa.Table]:
    """Read one file's lines in blocks, whatever bytes they hold; blank lines are no rows."""
    first, rest = 1, b""
    try:
        with open_bytes(file.path) as stream:
            while block := stream.read(BLOCK_BYTES):
                whole, newline, tail = (rest + block).rpartition(b"\n")
                if newline:
                    yield _lines(whole, number, first)
                    first += whole.count(b"\n") + 1
                rest = tail
    except (OSError, EOFError, zlib.error) as error:
        raise UnreadableFileError(file.name, f"{type(error).__name__} while reading") from error
    if rest:
        yield _lines(rest, number, first)


def open_bytes(path: Path) -> IO[bytes]:
    """Open a file for reading, decompressed where its name ends in .gz."""
    if path.suffix == ".gz":
        return io.BufferedReader(gzip.open(path, "rb"))  # type: ignore[arg-type]
    return path.open("rb")


def _lines(data: bytes, number: int, first: int) -> pa.Table:
    """Cut a block at its newlines without copying it; drop a byte order mark and blank lines."""
    if first == 1:
        data = data.removeprefix(b"\xef\xbb\xbf")
    ends = np.flatnonzero(np.frombuffer(data, np.uint8) == 0x0A)
    offsets = np.concatenate(([0], ends + 1, [len(data) + 1])).astype(np.int64)
    # Arrow's offsets touch, so each line keeps its newline; a last one is added for the last line.
    raw = pa.LargeBinaryArray.from_buffers(
        pa.large_binary(),
        len(offsets) - 1,
        [None, pa.py_buffer(offsets), pa.py_buffer(data + b"\n")],
    )
    lengths = np.diff(offsets)
    lines = np.arange(first, first + len(raw), dtype=np.int64)
    table = pa.table(
        {"file_no": np.full(len(raw), number, np.int32), "line": lines, "raw": raw}, LINES
    )
    # A line of one or two bytes is empty: its newline, or a carriage return before it.
    return table.filter(pa.array((lengths > 2) | ~_is_blank(data, offsets)))


def _is_blank(data: bytes, offsets: np.ndarray[tuple[int], np.dtype[np.int64]]) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Whether each line of at most two bytes holds nothing but its line end."""
    first = np.frombuffer(data + b"\n", np.uint8)[np.minimum(offsets[:-1], len(data))]
    return np.isin(first, (0x0A, 0x0D, 0x20, 0x09))
