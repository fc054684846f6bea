"""Dates of birth in the formats of common tools."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from identifiers.text import as_texts, trimmed

# What programs make of nothing: day one of spreadsheets and the two days before it, the first days of
# SQL Server's and of Windows' calendar, and of the first century that is read.
NOTHING = np.array(
    ["1900-01-01", "1899-12-31", "1899-12-30", "1753-01-01", "1601-01-01", "1000-01-01"],
    dtype="datetime64[D]",
)

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WORD = r"(?P<month>[a-z]{3})[a-z]*\.?"
_TIME = r"(?:[t ]\d{1,2}:\d{2}.*)?"
_YEAR_FIRST = rf"^(?P<year>\d{{4}})[-/.]?(?P<month>\d{{2}})[-/.]?(?P<day>\d{{2}}){_TIME}$"
_YEAR_LAST = rf"^(?P<one>\d{{1,2}})(?P<mark>[-/.])(?P<two>\d{{1,2}})[-/.](?P<year>\d{{4}}){_TIME}$"
_DAY_WORD = rf"^(?P<day>\d{{1,2}})(?:st|nd|rd|th|\.)?[ -]{_WORD}[ ,-]+(?P<year>\d{{4}})$"
_WORD_DAY = rf"^{_WORD} (?P<day>\d{{1,2}})(?:st|nd|rd|th)?,? (?P<year>\d{{4}})$"

Integers = npt.NDArray[np.int64]
Dates = npt.NDArray[np.datetime64]
MISSING = -1


def parse_birth_dates(
    values: pa.Array | pa.ChunkedArray, *, latest: np.datetime64 | None = None
) -> pa.Array:
    """Read dates as they stand in exports; what can be read in two ways becomes null.

    "1990-11-30", "19901130", "11/30/1990", "30/11/1990", "30.11.1990", "30 Nov 1990" and
    "Nov 30, 1990" are read. "04/05/1990" is null: nothing says which number is the month.
    Years of two digits are null too, and days that programs write for none. Any year from 1000 on is read:
    registers and archives hold the dead.

    Args:
        values: Dates as given, any case.
        latest: The last day on which somebody may have been born; by default no bound.

    Returns:
        date32, one per value.
    """
    texts = pc.utf8_lower(trimmed(as_texts(values)))
    parsed = np.full(len(texts), np.datetime64("NaT"), dtype="datetime64[D]")
    for found in (
        _year_first(texts),
        _year_last(texts),
        _worded(texts, _DAY_WORD),
        _worded(texts, _WORD_DAY),
    ):
        parsed = np.where(np.isnat(parsed), found, parsed)
    parsed[np.isin(parsed, NOTHING)] = np.datetime64("NaT")
    if latest is not None:
        parsed[parsed > latest] = np.datetime64("NaT")
    return pa.array(parsed, pa.date32())


def _year_first(texts: pa.Array) -> Dates:
    parts = pc.extract_regex(texts, pattern=_YEAR_FIRST)
    return _dates(_number(parts, "year"), _number(parts, "month"), _number(parts, "day"))


def _year_last(texts: pa.Array) -> Dates:
    """Decide which of two numbers is the month, where anything decides it."""
    parts = pc.extract_regex(texts, pattern=_YEAR_LAST)
    one, two, year = (_number(parts, name) for name in ("one", "two", "year"))
    # Dots are written where the day comes first (Unicode CLDR 46: de, pl, cs, fi, nb, ru, tr).
    dotted = _filled(pc.equal(pc.struct_field(parts, "mark"), "."))
    day_first = dotted | (one > 12) | (one == two)
    month_first = ~day_first & (two > 12)
    day = np.where(day_first, one, np.where(month_first, two, MISSING))
    month = np.where(day_first, two, np.where(month_first, one, MISSING))
    return _dates(year, month, day)


def _worded(texts: pa.Array, pattern: str) -> Dates:
    parts = pc.extract_regex(texts, pattern=pattern)
    names = pc.struct_field(parts, "month")
    month = pc.add(pc.index_in(names, value_set=pa.array(_MONTHS, pa.string())), 1)
    numbers = pc.fill_null(pc.cast(month, pa.int64()), MISSING).to_numpy(zero_copy_only=False)
    return _dates(_number(parts, "year"), numbers, _number(parts, "day"))


def _number(parts: pa.Array, name: str) -> Integers:
    numbers = pc.cast(pc.struct_field(parts, name), pa.int64())
    return np.asarray(pc.fill_null(numbers, MISSING).to_numpy(zero_copy_only=False))


def _filled(flags: pa.Array) -> npt.NDArray[np.bool_]:
    return np.asarray(pc.fill_null(flags, fill_value=False).to_numpy(zero_copy_only=False))


def _dates(year: Integers, month: Integers, day: Integers) -> Dates:
    """Join the parts; a day that its month does not have (30 February) is no date."""
    usable = (year >= 1000) & (month >= 1) & (month <= 12) & (day >= 1)
    months = ((np.where(usable, year, 1970) - 1970) * 12 + np.where(usable, month, 1) - 1).astype(
        "datetime64[M]"
    )
    days = months.astype("datetime64[D]") + (np.where(usable, day, 1) - 1)
    usable &= days.astype("datetime64[M]") == months
    return np.where(usable, days, np.datetime64("NaT"))
