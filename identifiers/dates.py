"""Dates of birth in the formats of common tools."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from identifiers.text import as_texts, trimmed

# What programs and hands make of nothing: day one of spreadsheets, the two days before it and the one
# of old spreadsheets of the Macintosh, the first days of SQL Server's and of Windows' calendar, of two
# centuries and of the first that is read, one figure throughout, and the last day that most can hold.
NOTHING = np.array(
    [
        "1900-01-01", "1899-12-31", "1899-12-30", "1904-01-01", "1753-01-01", "1601-01-01",
        "1901-01-01", "1000-01-01", "1111-11-11", "9999-12-31",
    ],
    dtype="datetime64[D]",
)  # fmt: skip

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WORD = r"(?P<month>[a-z]{3})[a-z]*\.?"
_TIME = r"(?:[t ]\d{1,2}:\d{2}.*)?"
_YEAR_FIRST = rf"^(?P<year>\d{{4}})[-/.]?(?P<month>\d{{2}})[-/.]?(?P<day>\d{{2}}){_TIME}$"
_YEAR_LAST = rf"^(?P<one>\d{{1,2}})(?P<mark>[-/.])(?P<two>\d{{1,2}})[-/.](?P<year>\d{{4}}){_TIME}$"
# Read with the year first, such eight digits would have no month: their years begin with 13 to 29.
_JOINED = r"^(?P<one>\d{2})(?P<two>\d{2})(?P<year>(?:1[3-9]|2\d)\d{2})$"
_DAY_WORD = rf"^(?P<day>\d{{1,2}})(?:st|nd|rd|th|\.)?[ -]{_WORD}[ ,-]+(?P<year>\d{{4}})$"
_WORD_DAY = rf"^{_WORD} (?P<day>\d{{1,2}})(?:st|nd|rd|th)?,? (?P<year>\d{{4}})$"

Integers = npt.NDArray[np.int64]
Dates = npt.NDArray[np.datetime64]
Flags = npt.NDArray[np.bool_]
MISSING = -1

# Fewer dates may show one order by chance; of more than one in ten that differ, some hand or tool
# writes the other one, so that a date which may be either stays unread.
_LEAST_TOLD = 10
_MOST_CONTRARY = 0.1


@dataclass(frozen=True, slots=True)
class DateOrders:
    """Which sources write the month first, and which the day; of all others nobody knows."""

    month_first: tuple[str, ...] = ()
    day_first: tuple[str, ...] = ()

    def of(self, sources: pa.Array | pa.ChunkedArray) -> pa.Array:
        """Per source whether it writes the month first; null where nobody knows."""
        known = pa.array([*self.month_first, *self.day_first], pa.string())
        is_month_first = pa.array(
            [True] * len(self.month_first) + [False] * len(self.day_first), pa.bool_()
        )
        return is_month_first.take(pc.index_in(as_texts(sources), value_set=known))


def learn_date_orders(
    sources: pa.Array | pa.ChunkedArray, values: pa.Array | pa.ChunkedArray
) -> DateOrders:
    """Learn which number each source writes first, from the dates of which only one is a month.

    Args:
        sources: Where each date is from.
        values: Dates as given; best each different one of a source once.
    """
    parts = _YearLast.of(pc.utf8_lower(trimmed(as_texts(values))))
    is_month_first = (parts.one <= 12) & (parts.two > 12) & ~parts.is_dotted
    is_day_first = (parts.one > 12) & (parts.two <= 12) & ~parts.is_dotted
    told = pa.table(
        {
            "source": as_texts(sources),
            "month": pa.array(is_month_first),
            "day": pa.array(is_day_first),
        }
    )
    counts = told.group_by("source").aggregate([("month", "sum"), ("day", "sum")])
    return DateOrders(_surely(counts, "month", "day"), _surely(counts, "day", "month"))


def _surely(counts: pa.Table, one: str, other: str) -> tuple[str, ...]:
    """The sources that nearly always write the one first."""
    often, seldom = (pc.cast(counts.column(f"{name}_sum"), pa.float64()) for name in (one, other))
    enough = pc.greater_equal(often, _LEAST_TOLD)
    sure = pc.less_equal(seldom, pc.multiply(pc.add(often, seldom), _MOST_CONTRARY))
    return tuple(sorted(counts.column("source").filter(pc.and_(enough, sure)).to_pylist()))


def parse_birth_dates(
    values: pa.Array | pa.ChunkedArray,
    *,
    month_first: pa.Array | None = None,
    latest: np.datetime64 | None = None,
) -> pa.Array:
    """Read dates as they stand in exports; what can be read in two ways becomes null.

    "1990-11-30", "19901130", "11/30/1990", "30/11/1990", "11301990", "30.11.1990", "30 Nov 1990" and
    "Nov 30, 1990" are read. "04/05/1990" is null where nothing says which number is the month.
    Years of two digits are null too, and days that programs write for none. Any year from 1000 on is read:
    registers and archives hold the dead.

    Args:
        values: Dates as given, any case.
        month_first: Per value whether its source writes the month first, or the day; null where
            nobody knows; see ``learn_date_orders``. By default nobody knows.
        latest: The last day on which somebody may have been born; by default no bound.

    Returns:
        date32, one per value.
    """
    texts = pc.utf8_lower(trimmed(as_texts(values)))
    nobody = pa.nulls(len(texts), pa.bool_())
    parsed = np.full(len(texts), np.datetime64("NaT"), dtype="datetime64[D]")
    for found in (
        _year_first(texts),
        _year_last(texts, nobody if month_first is None else month_first),
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


@dataclass(frozen=True, slots=True)
class _YearLast:
    """Two numbers and a year, n each; where the text is no such date, all are ``MISSING``.

    ``is_dotted``: dots are written where the day comes first (Unicode CLDR 46: de, pl, cs, fi,
    nb, ru, tr).
    """

    one: Integers
    two: Integers
    year: Integers
    is_dotted: Flags

    @classmethod
    def of(cls, texts: pa.Array) -> _YearLast:
        """Take texts apart."""
        marked, joined = (pc.extract_regex(texts, pattern=each) for each in (_YEAR_LAST, _JOINED))
        one, two, year = (
            np.maximum(_number(marked, name), _number(joined, name))
            for name in ("one", "two", "year")
        )
        return cls(one, two, year, _filled(pc.equal(pc.struct_field(marked, "mark"), ".")))


def _year_last(texts: pa.Array, month_first: pa.Array) -> Dates:
    """Decide which of two numbers is the month, where anything decides it."""
    parts = _YearLast.of(texts)
    told_month = _filled(month_first) & ~parts.is_dotted
    told_day = _filled(pc.invert(month_first)) | parts.is_dotted | (parts.one == parts.two)
    is_month_first = (parts.one <= 12) & ((parts.two > 12) | told_month)
    is_day_first = ~is_month_first & ((parts.one > 12) | told_day)
    day = np.where(is_day_first, parts.one, np.where(is_month_first, parts.two, MISSING))
    month = np.where(is_day_first, parts.two, np.where(is_month_first, parts.one, MISSING))
    return _dates(parts.year, month, day)


def _worded(texts: pa.Array, pattern: str) -> Dates:
    parts = pc.extract_regex(texts, pattern=pattern)
    names = pc.struct_field(parts, "month")
    month = pc.add(pc.index_in(names, value_set=pa.array(_MONTHS, pa.string())), 1)
    numbers = pc.fill_null(pc.cast(month, pa.int64()), MISSING).to_numpy(zero_copy_only=False)
    return _dates(_number(parts, "year"), numbers, _number(parts, "day"))


def _number(parts: pa.Array, name: str) -> Integers:
    numbers = pc.cast(pc.struct_field(parts, name), pa.int64())
    return np.asarray(pc.fill_null(numbers, MISSING).to_numpy(zero_copy_only=False))


def _filled(flags: pa.Array) -> Flags:
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
