"""Cut CSV files into rows, each with its bytes and its line, and rows into fields (RFC 4180).

The engine's own CSV reader loses what follows a quote that is never closed, and does not say on
which line a row stands. Here a row that does not fit the header costs one line, never its
neighbours, and an erasure can take away a row's bytes and leave the others as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ingestion.files import (
    BLOCK_BYTES,
    BYTE_ORDER_MARK,
    LandingFile,
    line_table,
    reading_bytes,
)
from warehouse import Warehouse

# A row with quoted line breaks may be this long; where one is longer, each of its lines is refused.
MAX_ROW_BYTES = 1024 * 1024
# RE2 refuses to repeat a part more than 1,000 times, and each repetition costs memory.
_MAX_COUNTED = 200


@dataclass(frozen=True, slots=True)
class CsvForm:
    """How one CSV file is written.

    Attributes:
        delimiter: Between fields; one ASCII character.
        width: Fields of the header.
    """

    delimiter: str
    width: int

    def row_pattern(self) -> str:
        """What a whole row looks like, without its line end."""
        further = self.width - 1
        times = f"{{{further}}}" if further <= _MAX_COUNTED else "*"
        field = rf'(?:"(?:[^"]|"")*"|[^"{self._mark}\n][^{self._mark}\n]*|)'
        return rf"{field}(?:{self._mark}{field}){times}"

    def fields_sql(self, text: str) -> str:
        """An expression for the list of a row's fields as written; null where it is no row."""
        mark = f"chr({ord(self.delimiter)})"
        quoted = rf'("(?:[^"]|"")*"|[^"{self._mark}][^{self._mark}]*|){self._mark}'
        plain = f"string_split({text}, {mark})"
        taken_apart = f"regexp_extract_all({text} || {mark}, '{quoted}', 1)"
        return f"""
        case when {text} is null or contains({text}, chr(0)) then null
            when not contains({text}, '"') then
                case when len({plain}) = {self.width} then {plain} end
            when regexp_full_match({text}, '{self.row_pattern()}')
                -- the pattern of a very wide row does not count its fields
                then case when len({taken_apart}) = {self.width} then {taken_apart} end
        end"""

    @property
    def _mark(self) -> str:
        return rf"\x{ord(self.delimiter):02X}"


def likely_delimiter(header: Sequence[str]) -> str | None:
    """What seems to stand between the columns of a header that was read as one; None: nothing."""
    if len(header) != 1:
        return None
    return max((sign for sign in ";\t|," if sign in header[0]), key=header[0].count, default=None)


def unquoted_sql(field: str) -> str:
    """An expression for the value of a field as written; null where it is empty."""
    inner = f"""replace({field}[2:-2], '""', '"')"""
    return f"nullif(case when {field}[1] = '\"' then {inner} else {field} end, '')"


def read_rows(warehouse: Warehouse, file: LandingFile, form: CsvForm) -> Iterator[pa.Table]:
    """Read a file's rows in blocks, of schema ``LINES``; header and blank lines are no rows.

    A line that is no row of the header's form comes by itself.

    Raises:
        UnreadableFileError: The file ends in the middle of its compression, or cannot be read.
    """
    first, rest, is_start = 1, b"", True
    with reading_bytes(file) as stream:
        while True:
            block = stream.read(BLOCK_BYTES)
            data = rest + block
            if is_start:
                data, is_start = data.removeprefix(BYTE_ORDER_MARK), False
            if not block:
                data += b"" if data.endswith(b"\n") or not data else b"\n"
            ends = _row_ends(warehouse, data, form, is_last=not block)
            taken = int(ends[-1]) if len(ends) else 0
            if taken:
                yield _rows(data[:taken], ends, first)
            first += data.count(b"\n", 0, taken)
            rest = data[taken:]
            if not block:
                return


def _row_ends(
    warehouse: Warehouse, data: bytes, form: CsvForm, *, is_last: bool
) -> npt.NDArray[np.int64]:
    """Where the rows of a block end; what may go on in the next block is left for it."""
    whole = data[: data.rfind(b"\n") + 1]
    if not whole:
        return np.array([], np.int64)
    # Read as Latin-1 every byte is one character, so lengths count bytes, whatever they say.
    text = pa.table({"content": pa.array([whole.decode("latin-1")], pa.large_string())})
    pattern = rf"{form.row_pattern()}\r?\n|[^\n]*\n"
    with warehouse.view("candor_block", text):
        lengths = warehouse.read(
            f"select unnest(list_transform(regexp_extract_all(content, '{pattern}'), "
            "lambda piece: length(piece))) as bytes from candor_block"
        )
    ends = np.cumsum(lengths["bytes"].to_numpy(), dtype=np.int64)
    return ends if is_last else ends[ends <= len(data) - MAX_ROW_BYTES]


def _rows(data: bytes, ends: npt.NDArray[np.int64], first: int) -> pa.Table:
    starts = np.concatenate(([0], ends[:-1]))
    breaks = np.flatnonzero(np.frombuffer(data, np.uint8) == 0x0A)
    lines = first + np.searchsorted(breaks, starts)
    table = line_table(0, lines, data, np.concatenate(([0], ends)))
    return table.filter(pc.greater(table["line"], 1))
