"""Names of persons: folding, and splitting one field into its parts."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from identifiers.nicknames import known_given_names
from identifiers.placeholders import null_first_names, null_placeholders
from identifiers.text import as_texts, folded, trimmed

_TITLE = r"(?i)^(?:(?:mr|mrs|ms|miss|mx|dr|prof|professor|sir|herr|frau|mme|hon|rev)\.? +)+"
_SUFFIX = r"(?i)[ ,]+(?:jr|sr|ii|iii|iv|ph\.?d|m\.?d|esq|mba|cpa|dds)\.?$"
# Words that stand before the surnames of many families, folded, and those that stand behind a name.
SURNAME_PARTICLES = (
    "af", "al", "av", "bin", "bint", "binti", "da", "das", "de", "del", "della", "dello", "den", "der", "des", "di", "do",
    "dos", "du", "e", "el", "het", "ibn", "la", "las", "le", "les", "los", "mac", "mc", "o", "op", "saint", "san", "santa",
    "st", "ten", "ter", "van", "vom", "von", "y", "zu", "zum", "zur",
)  # fmt: skip
GENERATIONS = ("filho", "ii", "iii", "iv", "jr", "junior", "neto", "senior", "sr")
# Those of them that can hardly be a second name or its initial.
_PARTICLE = r"(?:van|von|der|den|de|del|della|di|da|dos|du|la|le|st\.?|san|bin|ibn|al|el|ter|ten)"
_LAST_FIRST = r"^(?P<last>[^,]+?) ?, ?(?P<first>[^, ]+)(?: (?P<middle>[^,]+))?$"
_FIRST_LAST = rf"(?i)^(?P<first>[^ ,]+)(?: (?P<middle>[^,]+?))?? (?P<last>(?:{_PARTICLE} )*[^ ,]+)$"

# Letters that stand for names beside a name or another letter: "M. A.", "J. Edgar", "Maria A". Of
# other scripts one letter can be a whole name.
_LETTER = r"[\p{Latin}\p{Greek}\p{Cyrillic}]"
_LETTER_FIRST = rf"^(?P<first>{_LETTER})[ .]+(?P<middle>.*\p{{L}}.*)$"
_LETTERS_LAST = rf"^(?P<first>.*?[^ .])[ .]+(?P<middle>{_LETTER}(?:[ .]+{_LETTER})*)[ .]*$"
# What an apostrophe has left: "D Angelo", "O Malley".
_LEFT_APART = r"^[DO] \p{Lu}\p{L}"

# A pair of names is turned round only when each is this many times commoner on the other side.
_TURN_RATIO = 3.0
# Seen less often than this in a column, a name says nothing about where it stands.
_MIN_SEEN = 3

Flags = npt.NDArray[np.bool_]


def fold_names(values: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Lower case, no accents, no punctuation, single blanks; placeholders become null."""
    clean = folded(null_placeholders(values))
    return trimmed(pc.replace_substring_regex(clean, pattern=r"[^\p{L}\p{N}]+", replacement=" "))


@dataclass(frozen=True, slots=True)
class WordOrder:
    """What a column of full names says about where words stand in them.

    Attributes:
        leading: Hashes of words that nearly always are the first name.
        trailing: Hashes of words that nearly always are the last name.
        is_turned: Most of the column writes the last name first.
    """

    leading: tuple[str, ...] = ()
    trailing: tuple[str, ...] = ()
    is_turned: bool = False


def learn_word_order(values: pa.Array | pa.ChunkedArray) -> WordOrder:
    """Learn from a column of full names where its words stand; only words seen often are kept."""
    by_comma, by_order, _ = _parsed(values)
    first, last = folded(by_order.first), folded(by_order.last)
    leading = _counts(pa.concat_arrays([first, folded(by_comma.first)]))
    trailing = _counts(pa.concat_arrays([last, folded(by_comma.last)]))
    is_turned = _column_is_turned(first, last)
    if is_turned:
        leading, trailing = trailing, leading
    return WordOrder(
        _hashed(_mostly(leading, trailing)), _hashed(_mostly(trailing, leading)), is_turned
    )


def split_full_names(
    values: pa.Array | pa.ChunkedArray, order: WordOrder | None = None
) -> pa.Table:
    """Split one name field into first, middle and last, in whatever order it was written.

    "Lane, Mary Ann" is read by its comma. "Mary Lane" and "LANE MARY" are told apart by where
    each word stands in the rest of the column and by lists of given names; without evidence the
    first word is the first name. Titles and suffixes are dropped; a lone word is a first name,
    unless the column nearly always has it as a last name.

    Args:
        values: Full names as given.
        order: Where words stand, as learned before; learned from these values without.

    Returns:
        A table (first_name, middle_name, last_name), one row per value, case as written.
    """
    order = learn_word_order(values) if order is None else order
    by_comma, by_order, lone = _parsed(values)
    turned = pa.array(_is_turned(by_order, order))
    first = pc.if_else(turned, by_order.last, by_order.first)
    last = pc.if_else(turned, by_order.first, by_order.last)
    standing = _known(folded(lone), order)
    is_surname = pa.array(standing.trailing & ~standing.leading)
    return pa.table({
        "first_name": pc.coalesce(by_comma.first, first, pc.if_else(is_surname, None, lone)),
        "middle_name": pc.coalesce(by_comma.middle, by_order.middle),
        "last_name": pc.coalesce(by_comma.last, last, pc.if_else(is_surname, lone, None)),
    })  # fmt: skip


def split_first_names(values: pa.Array | pa.ChunkedArray) -> pa.Table:
    """Part letters that stand for names from first names: "Maria A." is Maria, "J. Edgar" is J.

    Several whole names stay one: nobody can tell which of them somebody goes by. What is nobody's
    name beside a letter ("Mr. J") becomes null with the letter.

    Args:
        values: First names as given.

    Returns:
        A table (first_name, middle_name), one row per value, case as written.
    """
    clean = trimmed(as_texts(values))
    is_apart = pc.match_substring_regex(clean, pattern=_LEFT_APART)
    by_first, by_last = (
        pc.extract_regex(pc.if_else(is_apart, None, clean), pattern=pattern)
        for pattern in (_LETTER_FIRST, _LETTERS_LAST)
    )
    beside = pc.if_else(pc.is_null(by_first), pc.struct_field(by_last, "first"), None)
    is_nobodys = pc.and_(pc.is_valid(beside), pc.is_null(null_first_names(beside)))
    first, middle = (
        pc.coalesce(pc.struct_field(by_first, name), pc.struct_field(by_last, name))
        for name in ("first", "middle")
    )
    return pa.table({
        "first_name": pc.if_else(is_nobodys, None, pc.coalesce(first, clean)),
        "middle_name": pc.if_else(is_nobodys, None, middle),
    })  # fmt: skip


def _parsed(values: pa.Array | pa.ChunkedArray) -> tuple[_Parts, _Parts, pa.Array]:
    """The parts by comma, the parts by order, and lone words."""
    clean = null_placeholders(values)
    bare = pc.replace_substring_regex(clean, pattern=_TITLE, replacement="")
    bare = trimmed(pc.replace_substring_regex(bare, pattern=_SUFFIX, replacement=""))
    lone = pc.if_else(pc.match_substring_regex(bare, pattern=r"^[^ ,]+$"), bare, None)
    return _matched(bare, _LAST_FIRST), _matched(bare, _FIRST_LAST), lone


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


def _is_turned(by_order: _Parts, order: WordOrder) -> Flags:
    """Whether the word read as first name is the last name, and the other way round."""
    first, last = _known(folded(by_order.first), order), _known(folded(by_order.last), order)
    contrary = first.trailing & last.leading
    if not order.is_turned:
        return contrary
    agreeing = first.leading | last.trailing
    return ~agreeing


@dataclass(frozen=True, slots=True)
class _Standing:
    """Per word whether it nearly always leads, and whether it nearly always trails."""

    leading: Flags
    trailing: Flags


def _known(words: pa.Array, order: WordOrder) -> _Standing:
    coded = words.dictionary_encode()
    hashes = [_hash(word) for word in coded.dictionary.to_pylist()]
    leading, trailing = frozenset(order.leading), frozenset(order.trailing)
    # The last entry stands for null.
    places = pc.fill_null(coded.indices, len(hashes)).to_numpy(zero_copy_only=False)
    return _Standing(
        np.array([*(one in leading for one in hashes), False])[places],
        np.array([*(one in trailing for one in hashes), False])[places],
    )


def _hash(word: str) -> str:
    return sha256(word.encode()).hexdigest()[:16]


def _hashed(words: pa.Array) -> tuple[str, ...]:
    return tuple(sorted(_hash(word) for word in words.to_pylist()))


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


def _mostly(here: pa.StructArray, there: pa.StructArray) -> pa.Array:
    """The words that are seen clearly more often in one place than in another."""
    words = here.field("values")
    often, seldom = _seen(words, here), _seen(words, there)
    return words.filter(
        pa.array((often >= _MIN_SEEN) & (often >= _TURN_RATIO * np.maximum(seldom, 0.5)))
    )
