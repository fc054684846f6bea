"""What a table is: grain, columns, whom its rows speak of, how they age.

Each package declares its tables once, in its own ``inventory.py``; creation, documentation,
erasure and retention all read that one declaration.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable

import pyarrow as pa

from warehouse.names import TableName, quoted

_ARROW = {
    "VARCHAR": pa.string(),
    "BOOLEAN": pa.bool_(),
    "INTEGER": pa.int32(),
    "BIGINT": pa.int64(),
    "DOUBLE": pa.float64(),
    "TIMESTAMP": pa.timestamp("us"),
}


class Pii(StrEnum):
    """How much a column says about a person, from nothing to special categories."""

    NONE = "none"
    PSEUDONYMOUS = "pseudonymous"
    PERSONAL = "personal"
    IDENTIFIER = "identifier"
    SENSITIVE = "sensitive"


class SubjectKind(StrEnum):
    """The kinds of key by which a person's rows are found."""

    PERSON_ID = "person_id"
    SOURCE_RECORD = "source_record"
    ANONYMOUS_ID = "anonymous_id"
    USER_ID = "user_id"
    EMAIL = "email"
    PHONE = "phone"


@dataclass(frozen=True, slots=True)
class SubjectKey:
    """The columns of a table that hold one kind of key; a row matching any key is the person's."""

    kind: SubjectKind
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        name: As in SQL.
        type: The engine's type.
        pii: What it says about a person.
        description: Its meaning, with unit and null.
        is_long: Whether it holds long texts, which the engine then packs as such.
        is_plain: Whether it is not packed: to read one row of a packed column, the engine unpacks
            the texts of a hundred thousand.
    """

    name: str
    type: str
    pii: Pii
    description: str
    is_long: bool = False
    is_plain: bool = False

    @property
    def create_sql(self) -> str:
        """The column in the statement that creates its table.

        Left to choose, the engine tries its dictionaries on long texts first, which takes a third
        of the time of writing them and as much room again.
        """
        packed = " using compression zstd" if self.is_long else ""
        packed = " using compression uncompressed" if self.is_plain else packed
        return f"{quoted(self.name)} {self.type}{packed}"


@dataclass(frozen=True, slots=True)
class Table:
    """One declared table.

    Attributes:
        name: Schema and table.
        grain: One sentence: "One row per …".
        columns: Every column, in order.
        key: The columns that identify a row; empty where rows are only appended.
        subjects: How a person's rows are found; empty when no row speaks of a person.
        aged_by: The timestamp column by which retention measures age, if any.
    """

    name: TableName
    grain: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()
    subjects: tuple[SubjectKey, ...] = ()
    aged_by: str | None = None

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names of all columns, in declared order."""
        return tuple(column.name for column in self.columns)

    @property
    def arrow_schema(self) -> pa.Schema:
        """The columns as Arrow has them, for rows that Python makes."""
        return pa.schema([(column.name, _ARROW[column.type]) for column in self.columns])

    def create_sql(self) -> str:
        """The statement that creates this table where it is missing."""
        columns = ", ".join(column.create_sql for column in self.columns)
        return f"create table if not exists {self.name.sql} ({columns})"


@dataclass(frozen=True, slots=True)
class Trace:
    """How many of the wanted persons' rows one place holds."""

    location: str
    rows: int


@runtime_checkable
class Location(Protocol):
    """A place where rows about persons may lie: a table, a folder of files.

    ``keys`` is an Arrow table ``(kind, value)``; a source record's value is ``source|id``.
    """

    @property
    def name(self) -> str:
        """A name that says where, e.g. ``raw.events`` or ``landing/crm``; no personal value."""

    def refusals(self, keys: pa.Table) -> Sequence[str]:
        """Every reason why an erasure could not be carried out here; empty when it can."""

    def find(self, keys: pa.Table) -> Sequence[Trace]:
        """Count the rows that would go, by place."""

    def erase(self, keys: pa.Table) -> Sequence[Trace]:
        """Remove the rows durably; running it again finds nothing."""


@runtime_checkable
class SharedLocation(Location, Protocol):
    """A place whose rows may name several persons at once."""

    def count_shared(self, keys: pa.Table, others: pa.Table) -> int:
        """How many rows that an erasure of ``keys`` would take also name one of ``others``."""


def declared(*packages: Sequence[Table]) -> Iterator[Table]:
    """All tables of several packages, one after the other."""
    for tables in packages:
        yield from tables
