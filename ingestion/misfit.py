"""Landing files that the present mapping does not fit, as an erasure meets them.

The mapping may have changed after a file was loaded: a column was added or renamed, a pattern was
narrowed, a source was taken out. Such a file is searched by the columns that it has, by the keys of
the rows that it brought, and as text where a row names nobody; what stays in doubt is told.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from ingestion.config import EventSource, MappedEventSource, RecordSource
from ingestion.errors import WrongColumnError
from ingestion.files import LandingFile
from ingestion.inventory import LOADS, table_of
from warehouse import SubjectKey, SubjectKind, Table, Warehouse, literal, quoted

_NAMING = (
    "email", "phone", "subject_email", "anonymous_id", "user_id", "previous_id",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Misfit:
    """A file that lacks columns by which persons are found.

    Attributes:
        file: The file, as one source reads it.
        kind: The kind of that source.
        why: What is missing and what to do.
        may_lack: Whether it may be loaded so, as JSON lines may that leave out an empty field.
    """

    file: LandingFile
    kind: str
    why: str
    may_lack: bool = False

    @classmethod
    def of(cls, file: LandingFile, kind: str, absent: frozenset[str]) -> Misfit:
        """A file in JSON lines of which no line has some fields."""
        named = ", ".join(map(repr, sorted(absent)))
        why = f"no line has {named}, which sources.yml maps: correct the mapping, or the file"
        return cls(file, kind, why, may_lack=True)

    def doubt(self, warehouse: Warehouse, found: pa.Table, keys: str) -> str | None:
        """Why rows of the persons may be left in the file; None where all are accounted for.

        Args:
            warehouse: The engine.
            found: The rows that were found, with columns ``source`` and ``file_hash``.
            keys: The view of the persons' keys.
        """
        loaded = "source = $source and file_hash = $hash"
        bound = {"source": self.file.source, "hash": self.file.digest}
        if not warehouse.scalar(f"select count(*) from {LOADS.name.sql} where {loaded}", bound):
            why = f"{self.file.name} was never loaded, so it cannot be searched: {self.why}"
            return None if self.may_lack else why
        table = table_of(self.kind)
        brought = warehouse.scalar(
            f"select count(*) from {table.name.sql} where ({_names_them(table, keys)}) and load_id in "
            f"(select load_id from {LOADS.name.sql} where {loaded})",
            bound,
        )
        missed = int(brought) - found["source"].to_pylist().count(self.file.source)
        if missed <= 0:
            return None
        return (
            f"{self.file.name} was loaded by another mapping than that of sources.yml, and of the rows "
            f"that it brought of the person {missed} cannot be found in it: {self.why}"
        )


def misfit_of(
    error: WrongColumnError, source: EventSource | RecordSource, file: LandingFile
) -> Misfit | None:
    """What it means for a search that a file lacks columns; None where none of them names anybody."""
    known = naming_columns(source)
    is_known_export = not set(error.missing) <= source_columns(source)
    if not known & set(error.missing) and not is_known_export:
        return None
    return Misfit(file, source.kind, str(error))


def source_columns(source: EventSource | RecordSource) -> frozenset[str]:
    """The columns that the configuration of a source names."""
    if isinstance(source, MappedEventSource | RecordSource):
        return source.named_columns
    return frozenset()


def naming_columns(source: EventSource | RecordSource) -> frozenset[str]:
    """Those of them by which persons are found."""
    if not isinstance(source, MappedEventSource | RecordSource):
        return frozenset()
    named = {source.map.get(name) for name in _NAMING}
    if isinstance(source, RecordSource):
        named.add(source.user_id)
        if source.person is not None:
            named |= {source.person.id, source.person.email}
        if source.row_kind == "person_records":
            named |= {source.id, source.map.get(source.record_kind.key)}
    return frozenset(name for name in named if name is not None)


def keys_brought_sql(source: str, kind: str, key: str, keys: str) -> str:
    """A query for the keys of all rows of the persons that a source has brought.

    Args:
        source: Its name.
        kind: Its kind.
        key: The column of its table with the key.
        keys: The view of the persons' keys.
    """
    table = table_of(kind)
    return (
        f"select {quoted(key)} from {table.name.sql} where source = {literal(source)} and "
        f"({_names_them(table, keys)})"
    )


def _names_them(table: Table, keys: str) -> str:
    return " or ".join(_holds(key, keys) for key in table.subjects) or "false"


def _holds(key: SubjectKey, keys: str) -> str:
    columns = [f"cast({quoted(column)} as varchar)" for column in key.columns]
    value = " || '|' || ".join(columns)
    if key.kind is SubjectKind.EMAIL:
        value = f"lower(trim({value}))"
    return f"coalesce({value} in (select value from {keys} where kind = '{key.kind}'), false)"
