"""Whether what was found is a value by itself, or a part of somebody else's longer one.

``ann@x.example`` is a part of ``joann@x.example``, and a telephone number of a longer one, also where
nobody knows the longer. In text a value has an end; in other bytes, as in pages of a database,
values of one row touch each other, so there only runs of digits are told apart.
"""

from __future__ import annotations

import re

_DIGITS = frozenset(b"0123456789")
# At signs as they are and percent-encoded.
_SIGNS = (b"@", b"%40")
# What goes before an address inside a longer one: a letter or digit, or a dot that joins a name to it.
_LONGER_BEFORE = re.compile(rb"(?:[A-Za-z0-9]|[A-Za-z]\.)\Z")
# What goes after it: more of its top-level domain, which has letters alone, or a further label.
_LONGER_AFTER = re.compile(rb"\.?([A-Za-z][A-Za-z0-9-]*)")
_ENDINGS = frozenset(
    b"avro bak bz2 csv db doc docx duckdb eml gz htm html ics jpg json jsonl log md msg ndjson orc "
    b"parquet pdf png pptx sql sqlite tar tmp tsv txt vcf wal xls xlsx xml xz yaml yml zip zst".split()
)
_WIDEST_BEFORE = 2
_WIDEST_AFTER = 64


def is_digits_of_more(text: bytes, start: int, end: int) -> bool:
    """Whether a run of digits goes on before it or after it."""
    before = start > 0 and text[start - 1] in _DIGITS
    return before or (end < len(text) and text[end] in _DIGITS)


def is_part_of_longer(text: bytes, start: int, end: int) -> bool:
    """Whether a value in a text is a part of a longer address, or of a longer number.

    A file that is named after an address (``ann@x.example.csv``) and a sentence that begins without a
    space (``ann@x.example.Thanks``) make no longer address. Nor do signs that join words of a query or
    parts of a key as well (``q=to+ann@x.example``, ``user-ann@x.example``): then it counts as the value.
    """
    value = text[start:end]
    if any(sign in value for sign in _SIGNS):
        before = text[max(start - _WIDEST_BEFORE, 0) : start]
        return bool(_LONGER_BEFORE.search(before)) or _goes_on(text, end)
    starts, ends = value[0] in _DIGITS, value[-1] in _DIGITS
    before, after = text[start - 1 : start] if start else b"", text[end : end + 1]
    return (starts and before.isdigit()) or (ends and after.isdigit())


def _goes_on(text: bytes, end: int) -> bool:
    """Whether the domain that ends there goes on."""
    after = _LONGER_AFTER.match(text[end : end + _WIDEST_AFTER])
    if after is None:
        return False
    is_sentence = after[1][:1].isupper() and not text[end - 1 : end].isupper()
    return not is_sentence and after[1].lower() not in _ENDINGS
