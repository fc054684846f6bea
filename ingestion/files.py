"""Find landing files, know them by content, read their lines."""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from isal import igzip, isal_zlib

from ingestion.config import EventSource, RecordSource, SourcesConfig
from ingestion.errors import MissingSourceError, UnreadableFileError

# Lines are handed to the engine in blocks of this size, decompressed: large enough that calls
# cost nothing, small enough that several fit in memory at once.
BLOCK_BYTES = 32 * 1024 * 1024

# Events come in larger ones: each holds more than a row group (122,880 rows) of ordinary calls.
EVENT_BLOCK_BYTES = 256 * 1024 * 1024

# Files are decompressed in pieces of this size: larger ones leave the processor's caches and cost
# twice as much.
PIECE_BYTES = 4 * 1024 * 1024

# Small enough that every thread of the engine gets several chunks of a block.
CHUNK_ROWS = 4096

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# What files begin with that are no UTF-8 text, see RFC 2781 and RFC 1952.
_UTF16_MARKS, _GZIP_MARK = (b"\xff\xfe", b"\xfe\xff"), b"\x1f\x8b"
# A ZIP archive, as workbooks of Excel are since 2007, and the workbooks before.
_PACKED_MARKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
# UTF-16 text of any kind has a NUL in so many bytes: in that of a comma, a blank or a line's end.
_ENOUGH_TO_TELL = 512

# Ends the name of a file that will take the place of a landing file; no source ever reads one.
REWRITING = ".candor-rewriting"

# The library's stubs take the class for one of its instances.
_BROKEN_GZIP = cast("type[Exception]", isal_zlib.error)

LINES = pa.schema([("file_no", pa.int32()), ("line", pa.int64()), ("raw", pa.large_binary())])


@dataclass(frozen=True, slots=True)
class LandingFile:
    """One file of one source.

    Attributes:
        source: Name of the source.
        path: Where it lies.
        name: Path relative to the landing folder, with forward slashes.
        digest: SHA-256 of its bytes as they lie there.
        modified_at: When it was last written, UTC without a zone.
        earlier_loads: How many loads of this very content and name there were before: more than
            none only where an erasure rewrote the file and the old one came back.
    """

    source: str
    path: Path
    name: str
    digest: str
    modified_at: datetime
    earlier_loads: int = 0

    @property
    def load_id(self) -> str:
        """Id of its load: the same file of the same source always gets the same."""
        again = f"|{self.earlier_loads}" if self.earlier_loads else ""
        text = f"{self.source}|{self.name}|{self.digest}{again}"
        return hashlib.sha256(text.encode()).hexdigest()[:20]


def source_files(name: str, source: EventSource | RecordSource, landing: Path) -> tuple[Path, ...]:
    """The files of one source, in order of their names.

    Raises:
        MissingSourceError: There is none, and the source is not optional.
    """
    found = _matching(source.files, landing)
    if not found and not source.optional:
        raise MissingSourceError({name: source.files}, landing)
    return tuple(sorted(found))


def refuse_missing_sources(
    config: SourcesConfig, landing: Path, *, before_pull: bool = False
) -> None:
    """Tell all sources that lack their files before anything is loaded.

    Args:
        config: The sources.
        landing: The landing folder.
        before_pull: Leave out sources whose files are yet to be pulled.

    Raises:
        MissingSourceError: Sources that are not optional have no file.
    """
    missing = {
        name: source.files
        for name, source in config.sources.items()
        if not source.optional
        and not (before_pull and getattr(source, "pull", None))
        and not _matching(source.files, landing)
    }
    if missing:
        raise MissingSourceError(missing, landing)


def landing_files(config: SourcesConfig, landing: Path) -> tuple[Path, ...]:
    """Every file that some source declares and that is there, each once, in order."""
    patterns = [pattern for source in config.sources.values() for pattern in source.files]
    return tuple(sorted(_matching(patterns, landing)))


def empty_files(config: SourcesConfig, landing: Path) -> tuple[str, ...]:
    """Names of files that some source declares and that hold no byte: an export that broke off.

    A file of which an erasure took every row still has its line ends.
    """
    files = landing_files(config, landing)
    return tuple(name_of(path, landing) for path in files if not path.stat().st_size)


def _matching(patterns: Sequence[str], landing: Path) -> set[Path]:
    found = {path for pattern in patterns for path in landing.glob(pattern) if path.is_file()}
    return {path for path in found if not path.name.endswith(REWRITING)}


def describe_file(source: str, path: Path, landing: Path) -> LandingFile:
    """Read a file's digest.

    Raises:
        UnreadableFileError: It may not be read.
    """
    name = name_of(path, landing)
    try:
        digest = digest_of(path)
        written_s = path.stat().st_mtime
    except OSError as error:
        raise UnreadableFileError(name, error.strerror or type(error).__name__) from error
    modified_at = datetime.fromtimestamp(written_s, UTC).replace(tzinfo=None)
    return LandingFile(source, path, name, digest, modified_at)


def name_of(path: Path, landing: Path) -> str:
    """The path relative to the landing folder; bytes of it that are no text are written out."""
    name = path.relative_to(landing).as_posix()
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def digest_of(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def read_blocks(files: Sequence[LandingFile]) -> Iterator[pa.Table]:
    """Read the lines of several files, several small files to a block.

    Yields:
        Tables of schema ``LINES``: file_no is the place in ``files``, line counts from 1.

    Raises:
        UnreadableFileError: A file ends in the middle of its compression, or cannot be read.
    """
    pieces = (piece for number, file in enumerate(files) for piece in _read_pieces(file, number))
    for block in _grouped(pieces, EVENT_BLOCK_BYTES):
        yield _in_chunks(block)


def read_ahead(blocks: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """Make the next block in a thread of its own while the engine works on the last one."""
    with ThreadPoolExecutor(1, "candor-read-ahead") as reader:
        ahead = reader.submit(next, blocks, None)
        while (block := ahead.result()) is not None:
            ahead = reader.submit(next, blocks, None)
            yield block


def _grouped(pieces: Iterable[pa.Table], size: int) -> Iterator[pa.Table]:
    """Join tables until they are so large; the bytes are not copied."""
    waiting: list[pa.Table] = []
    waiting_bytes = 0
    for piece in pieces:
        waiting.append(piece)
        waiting_bytes += piece.nbytes
        if waiting_bytes >= size:
            yield pa.concat_tables(waiting)
            waiting, waiting_bytes = [], 0
    if waiting:
        yield pa.concat_tables(waiting)


def _in_chunks(whole: pa.Table) -> pa.Table:
    """The table in chunks of equal size: the engine gives each of its threads one at a time."""
    return pa.Table.from_batches(whole.to_batches(max_chunksize=CHUNK_ROWS), whole.schema)


def read_lines(file: LandingFile, number: int) -> Iterator[pa.Table]:
    """Read one file's lines in blocks, whatever bytes they hold; blank lines are no rows."""
    return _grouped(_read_pieces(file, number), BLOCK_BYTES)


def _read_pieces(file: LandingFile, number: int) -> Iterator[pa.Table]:
    first = 1
    begun: list[bytes] = []
    with reading_bytes(file) as stream:
        while piece := stream.read(PIECE_BYTES):
            end = piece.rfind(b"\n") + 1
            if end:
                ends, table = _lines(b"".join([*begun, piece[:end]]), number, first)
                yield table
                first += ends
                begun = []
            begun.append(piece[end:])
    if any(begun):
        yield _lines(b"".join([*begun, b"\n"]), number, first)[1]


@contextmanager
def reading_bytes(file: LandingFile) -> Iterator[IO[bytes]]:
    """Open a landing file for reading, decompressed where its name ends in .gz.

    Raises:
        UnreadableFileError: It cannot be opened, or not be read to its end; or it is compressed
            otherwise than its name says, a workbook, or UTF-16 text.
    """
    try:
        with open_bytes(file.path) as stream:
            _refuse_other_bytes(file, stream.peek(_ENOUGH_TO_TELL))  # type: ignore[attr-defined]
            yield stream
    except (OSError, EOFError, zlib.error, _BROKEN_GZIP) as error:
        raise UnreadableFileError(file.name, _why_unreadable(file.path, error)) from error


def _refuse_other_bytes(file: LandingFile, head: bytes) -> None:
    """Name what would else be a refused line for each line of the file.

    Args:
        file: The landing file.
        head: What it begins with, decompressed.

    Raises:
        UnreadableFileError: It is no text that could be UTF-8.
    """
    if head.startswith(_UTF16_MARKS) and b"\0" in head:
        raise UnreadableFileError(file.name, "it is UTF-16 text: save it as UTF-8")
    if head.startswith(_PACKED_MARKS):
        raise UnreadableFileError(
            file.name, "it is a workbook or a ZIP archive: save the sheet as CSV, or unpack it"
        )
    if head.startswith(_GZIP_MARK):
        why = (
            "it is compressed twice with gzip: compress it once"
            if file.path.suffix == ".gz"
            else "it is compressed with gzip, though its name does not end in .gz: rename it"
        )
        raise UnreadableFileError(file.name, why)


def _why_unreadable(path: Path, error: Exception) -> str:
    """What ended the reading, in our words."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    with path.open("rb") as stream:
        is_gzip = stream.read(len(_GZIP_MARK)) == _GZIP_MARK
    if not is_gzip:
        return "its name ends in .gz, and it is not compressed with gzip: rename it"
    if isinstance(error, EOFError):
        return "it ends in the middle of its compression: look whether it was copied whole"
    return "its compression is damaged: copy it anew"


def open_bytes(path: Path) -> IO[bytes]:
    """Open a file for reading, decompressed where its name ends in .gz."""
    if path.suffix == ".gz":
        return cast("IO[bytes]", igzip.IGzipFile(path, "rb"))  # type: ignore[no-untyped-call]
    return path.open("rb")


def line_table(
    number: int, lines: npt.NDArray[np.int64], data: bytes, offsets: npt.NDArray[np.int64]
) -> pa.Table:
    """A table of schema ``LINES`` without its blank lines; the bytes are not copied.

    Args:
        number: The file's place.
        lines: n line numbers.
        data: The bytes.
        offsets: n + 1 places where the lines begin and the last one ends.
    """
    buffers = [None, pa.py_buffer(offsets.astype(np.int64)), pa.py_buffer(data)]
    raw = pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(lines), buffers)
    numbers = np.full(len(lines), number, np.int32)
    table = pa.table({"file_no": numbers, "line": lines, "raw": raw}, LINES)
    is_short = np.diff(offsets) <= len(b"\r\n")
    begins_blank = np.isin(np.frombuffer(data, np.uint8)[offsets[:-1]], (0x0A, 0x0D))
    is_blank = is_short & begins_blank
    return table.filter(pa.array(~is_blank)) if is_blank.any() else table


def _lines(data: bytes, number: int, first: int) -> tuple[int, pa.Table]:
    """Cut at the newlines; return how many lines end, and those that are not blank.

    A byte order mark is dropped.
    """
    if first == 1:
        data = data.removeprefix(BYTE_ORDER_MARK)
    ends = np.flatnonzero(np.frombuffer(data, np.uint8) == 0x0A)
    # Arrow's offsets touch, so each line keeps its newline.
    offsets = np.concatenate(([0], ends + 1))
    numbers = np.arange(first, first + len(ends))
    return len(ends), line_table(number, numbers, data, offsets)
