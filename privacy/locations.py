"""Places where rows about persons lie: every declared table, and folders of files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from sqlglot import exp

from privacy.bytescan import ByteScanner
from privacy.needles import Needles, needles_of
from privacy.neighbours import needles_among_neighbours
from privacy.scan_files import FileScanner, files_below
from warehouse import SubjectKey, SubjectKind, Table, Trace, Warehouse, quoted

SUBJECT_KEYS = "candor_subject_keys"
OTHER_KEYS = "candor_other_keys"
_COLUMNS = """
    select tables.table_type, columns.column_name
    from information_schema.columns as columns
    inner join information_schema.tables as tables using (table_catalog, table_schema, table_name)
    where table_catalog = current_database() and table_schema = $schema and table_name = $name
"""


@dataclass(frozen=True, slots=True)
class TableLocation:
    """The rows of one declared table, found by the keys that its declaration names."""

    warehouse: Warehouse
    table: Table

    @property
    def name(self) -> str:
        """Schema and table."""
        return str(self.table.name)

    def refusals(self, keys: pa.Table) -> Sequence[str]:  # noqa: ARG002 - no person changes it
        """Why rows cannot be deleted: a view, or a column that the declaration only imagines."""
        rows = self.warehouse.read(
            _COLUMNS, {"schema": self.table.name.schema, "name": self.table.name.name}
        )
        if not rows.num_rows:
            return ()
        if rows["table_type"][0].as_py() == "VIEW":
            return (f"{self.name} is a view, its rows cannot be deleted",)
        wanted = {column for key in self.table.subjects for column in key.columns}
        missing = sorted(wanted - set(rows["column_name"].to_pylist()))
        return tuple(f"{self.name} has no column {column}" for column in missing)

    def find(self, keys: pa.Table) -> Sequence[Trace]:
        """Count the persons' rows."""
        if not self._is_there():
            return (Trace(self.name, 0),)
        with self.warehouse.view(SUBJECT_KEYS, keys):
            counted = f"select count(*) from {self.table.name.sql} where {self._is_theirs()}"
            return (Trace(self.name, int(self.warehouse.scalar(counted))),)

    def find_by_request(self, keys: pa.Table) -> dict[str, int]:
        """Count the rows of each request's person in one pass; requests without rows are absent.

        A table that refuses counts none: what stands against it is told by ``refusals``.

        Args:
            keys: ``(subject_request_id, kind, value)``.
        """
        if not self._is_there() or self.refusals(keys):
            return {}
        with self.warehouse.view(SUBJECT_KEYS, keys):
            rows = self.warehouse.read(self._by_request())
        return dict(zip(*(rows[name].to_pylist() for name in rows.column_names), strict=True))

    def count_shared(self, keys: pa.Table, others: pa.Table) -> int:
        """Count the persons' rows that also name one of the others; both are ``(kind, value)``."""
        if len(self.table.subjects) < 2 or not self._is_there():
            return 0
        name = self.table.name.sql
        with self.warehouse.view(SUBJECT_KEYS, keys), self.warehouse.view(OTHER_KEYS, others):
            both = f"({self._is_theirs()}) and ({is_theirs_sql(self.table, OTHER_KEYS)})"
            return int(self.warehouse.scalar(f"select count(*) from {name} where {both}"))

    def read(self, keys: pa.Table) -> pa.Table:
        """The persons' rows; of a row about two, what names the other is null."""
        if not self._is_there():
            return pa.table({})
        with self.warehouse.view(SUBJECT_KEYS, keys):
            return self.warehouse.read(
                f"select * {self._veiled()} from {self.table.name.sql} where {self._is_theirs()}"
            )

    def erase(self, keys: pa.Table) -> Sequence[Trace]:
        """Delete the persons' rows in one transaction."""
        with self.warehouse.transaction():
            found = self.find(keys)
            if found[0].rows:
                with self.warehouse.view(SUBJECT_KEYS, keys):
                    self.warehouse.execute(
                        f"delete from {self.table.name.sql} where {self._is_theirs()}"
                    )
        return found

    def _is_there(self) -> bool:
        return bool(self.table.subjects) and self.warehouse.exists(self.table.name)

    def _is_theirs(self) -> str:
        return is_theirs_sql(self.table)

    def _veiled(self) -> str:
        kinds = [key.kind for key in self.table.subjects]
        veiled = [
            f"case when {_holds(key)} then {quoted(column)} end as {quoted(column)}"
            for key in self.table.subjects
            if kinds.count(key.kind) > 1
            for column in key.columns
        ]
        return f"replace ({', '.join(veiled)})" if veiled else ""

    def _by_request(self) -> str:
        arms = " union ".join(
            f"select keys.subject_request_id, numbered.row_number from numbered "
            f"inner join {SUBJECT_KEYS} as keys on keys.kind = '{key.kind}' "
            f"and keys.value = {_expression(key)}"
            for key in self.table.subjects
        )
        return f"""
            with numbered as (
                select *, row_number() over () as row_number from {self.table.name.sql}
            )
            select subject_request_id, count(*) as row_count from ({arms}) group by all order by all
        """


@dataclass(frozen=True, slots=True)
class FolderLocation:
    """Files that runs make anew: exports, reports, pictures, models.

    A file that holds a trace of the persons is removed whole; the next run writes it again. One
    that holds only somebody whose address contains theirs stays.

    Attributes:
        name: What the folder is called in receipts.
        folder: The folder; it need not exist.
        warehouse: The engine, which knows the others.
        tables: Every declared table.
    """

    name: str
    folder: Path
    warehouse: Warehouse
    tables: Sequence[Table]

    def refusals(self, keys: pa.Table) -> Sequence[str]:
        """Why a file that holds the persons cannot be removed."""
        return tuple(
            f"{self.name}: a file cannot be removed, its folder is read-only"
            for path in self._holding(keys)
            if not _is_writable(path.parent)
        )

    def find(self, keys: pa.Table) -> Sequence[Trace]:
        """Count the files that hold the persons."""
        return (Trace(self.name, len(self._holding(keys))),)

    def erase(self, keys: pa.Table) -> Sequence[Trace]:
        """Remove the files that hold the persons."""
        holding = self._holding(keys)
        for path in holding:
            path.unlink()
        return (Trace(self.name, len(holding)),)

    def _holding(self, keys: pa.Table) -> list[Path]:
        if not self.folder.exists():
            return []
        files = list(files_below(self.folder))
        suspected = self._matching(files, needles_of(keys))
        if not suspected:  # to ask the warehouse about all others takes longer than the search
            return []
        return self._matching(
            suspected, needles_among_neighbours(self.warehouse, keys, self.tables)
        )

    def _matching(self, files: Sequence[Path], needles: Needles) -> list[Path]:
        scanner = FileScanner(ByteScanner.of(needles))
        return [path for path in files if scanner.scan(path, self.folder).hits]


def is_theirs_sql(table: Table, keys: str = SUBJECT_KEYS) -> str:
    """A test that a row of a table belongs to one of the persons whose keys a view holds."""
    return " or ".join(_holds(key, keys) for key in table.subjects) or "false"


def table_locations(warehouse: Warehouse, tables: Sequence[Table]) -> tuple[TableLocation, ...]:
    """One location for each declared table whose rows speak of persons."""
    return tuple(TableLocation(warehouse, table) for table in tables if table.subjects)


def _holds(key: SubjectKey, keys: str = SUBJECT_KEYS) -> str:
    theirs = f"select value from {keys} where kind = '{key.kind}'"
    return f"coalesce({_expression(key)} in ({theirs}), false)"


def _expression(key: SubjectKey) -> str:
    columns = [f"cast({quoted(column)} as varchar)" for column in key.columns]
    if key.kind is SubjectKind.EMAIL:
        return f"lower(trim({columns[0]}))"
    separator = exp.Literal.string("|").sql(dialect="duckdb")
    return f" || {separator} || ".join(columns)


def _is_writable(folder: Path) -> bool:
    return os.access(folder, os.W_OK)
