"""Values that people and tools write where they have nothing to say.

They look like identifiers and are shared by strangers, so they must never link two records.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from identifiers.text import as_texts, folded, trimmed

# Words that stand for "no value" in exports of common tools, in spellings seen in the wild.
PLACEHOLDER_WORDS = frozenset({
    "null", "(null)", "nil", "none", "(none)", "na", "n/a", "n.a.", "#n/a", "nan", "undefined", "empty", "blank",
    "unknown", "(unknown)", "not known", "anonymous", "anon", "not set", "(not set)", "not provided",
    "not available", "not applicable", "no value", "missing", "tbd", "tba", "-", "--", "---", ".", "..", "?", "??",
    "x", "xx", "xxx", "xxxx", "test", "testing", "asdf", "qwerty", "dummy", "fake", "no name", "noname",
    "first name", "last name", "firstname", "lastname", "00000", "000000", "0000000000",
})  # fmt: skip
# What stands in a first name's place and says only who somebody is to others, or how to address them.
# Words that are somebody's name somewhere (Son, Man, Lady, Baby, Minor, Guest) are left out.
_NOBODYS_FIRST_NAMES = frozenset({
    "mr", "mrs", "ms", "miss", "mister", "sir", "madam", "monsieur", "madame", "herr", "frau", "senor", "senora",
    "mother", "father", "mom", "mum", "dad", "brother", "sister", "husband", "wife", "spouse", "daughter", "grandson",
    "granddaughter", "grandchild", "child", "kid", "infant", "newborn", "twin", "hijo", "hija", "male", "female", "woman",
    "gentleman", "adult", "person", "people", "family", "resident", "occupant", "householder", "homeowner", "tenant",
    "customer", "client", "user", "member", "subscriber", "visitor", "patient", "respondent", "applicant", "employee",
    "baby boy", "baby girl", "baby of", "son of", "daughter of", "wife of", "male child", "female child", "adult male",
    "adult female", "current resident", "valued customer", "lady of the house", "man of the house",
})  # fmt: skip
_NOBODYS_LAST_NAMES = frozenset({
    "resident", "occupant", "householder", "household", "customer", "client", "user", "member", "subscriber", "visitor",
    "patient", "respondent", "no last name", "dont know", "don't know", "refused", "declined", "unk", "the house",
    "of the house", "of house", "of the home", "lady of the house", "man of the house", "daughter", "husband", "wife",
    "male", "female",
})  # fmt: skip


def null_first_names(values: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Trim first names; what is nobody's, such as "Mr", "Resident" or "Son of", becomes null."""
    return _null_words(null_placeholders(values), _NOBODYS_FIRST_NAMES)


def null_last_names(values: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Trim last names; what is nobody's, such as "Occupant" or "of the house", becomes null."""
    return _null_words(null_placeholders(values), _NOBODYS_LAST_NAMES)


def _null_words(clean: pa.Array, words: frozenset[str]) -> pa.Array:
    bare = pc.utf8_trim(folded(clean), characters=" .,")
    return pc.if_else(pc.is_in(bare, value_set=pa.array(sorted(words), pa.string())), None, clean)


def null_placeholders(values: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Trim the values and turn words such as "null", "n/a" or "anonymous" into null."""
    clean = trimmed(as_texts(values))
    return pc.if_else(is_placeholder(clean), None, clean)


def is_placeholder(values: pa.Array) -> pa.Array:
    """Whether each value is a word that stands for nothing; null stays null."""
    known = pa.array(sorted(PLACEHOLDER_WORDS), pa.string())
    return pc.and_kleene(pc.is_in(folded(values), value_set=known), pc.is_valid(values))
