"""Write files block after block, and show a folder only when all of it is there."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from sample.errors import FolderNotEmptyError, TruthInsideLandingError
from sample.text import join

# Half the size of level 1 at twice its time; level 6 would cost three times as much for a tenth.
_GZIP_LEVEL = 4


def check_folders(out: Path, truth: Path) -> None:
    """Refuse folders that hold something, and a truth that the pipeline could read.

    Raises:
        TruthInsideLandingError: One of the folders lies in the other.
        FolderNotEmptyError: One of them exists and is not an empty folder.
    """
    landing, hidden = out.resolve(), truth.resolve()
    if landing == hidden or landing in hidden.parents or hidden in landing.parents:
        raise TruthInsideLandingError(truth, out)
    for path in (out, truth):
        if path.exists() and not (path.is_dir() and next(path.iterdir(), None) is None):
            raise FolderNotEmptyError(path)


@contextmanager
def unfinished(out: Path, truth: Path) -> Iterator[tuple[Path, Path]]:
    """Two hidden siblings to write into; they take their names when everything is written.

    The landing folder comes last: where it exists, all of it and the truth do. What a killed
    run left is removed first.
    """
    parts = tuple(path.with_name(f".{path.name}.unfinished") for path in (out, truth))
    for part in parts:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
    try:
        yield parts[0], parts[1]
        for part, path in ((parts[1], truth), (parts[0], out)):
            if path.exists():
                path.rmdir()
            part.rename(path)
    finally:
        for part in parts:
            shutil.rmtree(part, ignore_errors=True)


def append_csv(path: Path, table: pa.Table) -> None:
    """Add the rows to a CSV file (RFC 4180, header in its first line); null is an empty cell."""
    is_new = not path.exists()
    path.parent.mkdir(parents=True, exist_ok=True)
    cells = [part for column in table.columns for part in (",", _cells(column.combine_chunks()))][
        1:
    ]
    with path.open("ab") as stream:
        if is_new:
            stream.write((",".join(table.column_names) + "\n").encode())
        stream.write(_bytes(join(*cells, "\n")))


def _cells(column: pa.Array) -> pa.Array:
    text = pc.fill_null(column.cast(pa.string()), "")
    quoted = join('"', pc.replace_substring(text, '"', '""'), '"')
    return pc.if_else(pc.match_substring_regex(text, '[",\\r\\n]'), quoted, text)


def append_lines(path: Path, lines: pa.Array) -> None:
    """Add lines that bring their newline."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as stream:
        stream.write(_bytes(lines))


def write_gzip(path: Path, lines: pa.Array) -> None:
    """Write a gzip file whose bytes depend on nothing but the lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(_bytes(lines), _GZIP_LEVEL, mtime=0))


def _bytes(values: pa.Array) -> bytes | memoryview:
    """All values one after the other, as they lie in memory."""
    if not len(values):
        return b""
    values = pc.binary_join_element_wise(values, "") if values.offset else values
    offsets, data = values.buffers()[1:]
    first, last = memoryview(offsets).cast("i")[0], memoryview(offsets).cast("i")[len(values)]
    return memoryview(data)[first:last]
