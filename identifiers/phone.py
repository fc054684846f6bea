"""Phone numbers in E.164, by Google's library of numbering plans."""

from __future__ import annotations

import re
from functools import lru_cache

import numpy as np
import phonenumbers
import pyarrow as pa
import pyarrow.compute as pc

from identifiers.countries import regions_of
from identifiers.distinct import over_distinct

# Runs that people type when a form wants a number: 0123456789 and back.
_RUNS = ("01234567890123456789", "98765432109876543210")
# Ten digits as they are written in North America, where the numbering plan knows no exception: area
# codes begin with 2 to 9 (NANPA). The library needs 30 microseconds for what this reads in one.
_PLAIN_TEN = (
    r"^(?:\+?1[ .-]?)?(?:\(([2-9][0-9]{2})\)|([2-9][0-9]{2}))[ .-]?([0-9]{3})[ .-]?([0-9]{4})$"
)
_PLAIN_REGIONS = frozenset({"US", "CA"})
# What ITU-T E.164 recommends to dial before a country code; not all countries do, but all write it.
_ABROAD = re.compile(r"[\s(]*00")
_SHORTEST = 7  # digits; shorter is an extension or a typing error (ITU-T E.164 leaves room for it)


def normalise_phones(values: pa.Array | pa.ChunkedArray, *, default_region: str) -> pa.Array:
    """Normalise n numbers, see :func:`normalise_phone`; what is none becomes null."""
    whole = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    texts = whole.cast(pa.string())
    if default_region not in _PLAIN_REGIONS:
        return _normalised(texts, default_region)
    plain = pc.fill_null(pc.match_substring_regex(texts, _PLAIN_TEN), fill_value=False)
    digits = pc.replace_substring_regex(texts.filter(plain), _PLAIN_TEN, r"\1\2\3\4")
    numbers = pc.if_else(
        pc.is_in(digits, value_set=_placeholders_of_ten()), None,
        pc.binary_join_element_wise("+1", digits, ""),
    )  # fmt: skip
    others = _normalised(texts.filter(pc.invert(plain)), default_region)
    place = pc.cumulative_sum(plain.cast(pa.int64()))
    other_place = pc.cumulative_sum(pc.invert(plain).cast(pa.int64()))
    taken = pc.if_else(
        plain, pc.subtract(place, 1), pc.add(len(numbers), pc.subtract(other_place, 1))
    )
    return pa.concat_arrays([numbers, others]).take(taken)


def phones_by_country(
    values: pa.Array | pa.ChunkedArray,
    countries: pa.Array | pa.ChunkedArray,
    *,
    default_region: str,
) -> pa.Array:
    """Normalise n numbers, each as it is dialled in a country of its own.

    Args:
        values: As written.
        countries: Per number a country as given, see :func:`regions_of`. Where it cannot be read,
            numbers with a country code of their own are.
        default_region: ISO country of numbers whose country is null.
    """
    texts, names = (
        pa.chunked_array([values]).combine_chunks().cast(pa.string()),
        pa.chunked_array([countries]).combine_chunks().cast(pa.string()),
    )
    regions = regions_of(names)
    codes = sorted(pc.unique(regions.drop_null()).to_pylist())
    found = pc.fill_null(pc.index_in(regions, value_set=pa.array(codes, pa.string())), len(codes))
    places = found.to_numpy(zero_copy_only=False)
    parts = [
        normalise_phones(texts.filter(pa.array(places == place)), default_region=region)
        for place, region in enumerate([*codes, default_region])
    ]
    back = np.argsort(np.argsort(places, kind="stable"), kind="stable")
    return pa.concat_arrays(parts).take(pa.array(back))


def _normalised(texts: pa.Array, default_region: str) -> pa.Array:
    return over_distinct(
        texts, lambda text: normalise_phone(text, default_region=default_region), pa.string()
    )


@lru_cache(maxsize=1)
def _placeholders_of_ten() -> pa.Array:
    """All placeholders among national numbers of ten digits."""
    repeated = (f"{area}{area}{digit * 4}" for area in range(200, 1000) for digit in "0123456789")
    runs = (run[start : start + 10] for run in _RUNS for start in range(len(run) - 9))
    return pa.array([*repeated, *runs, *(digit * 10 for digit in "23456789")], pa.string())


def normalise_phone(text: str, *, default_region: str) -> str | None:
    """Bring a number into E.164, e.g. +12065557870; None when it is none, or a placeholder.

    Numbers that are possible but not assigned (such as 555 numbers) count, because exports hold
    them and they compare well.

    Args:
        text: As written.
        default_region: ISO country of a number without a country code.
    """
    number = _possible(text, default_region)
    if number is None and (abroad := _ABROAD.match(text)):
        number = _possible(f"+{text[abroad.end() :]}", default_region)
    if number is None or _is_placeholder(number.national_number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _possible(text: str, region: str) -> phonenumbers.PhoneNumber | None:
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    return number if phonenumbers.is_possible_number(number) else None


def _is_placeholder(national: int | None) -> bool:
    """One digit throughout, a run of the keyboard, or 555-555-5555."""
    digits = str(national or "")
    if len(digits) < _SHORTEST or len(set(digits)) == 1:
        return True
    is_run = any(digits in run for run in _RUNS)
    return is_run or bool(re.fullmatch(r"(\d{3})\1(\d)\2{3}", digits))
