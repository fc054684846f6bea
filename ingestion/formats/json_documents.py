"""JSON documents in a file: one a line, printed over several lines, or as items of one array.

What the file holds decides, not its name. Documents are found by their brackets, in whole arrays of
bytes: nothing here loops over documents.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ingestion.errors import UnreadableFileError
from ingestion.files import (
    BLOCK_BYTES,
    BYTE_ORDER_MARK,
    CHUNK_ROWS,
    LINES,
    LandingFile,
    read_lines,
    reading_bytes,
)

# Lines with the last line of each (a document may reach over several), and its place among the
# documents that begin in its line.
DOCUMENTS = LINES.append(pa.field("last_line", pa.int64())).append(pa.field("place", pa.int32()))

# A file that is not one document a line is held in memory with about nine times its size.
MAX_PRINTED_BYTES = 64 * 1024 * 1024

_BLANK = b" \t\r\n"
_BETWEEN = np.frombuffer(b" \t\r\n,[]", np.uint8)

Places = npt.NDArray[np.int64]


def read_document_blocks(files: Sequence[LandingFile]) -> Iterator[pa.Table]:
    """Read the documents of several files, several small files to a block.

    Yields:
        Tables of schema ``DOCUMENTS``; what is no document is one row for each gap.

    Raises:
        UnreadableFileError: A file cannot be read, or is too large to be one printed document.
    """
    waiting: list[pa.Table] = []
    size = 0
    for number, file in enumerate(files):
        for block in read_documents(file, number):
            waiting.append(block)
            size += block.nbytes
            if size >= BLOCK_BYTES:
                yield _in_chunks(waiting)
                waiting, size = [], 0
    if waiting:
        yield _in_chunks(waiting)


def read_documents(file: LandingFile, number: int) -> Iterator[pa.Table]:
    """Read one file's documents in blocks, see :func:`read_document_blocks`."""
    with reading_bytes(file) as stream:
        head = stream.read(MAX_PRINTED_BYTES + 1)
    head = head.removeprefix(BYTE_ORDER_MARK)
    if not _begins_with_whole_line(head):
        found = _Documents.of(head) if len(head) <= MAX_PRINTED_BYTES else None
        if found is not None and (found.is_clean or not _has_whole_line(head)):
            yield found.table(head, number)
            return
        if found is None and not _has_whole_line(head):
            limit = MAX_PRINTED_BYTES // 1024**2
            raise UnreadableFileError(
                file.name, f"it is one document of more than {limit} MB; write one batch a line"
            )
    for block in read_lines(file, number):
        yield block.append_column(DOCUMENTS.field("last_line"), block["line"]).append_column(
            DOCUMENTS.field("place"), pa.array(np.zeros(block.num_rows, np.int32))
        )


@dataclass(frozen=True, slots=True)
class _Documents:
    """Where the objects of a text lie that stand alone or are items of an array.

    Attributes:
        begins: Ascending places of opening brackets.
        ends: Of the same length: the places after the closing brackets.
        gaps: Pairs of begin and end of what is no document, nor white space or punctuation of an
            array.
    """

    begins: Places
    ends: Places
    gaps: npt.NDArray[np.int64]

    @classmethod
    def of(cls, data: bytes) -> _Documents:
        text = np.frombuffer(data, np.uint8)
        begins, ends = _objects(text)
        is_outside = ~_is_covered(len(text), begins, ends)
        left = np.flatnonzero(is_outside & ~np.isin(text, _BETWEEN))
        gap_of = np.searchsorted(begins, left)
        firsts = np.flatnonzero(np.diff(gap_of, prepend=-1))
        lasts = np.append(firsts[1:], len(left))[: len(firsts)] - 1
        return cls(begins, ends, np.column_stack((left[firsts], left[lasts] + 1)))

    @property
    def is_clean(self) -> bool:
        """Whether the text holds nothing else."""
        return not len(self.gaps)

    def table(self, data: bytes, number: int) -> pa.Table:
        """The documents and gaps, of schema ``DOCUMENTS``.

        Those that share a line count as standing in the first of these lines and as reaching to
        the last: they can only be erased together.
        """
        begins = np.concatenate((self.begins, self.gaps[:, 0]))
        ends = np.concatenate((self.ends, self.gaps[:, 1]))
        order = np.argsort(begins, kind="stable")
        begins, ends = begins[order], ends[order]
        newlines = np.flatnonzero(np.frombuffer(data, np.uint8) == 0x0A)
        firsts, lasts = (np.searchsorted(newlines, place) + 1 for place in (begins, ends - 1))
        unit = np.cumsum(np.append(True, firsts[1:] > lasts[:-1])[: len(firsts)]) - 1
        opens = np.flatnonzero(np.diff(unit, prepend=-1))
        closes = np.append(opens[1:], len(unit))[: len(opens)] - 1
        return pa.table(
            [
                np.full(len(begins), number, np.int32), firsts[opens][unit],
                self._raw(data, begins, ends), lasts[closes][unit],
                (np.arange(len(unit)) - opens[unit]).astype(np.int32),
            ],
            schema=DOCUMENTS,
        )  # fmt: skip

    def _raw(self, data: bytes, begins: Places, ends: Places) -> pa.LargeBinaryArray:
        """The texts, each with blanks up to the next one: Arrow's texts touch."""
        text = np.frombuffer(data, np.uint8).copy()
        text[~_is_covered(len(text), begins, ends)] = ord(" ")
        offsets = np.append(begins, ends[-1:] if len(ends) else 0).astype(np.int64)
        buffers = [None, pa.py_buffer(offsets), pa.py_buffer(text.tobytes())]
        return pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(begins), buffers)


def _is_covered(length: int, begins: Places, ends: Places) -> npt.NDArray[np.bool_]:
    covered = np.zeros(length + 1, np.int8)
    covered[begins] = 1
    # A document may begin where another one ends.
    np.subtract.at(covered, ends, 1)
    return np.cumsum(covered[:-1], dtype=np.int8) > 0


def _objects(text: npt.NDArray[np.uint8]) -> tuple[Places, Places]:
    """Begin and end of each object that is inside of nothing or of one array only."""
    places, depth = _brackets(text)
    before = depth - np.where(_is_any(text[places], b"{["), 1, -1)
    is_outermost = (before == 0) & (depth == 1)
    outer = np.maximum.accumulate(np.where(is_outermost, np.arange(len(places)), -1))
    in_array = (text[places[np.maximum(outer, 0)]] == ord("[")) & (outer >= 0)
    home = np.where(in_array, 1, 0)
    begins = places[(text[places] == ord("{")) & (before == home)]
    ends = places[(text[places] == ord("}")) & (depth == home)] + 1
    count = min(len(begins), len(ends))
    begins, ends = begins[:count], ends[:count]
    is_whole = (ends > begins) & np.append(begins[1:] >= ends[:-1], True)[:count]
    return begins[is_whole], ends[is_whole]


def _brackets(text: npt.NDArray[np.uint8]) -> tuple[Places, npt.NDArray[np.int64]]:
    """Places of brackets outside strings, and how deep the text is after each."""
    places = np.flatnonzero(_is_any(text, b"{}[]"))
    is_inside = np.searchsorted(_quotes(text), places) % 2 == 1
    places = places[~is_inside]
    return places, np.cumsum(np.where(_is_any(text[places], b"{["), 1, -1))


def _quotes(text: npt.NDArray[np.uint8]) -> Places:
    """Places of the quotes that begin or end a string: before them an even run of backslashes."""
    quotes = np.flatnonzero(text == ord('"'))
    slashes = np.flatnonzero(text == ord("\\"))
    if not len(slashes):
        return quotes
    begins = np.flatnonzero(np.diff(slashes, prepend=-2) != 1)
    run = np.searchsorted(begins, np.arange(len(slashes)), side="right") - 1
    length = np.arange(len(slashes)) - begins[run] + 1
    before = np.searchsorted(slashes, quotes) - 1
    is_next = (before >= 0) & (slashes[np.maximum(before, 0)] == quotes - 1)
    is_escaped = is_next & (length[np.maximum(before, 0)] % 2 == 1)
    return np.asarray(quotes[~is_escaped], np.int64)


def _is_any(text: npt.NDArray[np.uint8], signs: bytes) -> npt.NDArray[np.bool_]:
    table = np.zeros(256, np.bool_)
    table[list(signs)] = True
    return table[text]


def _begins_with_whole_line(head: bytes) -> bool:
    """Whether the first line that is not blank is a whole JSON value."""
    text = head.lstrip(_BLANK)
    return not text or _is_whole(text.partition(b"\n")[0])


def _has_whole_line(head: bytes) -> bool:
    """Whether one of the first lines is an object by itself, as no line of a printed batch is."""
    lines = head[: 1024**2].split(b"\n")[:200]
    return any(
        line.startswith(b"{") and len(line) > len(b"{}") and _is_whole(line) for line in lines
    )


def _is_whole(line: bytes) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _in_chunks(tables: Sequence[pa.Table]) -> pa.Table:
    whole = pa.concat_tables(tables)
    return pa.Table.from_batches(whole.to_batches(max_chunksize=CHUNK_ROWS), whole.schema)
