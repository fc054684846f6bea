"""Build text for many rows at once, as Arrow string arrays.

A million lines of JSON are joined from columns and from small tables of prepared pieces;
no row is ever visited in Python.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Bytes = npt.NDArray[np.uint8]

DAY_MS = 86_400_000
BASE62 = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789"


def join(*parts: pa.Array | str) -> pa.Array:
    """Concatenate columns and constants row by row; a null part makes the row null."""
    return pc.binary_join_element_wise(*parts, "")


def take(table: Sequence[str] | pa.Array, index: npt.NDArray[np.integer]) -> pa.Array:
    """The table's text at each index, one row per index."""
    values = table if isinstance(table, pa.Array) else pa.array(table, pa.string())
    return values.take(pa.array(index))


def choose(mask: Bools, yes: pa.Array | str | None, no: pa.Array | str | None) -> pa.Array:
    """``yes`` where the mask holds, else ``no``; None stands for null."""
    return pc.if_else(pa.array(mask), _scalar(yes), _scalar(no))


def _scalar(value: pa.Array | str | None) -> pa.Array:
    return value if isinstance(value, pa.Array) else pa.scalar(value, pa.string())


def blanks(n: int) -> pa.Array:
    """Null text, n times."""
    return pa.nulls(n, pa.string())


def whole(values: npt.NDArray[np.integer]) -> pa.Array:
    """Integers as decimal text."""
    return pa.array(values).cast(pa.string())


def fixed(matrix: Bytes) -> pa.Array:
    """Rows of ASCII codes, shape (n, width), as text without copying."""
    n, width = matrix.shape
    offsets = np.arange(n + 1, dtype=np.int32) * np.int32(width)
    flat = np.ascontiguousarray(matrix)
    return pa.StringArray.from_buffers(n, pa.py_buffer(offsets), pa.py_buffer(flat))


def padded(values: npt.NDArray[np.integer], width: int) -> pa.Array:
    """Integers with leading zeros."""
    places = 10 ** np.arange(width - 1, -1, -1)
    return fixed(((values[:, None] // places) % 10 + ord("0")).astype(np.uint8))


def tokens(rng: np.random.Generator, n: int, width: int, alphabet: str = BASE62) -> pa.Array:
    """Random text of a fixed width."""
    letters = np.frombuffer(alphabet.encode(), dtype=np.uint8)
    return fixed(letters[rng.integers(0, len(letters), (n, width), dtype=np.uint8)])


def uuids(rng: np.random.Generator, n: int) -> pa.Array:
    """Random UUIDs, version 4. Source: RFC 9562, section 5.4."""
    letters = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)
    text = letters[rng.integers(0, 16, (n, 36), dtype=np.uint8)]
    text[:, [8, 13, 18, 23]] = ord("-")
    text[:, 14] = ord("4")
    text[:, 19] = letters[8 + rng.integers(0, 4, n, dtype=np.uint8)]
    return fixed(text)


def quoted(values: Sequence[str]) -> list[str]:
    """Text safe inside JSON string quotes; for the small tables of pieces only."""
    return [value.replace("\\", "\\\\").replace('"', '\\"') for value in values]


def iso_ms(moments: Ints) -> pa.Array:
    """Milliseconds since 1970 as 2026-09-13T00:34:33.380Z."""
    text = np.empty((len(moments), 24), dtype=np.uint8)
    days, rest = np.divmod(moments, DAY_MS)
    text[:, :10] = _days(days)
    text[:, 11:19] = _seconds()[rest // 1000]
    text[:, 20:23] = _thousandths()[rest % 1000]
    text[:, 10], text[:, 19], text[:, 23] = ord("T"), ord("."), ord("Z")
    return fixed(text)


def iso_seconds(moments: Ints) -> pa.Array:
    """Milliseconds since 1970 as 2026-09-13T00:34:33Z."""
    text = np.empty((len(moments), 20), dtype=np.uint8)
    text[:, :10] = _days(moments // DAY_MS)
    text[:, 11:19] = _seconds()[moments % DAY_MS // 1000]
    text[:, 10], text[:, 19] = ord("T"), ord("Z")
    return fixed(text)


def iso_minutes(moments: Ints) -> pa.Array:
    """Milliseconds since 1970 as 2026-09-13 00:34."""
    text = np.empty((len(moments), 16), dtype=np.uint8)
    text[:, :10] = _days(moments // DAY_MS)
    text[:, 11:] = _seconds()[moments % DAY_MS // 1000][:, :5]
    text[:, 10] = ord(" ")
    return fixed(text)


def iso_dates(days: Ints) -> pa.Array:
    """Days since 1970 as 1990-11-30."""
    return fixed(_days(days))


def us_dates(days: Ints) -> pa.Array:
    """Days since 1970 as 11/30/1990."""
    iso = _days(days)
    slash = np.full((len(days), 1), ord("/"), dtype=np.uint8)
    return fixed(np.hstack((iso[:, 5:7], slash, iso[:, 8:10], slash, iso[:, :4])))


def _days(days: Ints) -> Bytes:
    """Dates of the days as rows of ten characters, from a table of the span they cover."""
    if not len(days):
        return np.empty((0, 10), dtype=np.uint8)
    first, last = int(days.min()), int(days.max())
    span = np.arange(first, last + 1).astype("datetime64[D]").astype("S10")
    table: Bytes = span.view(np.uint8).reshape(-1, 10)
    return table[days - first]


@lru_cache(maxsize=1)
def _seconds() -> Bytes:
    span = np.arange(86_400).astype("datetime64[s]").astype("S19")
    table: Bytes = span.view(np.uint8).reshape(-1, 19)[:, 11:]
    return np.ascontiguousarray(table)


@lru_cache(maxsize=1)
def _thousandths() -> Bytes:
    places = np.array([100, 10, 1])
    return np.asarray((np.arange(1000)[:, None] // places) % 10 + ord("0"), dtype=np.uint8)
