"""What a record cannot say: ids that a spreadsheet rounded, and values that are not possible.

The one list of them. A row whose id was rounded, or that names a company for the whole internet, is
refused: it joins people who have nothing in common. Any other value that cannot be is empty, as one
that cannot be read is, and its text is kept.
"""

from __future__ import annotations

from ingestion.mapping import FieldType, RecordKind
from warehouse import literal, quoted

# Moments of records lie in this span; dates of birth are no moments. Before it lie the zeros of some
# tools (0001-01-01), after it their signs of "never" (9999-12-31).
EARLIEST, LATEST = "1900-01-01", "2200-01-01"

# Networks that hold every address of a version, as first and last address of ``raw.ip_ranges``.
WHOLE_INTERNET = (
    ("0" * 20 + "ffff" + "0" * 8, "0" * 20 + "ffff" + "f" * 8),
    ("0" * 32, "f" * 32),
)

_ID_FIELDS = ("account_id", "anonymous_id")
_ROUNDED = r"[0-9]+([.,][0-9]+)?[eE][+][0-9]+"

REASONS = {
    "rounded_id": "an id was rounded by a spreadsheet: export anew, with ids as text",
    "implausible_value": "a value cannot be: a confidence outside of 0 to 1, or a network of the "
    "whole internet",
}


def is_rounded_id_sql(kind: RecordKind) -> str:
    """Whether the id of a row, or one that it refers to, is a rounded number: 2.59E+10."""
    ids = [kind.key, *(name for name in _ID_FIELDS if name in kind.fields and name != kind.key)]
    if kind.table == "person_records":
        ids.append("user_id")
    if kind.has_person:
        ids.append("person_record_id")
    tests = (f"regexp_full_match({quoted(name)}, {literal(_ROUNDED)})" for name in ids)
    return f"({' or '.join(tests)})"


def is_implausible_sql(kind: RecordKind) -> str:
    """Whether a typed row of this kind says what cannot be and what would harm others."""
    return "confidence not between 0 and 1" if "confidence" in kind.fields else "false"


def possible_sql(name: str, of: FieldType, value: str) -> str:
    """A typed value, null where it cannot be: a time out of the span, fewer than no employees."""
    if of is FieldType.TIME:
        test = f"timestamp '{EARLIEST}' <= found and found < timestamp '{LATEST}'"
    elif name == "employee_count":
        test = "found >= 0"
    else:
        return value
    # The value is computed once.
    return f"list_transform([{value}], lambda found: case when {test} then found end)[1]"
