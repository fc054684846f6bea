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


def null_placeholders(values: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Trim the values and turn words such as "null", "n/a" or "anonymous" into null."""
    clean = trimmed(as_texts(values))
    return pc.if_else(is_placeholder(clean), None, clean)


def is_placeholder(values: pa.Array) -> pa.Array:
    """Whether each value is a word that stands for nothing; null stays null."""
    known = pa.array(sorted(PLACEHOLDER_WORDS), pa.string())
    return pc.and_kleene(pc.is_in(folded(values), value_set=known), pc.is_valid(values))
