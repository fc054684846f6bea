"""Checks of a line of JSON as text, before anybody reads its fields."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt
import pyarrow as pa

# The deepest payload of the Spec has 5 levels; this leaves room and keeps parsers from harm.
MAX_DEPTH = 64
# A quick look for numbers that need a closer one: long, with a large exponent, or none at all.
_MAY_BE_WILD = r"""regexp_matches(text, '[:,\[]\s*-?(?:[0-9]{17}|[0-9]+(?:[.][0-9]+)?[eE][+]?[0-9]{3}|NaN|Infinity)')"""

# The shortest run of digits that may be beyond 64 bits.
_LONG_NUMBER = 17
# Lines are looked at together as far as they fit in a processor's cache.
_TILE_BYTES = 1024 * 1024
# What is longer than this is refused for its length by every format.
_LONGEST_LINE = 64 * 1024 * 1024
_ENDS_NUMBER = np.frombuffer(b",]} \t\r\n", np.uint8)

# Why a line is refused before its fields are read; the reason never holds a value of the line.
REASONS = {
    "invalid_utf8": "the line is not UTF-8 text: save the file as UTF-8",
    "null_byte": "the line holds a null character",
    "invalid_json": "the line is not complete JSON",
    "not_an_object": "the line is JSON but not an object",
    "empty_object": "the object has no fields",
    "too_deep": f"the object nests deeper than {MAX_DEPTH} levels",
    "number_out_of_range": "a number is too large for 64 bits, or is not a number",
}


def odd_lines(raw: pa.ChunkedArray) -> pa.ChunkedArray:
    """Tell which lines are worth the costly checks of :func:`shape_code_sql`.

    Looking through many lines at once takes half the time of the engine's regular expressions over
    one after the other, and none of the engine's.

    Args:
        raw: Lines, as large_binary.

    Returns:
        Whether a line has more than ``MAX_DEPTH`` opening brackets, a text that begins with one, or
        what may be a number beyond 64 bits; a few have none of these.
    """
    found = [_odd_lines_of(chunk) for chunk in raw.chunks]
    return pa.chunked_array([pa.array(one) for one in found], pa.bool_())


def _odd_lines_of(chunk: pa.LargeBinaryArray) -> npt.NDArray[np.bool_]:
    _, places, text = chunk.buffers()
    offsets = np.frombuffer(places, np.int64)[chunk.offset : chunk.offset + len(chunk) + 1]
    data = np.frombuffer(text, np.uint8)
    tiles = np.arange(offsets[0], offsets[-1], _TILE_BYTES)
    cuts = np.unique(np.append(np.searchsorted(offsets, tiles), len(chunk)))
    found = np.zeros(len(chunk), np.bool_)
    for first, last in itertools.pairwise(cuts.tolist()):
        ends = offsets[first : last + 1]
        tile = data[ends[0] : ends[-1]]
        if len(tile) > _LONGEST_LINE:
            found[first:last] = True
            continue
        found[first:last] = _odd_lines_in(tile, ends - ends[0])
    return found


def _odd_lines_in(
    data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    low = data | np.uint8(0x20)
    # The letter case of an opening bracket is an opening brace.
    opening = np.flatnonzero(low == ord("{"))
    found = np.diff(np.searchsorted(opening, offsets)) > MAX_DEPTH
    is_digit = (data - np.uint8(ord("0"))) < np.uint8(10)
    in_texts = opening[data[opening - 1] == ord('"')]
    numbers = (_long_numbers(is_digit), _exponents(data, low, is_digit), _no_numbers(data))
    for places in (in_texts, *numbers):
        found[np.searchsorted(offsets, places, "right") - 1] = True
    return found


def _long_numbers(is_digit: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Where runs of ``_LONG_NUMBER`` digits are: each fills one aligned word of eight bytes."""
    words = is_digit[: len(is_digit) // 8 * 8].view(np.uint64)
    inside = np.flatnonzero(words == np.uint64(0x0101010101010101)) * 8
    last = _run_end(is_digit, inside, 1, most=_LONG_NUMBER)
    first = _run_end(is_digit, inside, -1, most=_LONG_NUMBER)
    return np.extract(last - first - 1 >= _LONG_NUMBER, inside)


def _exponents(
    data: npt.NDArray[np.uint8], low: npt.NDArray[np.uint8], is_digit: npt.NDArray[np.bool_]
) -> npt.NDArray[np.int64]:
    """Where numbers with a large exponent may end.

    A hexadecimal id often looks like one, but is seldom followed by what follows a number.
    """
    begins = (low[1:-3] == ord("e")) & is_digit[:-4] & is_digit[3:-1] & is_digit[4:]
    begins &= data[2:-2] != ord("-")  # however small, a double holds it
    ends = _run_end(is_digit, np.flatnonzero(begins) + 3, 1, most=5)
    ends = ends[ends < len(data)]
    return np.extract(is_digit[ends] | np.isin(data[ends], _ENDS_NUMBER), ends)


def _no_numbers(data: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Where NaN or Infinity may stand."""
    capital = np.flatnonzero((data[:-2] == ord("N")) | (data[:-2] == ord("I")))
    second, third = data[capital + 1], data[capital + 2]
    is_nan = (second == ord("a")) & (third == ord("N"))
    is_infinity = (second == ord("n")) & (third == ord("f"))
    return np.extract(is_nan | is_infinity, capital)


def _run_end(
    is_digit: npt.NDArray[np.bool_], places: npt.NDArray[np.int64], step: int, *, most: int
) -> npt.NDArray[np.int64]:
    """The first place from each of these, forward or back, that holds no digit, or the last tried."""
    places = places.copy()
    going = np.arange(len(places))
    for _ in range(most):
        at = places[going]
        # Before the first place and after the last one there is no digit.
        going = going[(at >= 0) & is_digit.take(at, mode="clip") & (at < len(is_digit))]
        if not len(going):
            break
        places[going] += step
    return places


def shape_code_sql(max_bytes: int, is_odd: str = "true") -> str:
    """The checks that look at the text as a whole, cheapest first.

    A costly check stands in a case of its own: the engine evaluates both sides of an ``and``, but a
    branch of a case only for the rows that reach it.

    Args:
        max_bytes: The longest line.
        is_odd: An expression for what :func:`odd_lines` says of the line.
    """
    return f"""
    case
        when text is null then 'invalid_utf8'
        when bytes > {max_bytes} + 2 then 'too_large'
        when contains(text, chr(0)) then 'null_byte'
        when case when contains(text, '\\') then contains(text, '\\u0000') else false end
            then 'null_byte'
        when not json_valid(text) then 'invalid_json'
        when case when starts_with(text, '{{') then false else json_type(text) <> 'OBJECT' end
            then 'not_an_object'
        when not contains(text, '"') then 'empty_object'
        when case when {is_odd} then {_look_twice(_many_brackets(), _is_too_deep())} else false end
            then 'too_deep'
        when case when {is_odd} then {_look_twice(_MAY_BE_WILD, _has_wild_number())} else false end
            then 'number_out_of_range'
    end"""


def _look_twice(quick: str, thorough: str) -> str:
    return f"case when {quick} then {thorough} else false end"


def _without_strings() -> str:
    return r"""regexp_replace(text, '"(?:[^"\\]|\\.)*"', '', 'g')"""


def _many_brackets() -> str:
    return f"length(text) - length(replace(replace(text, '{{', ''), '[', '')) > {MAX_DEPTH}"


def _is_too_deep() -> str:
    """Whether brackets are left after the innermost pairs were taken away MAX_DEPTH times."""
    brackets = f"regexp_replace({_without_strings()}, '[^][{{}}]', '', 'g')"
    rounds = f"list_transform(range({MAX_DEPTH}), lambda i: '')"
    return rf"""
    length(list_reduce(
        list_prepend({brackets}, {rounds}),
        lambda remaining, turn: regexp_replace(remaining, '\{{\}}|\[\]', '', 'g')
    )) > 0"""


def _has_wild_number() -> str:
    """Beyond 64 bits as a whole number, beyond a double as a fraction, or NaN."""
    return f"""
    (regexp_matches({_without_strings()}, 'NaN|Infinity')
        or len(list_filter(
            regexp_extract_all({_without_strings()}, '-?[0-9]+(?:[.][0-9]+)?(?:[eE][+-]?[0-9]+)?'),
            lambda n: not isfinite(coalesce(try_cast(n as double), 'inf'::double))
                or (regexp_full_match(n, '-?[0-9]+') and try_cast(n as bigint) is null
                    and try_cast(n as ubigint) is null)
        )) > 0)"""
