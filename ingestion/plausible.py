"""What a record cannot say: ids that a spreadsheet rounded, and values that are not possible.

The one list of them. A row that says such a thing is refused as a whole: a wrong id joins people who
have nothing in common, and a wrong time or share is believed by all that is counted from it.
"""

from __future__ import annotations

from collections.abc import Mapping

from ingestion.mapping import FieldType, RecordKind
from warehouse import literal, quoted

# Moments of records lie in this span; dates of birth are no moments. Before it lie the zeros of some
# tools (0001-01-01), after it their signs of "never" (9999-12-31).
EARLIEST, LATEST = "1900-01-01", "2200-01-01"

_NUMBERS: Mapping[str, str] = {
    "confidence": "not between 0 and 1",
    "employee_count": "< 0",
}

# Networks that hold every address of a version, as first and last address of ``raw.ip_ranges``.
WHOLE_INTERNET = (
    ("0" * 20 + "ffff" + "0" * 8, "0" * 20 + "ffff" + "f" * 8),
    ("0" * 32, "f" * 32),
)

_ID_FIELDS = ("account_id", "anonymous_id")
_ROUNDED = r"[0-9]+([.,][0-9]+)?[eE][+][0-9]+"

REASONS = {
    "rounded_id": "an id was rounded by a spreadsheet: export anew, with ids as text",
    "implausible_value": f"a value cannot be: a time before {EARLIEST} or from {LATEST} on, a "
    "confidence outside of 0 to 1, fewer than no employees, or a network of the whole internet",
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
    """Whether a typed row of this kind says what cannot be."""
    times = [name for name, of in kind.fields.items() if of is FieldType.TIME]
    span = f"not (timestamp '{EARLIEST}' <= {{0}} and {{0}} < timestamp '{LATEST}')"
    tests = [
        *(span.format(quoted(name)) for name in (*times, "record_created_at", "record_updated_at")),
        *(f"{quoted(name)} {wrong}" for name, wrong in _NUMBERS.items() if name in kind.fields),
    ]
    return f"({' or '.join(tests)})"
