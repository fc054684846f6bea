"""Names of persons: folding, and splitting one field into its parts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from identifiers.nicknames import known_given_names
from identifiers.placeholders import null_placeholders
from identifiers.text import folded, trimmed

_TITLE = r"(?i)^(?:(?:mr|mrs|ms|miss|mx|dr|prof|professor|sir|herr|frau|mme|hon|rev)\.? +)+"
_SUFFIX = r"(?i)[ ,]+(?:jr|sr|ii|iii|iv|ph\.?d|m\.?d|esq|mba|cpa|dds)\.?$"
_PARTICLE = r"(?:van|von|der|den|de|del|della|di|da|dos|du|la|le|st\.?|san|bin|ibn|al|el|ter|ten)"
_LAST_FIRST = r"^(?P<last>[^,]+?) ?, ?(?P<first>[^, ]+)(?: (?P<middle>[^,]+))?$"
_FIRST_LAST = rf"(?i)^(?P<first>[^ ,]+)(?: (?P<middle>[^,]+?))?? (?P<last>(?:{_PARTICLE} )*[^ ,]+)$"

# A pair of names is turned round only when each is this many times commoner on the other side.
_TURN_RATIO = 3.0
# Seen less often than this in a column, a name says nothing about where it stands.
_MIN_SEEN = 3

Flags = npt.NDArray[np.bool_]


def fold_names(values: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Lower case, no accents, no punctuation, single blanks; placeholders become null."""
    clean = folded(null_placeholders(values))
    return trimmed(pc.replace_substring_regex(clean, pattern=r"[^\p{L}\p{N}]+", replacement=" "))


def split_full_names(values: pa.Array | pa.ChunkedArray) -> pa.Table:
    """Split one name field into first, middle and last, in whatever order it was written.

    "Lane, Mary Ann" is read by its comma. "Mary Lane" and "LANE MARY" are told apart by where
    each word stands in the rest of the column and by lists of given names; without evidence the
    first word is the first name. Titles and suffixes are dropped; a lone word is a first name.

    Returns:
        A table (first_name, middle_name, last_name), one row per value, case as written.
    """
    clean = null_placeholders(values)
    bare = pc.replace_substring_regex(clean, pattern=_TITLE, replacement="")
    bare = trimmed(pc.replace_substring_regex(bare, pattern=_SUFFIX, replacement=""))
    by_comma = _matched(bare, _LAST_FIRST)
    by_order = _matched(bare, _FIRST_LAST)
    lone = pc.if_else(pc.match_substring_regex(bare, pattern=r"^[^ ,]+$"), bare, None)
    turned = pa.array(_is_turned(by_order, by_comma))
    first = pc.if_else(turned, by_order.last, by_order.first)
    last = pc.if_else(turned, by_order.first, by_order.last)
    return pa.table({
        "first_name": pc.coalesce(by_comma.first, first, lone),
        "middle_name": pc.coalesce(by_comma.middle, by_order.middle),
        "last_name": pc.coalesce(by_comma.last, last),
    })  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Parts:
    """Three arrays of equal length; null where the pattern did not match."""

    first: pa.Array
    middle: pa.Array
    last: pa.Array


def _matched(texts: pa.Array, pattern: str) -> _Parts:
    groups = pc.extract_regex(texts, pattern=pattern)
    parts = [trimmed(pc.struct_field(groups, name)) for name in ("first", "middle", "last")]
    return _Parts(*parts)


def _is_turned(by_order: _Parts, by_comma: _Parts) -> Flags:
    """Whether the word read as first name is the last name, and the other way round."""
    first, last = folded(by_order.first), folded(by_order.last)
    seen_first = _counts(pa.concat_arrays([first, folded(by_comma.first)]))
    seen_last = _counts(pa.concat_arrays([last, folded(by_comma.last)]))
    whole_column = _column_is_turned(first, last)
    if whole_column:
        seen_first, seen_last = seen_last, seen_first
    said_first = _mostly(first, seen_first, seen_last)
    said_last = _mostly(last, seen_last, seen_first)
    contrary = _mostly(first, seen_last, seen_first) & _mostly(last, seen_first, seen_last)
    agreeing = said_first | said_last
    return (whole_column & ~agreeing) | (~agreeing & contrary) if whole_column else contrary


def _column_is_turned(first: pa.Array, last: pa.Array) -> bool:
    """Whether most of a column writes the last name first, judged by known given names."""
    known = pa.array(sorted(known_given_names()), pa.string())
    leading, trailing = (
        pc.sum(pc.is_in(part, value_set=known)).as_py() or 0 for part in (first, last)
    )
    return bool(trailing >= _MIN_SEEN and trailing > _TURN_RATIO * leading)


def _counts(words: pa.Array) -> pa.StructArray:
    return pc.value_counts(words.drop_null())


def _seen(words: pa.Array, counts: pa.StructArray) -> npt.NDArray[np.float64]:
    found = pc.index_in(words, value_set=counts.field("values"))
    return np.asarray(
        pc.fill_null(counts.field("counts").take(found), 0).to_numpy(zero_copy_only=False), float
    )


def _mostly(words: pa.Array, here: pa.StructArray, there: pa.StructArray) -> Flags:
    """Whether each word is seen clearly more often in one place than in another."""
    often, seldom = _seen(words, here), _seen(words, there)
    return np.asarray((often >= _MIN_SEEN) & (often >= _TURN_RATIO * np.maximum(seldom, 0.5)))
