"""How values are mistyped, shortened and written differently from tool to tool."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sample.chance import happens, pick
from sample.households import GIVEN_NAMES
from sample.names import STREET_KINDS
from sample.text import Ints, choose, fixed, iso_dates, join, take, us_dates, whole

_SHORTEST = 4  # letters of a word that is mistyped
_NICKNAMES = [name for names in GIVEN_NAMES for name in names[1:]]
_NICKNAME_COUNT = np.array([len(names) - 1 for names in GIVEN_NAMES], dtype=np.int64)
_NICKNAME_START = np.cumsum(_NICKNAME_COUNT) - _NICKNAME_COUNT
_SLIPS = (("gmail.com", "gmial.com"), ("outlook.com", "outlok.com"), ("yahoo.com", "yaho.com"))


def misspell(rng: np.random.Generator, text: pa.Array, share: float) -> pa.Array:
    """Swap, drop or double one inner letter of a share of the (ASCII) texts."""
    lengths = pc.fill_null(pc.binary_length(text), 0).to_numpy(zero_copy_only=False)
    hit = happens(rng, len(text), share) & (lengths >= _SHORTEST)
    if not hit.any():
        return text
    rows, length = pa.array(np.flatnonzero(hit)), lengths[hit].astype(np.int64)
    wrong = pc.utf8_rtrim(fixed(_mistyped(rng, text.take(rows), length)), " ")
    return pc.replace_with_mask(text, pa.array(hit), wrong)


def _mistyped(
    rng: np.random.Generator, words: pa.Array, length: Ints
) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    """Rows of letters, filled up with spaces, with one slip each."""
    n, width = len(words), int(length.max()) + 1
    padded = pc.utf8_rpad(words, width, " ")
    letters = np.frombuffer(
        padded.buffers()[2], np.uint8, n * width, padded.offset * width
    ).reshape(n, width)
    place = np.arange(width)[None, :]
    at = (1 + rng.integers(0, 1 << 30, n) % (length - 2))[:, None]
    swapped = np.where(place == at, at + 1, np.where(place == at + 1, at, place))
    dropped = np.minimum(np.where(place >= at, place + 1, place), width - 1)
    doubled = np.where(place > at, place - 1, place)
    slip = rng.integers(0, 3, n)[:, None]
    return np.take_along_axis(
        letters, np.select([slip == 0, slip == 1], [swapped, dropped], doubled), axis=1
    )


def shorten(rng: np.random.Generator, first: pa.Array, given: Ints, share: float) -> pa.Array:
    """The nickname instead of the given name, for a share of those who have one."""
    count = _NICKNAME_COUNT[given]
    uses = happens(rng, len(given), share) & (count > 0)
    which = _NICKNAME_START[given] + rng.integers(0, 1 << 30, len(given)) % np.maximum(count, 1)
    return choose(uses, take(_NICKNAMES, np.minimum(which, len(_NICKNAMES) - 1)), first)


def recase(rng: np.random.Generator, text: pa.Array, share: float) -> pa.Array:
    """Capitals or small letters throughout, for a share of the texts."""
    loud, quiet = happens(rng, len(text), share / 2), happens(rng, len(text), share / 2)
    return choose(loud, pc.utf8_upper(text), choose(quiet, pc.utf8_lower(text), text))


def mistype_address(rng: np.random.Generator, email: pa.Array, share: float) -> pa.Array:
    """Slips in an e-mail address: a letter before the @, or the provider's name."""
    halves = pc.split_pattern(email, "@", max_splits=1)
    has_at = pc.equal(pc.list_value_length(halves), 2)
    whole_address = pc.if_else(has_at, email, "x@x")  # keeps "null" and the like out of the way
    halves = pc.split_pattern(whole_address, "@", max_splits=1)
    host = pc.list_element(halves, 1)
    for right, wrong in _SLIPS:
        host = choose(
            happens(rng, len(email), share / 3), pc.replace_substring(host, right, wrong), host
        )
    typed = join(misspell(rng, pc.list_element(halves, 0), share), "@", host)
    return pc.if_else(has_at, recase(rng, typed, 0.08), email)


def write_phone(rng: np.random.Generator, digits: pa.Array) -> pa.Array:
    """Ten digits in one of seven usual forms."""
    n = len(digits)
    area, exchange, line = (
        pc.utf8_slice_codeunits(digits, *cut) for cut in ((0, 3), (3, 6), (6, 10))
    )
    style = pick(rng, n, [26, 26, 10, 14, 6, 13, 5])
    return pc.choose(
        pa.array(style), join("(", area, ") ", exchange, "-", line), join(area, "-", exchange, "-", line),
        join(area, ".", exchange, ".", line), join("+1", digits), join("1 ", area, " ", exchange, " ", line),
        digits, join(area, "-", exchange, "-", line, " ext. ", whole(rng.integers(10, 99, n))),
    )  # fmt: skip


def write_street(rng: np.random.Generator, street: pa.Array) -> pa.Array:
    """The kind of street written out for half of them, and a flat added to a few."""
    n = len(street)
    long = street
    for short, written_out in STREET_KINDS:
        long = pc.replace_substring_regex(long, f" {short}$", f" {written_out}")
    text = choose(happens(rng, n, 0.5), long, street)
    flat = join(text, " Apt ", whole(rng.integers(1, 40, n)))
    return recase(rng, choose(happens(rng, n, 0.05), flat, text), 0.1)


def write_full_name(rng: np.random.Generator, first: pa.Array, last: pa.Array) -> pa.Array:
    """Both names in one field, in no fixed order; the last name alone where there is no first."""
    style = pick(rng, len(first), [62, 14, 14, 6, 4])
    initial = pc.utf8_slice_codeunits(first, 0, 1)
    text = pc.choose(
        pa.array(style), join(first, " ", last), join(last, ", ", first), join(last, " ", first),
        join(initial, ". ", last), first,
    )  # fmt: skip
    return pc.coalesce(text, last, first)


def write_birth_date(rng: np.random.Generator, day: Ints, share: float) -> pa.Array:
    """A date of birth for a share of the people; one in fifty is wrong by some days."""
    n = len(day)
    typed = np.where(happens(rng, n, 0.02), day + rng.integers(-15, 16, n), day)
    text = choose(happens(rng, n, 0.6), iso_dates(typed), us_dates(typed))
    return choose(happens(rng, n, share), text, None)
