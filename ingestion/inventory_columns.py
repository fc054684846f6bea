"""Columns that several tables of schema ``raw`` have."""

from __future__ import annotations

from warehouse import Column, Pii, SubjectKey, SubjectKind

ORIGIN = (
    Column("load_id", "VARCHAR", Pii.NONE, "the load that brought the row"),
    Column("source", "VARCHAR", Pii.NONE, "name of the source in sources.yml"),
    Column("file", "VARCHAR", Pii.NONE, "landing file, relative to the landing folder"),
)
LOADED_AT = Column("loaded_at", "TIMESTAMP", Pii.NONE, "when the row was loaded, UTC")
VERSION = (
    Column(
        "record_hash",
        "VARCHAR",
        Pii.PSEUDONYMOUS,
        "SHA-256 of the row as given: its version; of that and the load where an earlier one came back",
    ),
)
TIMES = (
    Column("record_created_at", "TIMESTAMP", Pii.NONE, "creation by the source, UTC; null unknown"),
    Column(
        "record_updated_at", "TIMESTAMP", Pii.NONE, "last change by the source, UTC; null unknown"
    ),
    LOADED_AT,
)
ATTRIBUTES = Column(
    "attributes",
    "VARCHAR",
    Pii.PERSONAL,
    "JSON of the columns not mapped, and of mapped ones that cannot be read; null if none",
)
PERSON_RECORD = (
    Column("person_source", "VARCHAR", Pii.NONE, "source of the person's record; null if none"),
    Column("person_record_id", "VARCHAR", Pii.PSEUDONYMOUS, "the person's record; null if none"),
)
PERSON = (
    *PERSON_RECORD,
    Column(
        "person_email", "VARCHAR", Pii.IDENTIFIER, "the person's address, lower case; else null"
    ),
)
BY_RECORD = SubjectKey(SubjectKind.SOURCE_RECORD, ("person_source", "person_record_id"))
BY_PERSON = (
    BY_RECORD,
    SubjectKey(SubjectKind.EMAIL, ("person_email",)),
)


def text(name: str, pii: Pii, description: str, *, is_long: bool = False) -> Column:
    """A column of text."""
    return Column(name, "VARCHAR", pii, description, is_long)


def time(name: str, description: str) -> Column:
    """A moment in UTC."""
    return Column(name, "TIMESTAMP", Pii.NONE, f"{description}, UTC")


def number(name: str, description: str) -> Column:
    """A number that may have decimals; the description says its unit."""
    return Column(name, "DOUBLE", Pii.NONE, description)
