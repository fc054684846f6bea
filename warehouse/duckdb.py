"""The embedded engine: one DuckDB file, one writer.

A file lock beside the database names the process that holds it, because DuckDB's own message
names only a number, and because dbt works on the file while our connection is closed.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, ClassVar

import duckdb
import pyarrow as pa

from warehouse.disk import sync_path
from warehouse.errors import (
    CorruptWarehouseError,
    EngineError,
    UnknownColumnError,
    WarehouseBusyError,
)
from warehouse.inventory import Table
from warehouse.lock import DEFAULT_WAIT_S, hold_lock
from warehouse.names import TableName, literal, quoted
from warehouse.protocol import Parameters

# What a sum takes in an array of groups, and what all of them may.
_GROUP_BYTES, _MOST_ARRAYS = 32, 256 << 20


class DuckDBWarehouse:
    """A warehouse in one DuckDB file, or in memory."""

    # Of all connections of the process: no other process can write while it has the lock.
    _last_write: ClassVar[object] = object()

    def __init__(self, connection: duckdb.DuckDBPyConnection, path: Path | None) -> None:
        self._connection = _prepared(connection)
        self._path = path
        self._depth = 0

    @classmethod
    def in_memory(cls) -> DuckDBWarehouse:
        """Open an empty warehouse that ends with the process."""
        return cls(duckdb.connect(), None)

    @classmethod
    @contextmanager
    def open(cls, path: Path, *, wait_s: float = DEFAULT_WAIT_S) -> Iterator[DuckDBWarehouse]:
        """Open the file for reading and writing while holding its lock.

        Args:
            path: The database file; made, with its folder, when missing.
            wait_s: How long to wait for another process, in seconds.

        Raises:
            WarehouseBusyError: Another process held it for longer than ``wait_s``.
            CorruptWarehouseError: The file is not a database that this engine reads.
        """
        with hold_lock(path, wait_s=wait_s):
            _remove_leftovers(path)
            warehouse = cls(_connect(path), path)
            path.chmod(0o600)
            try:
                yield warehouse
            finally:
                warehouse._connection.close()

    def read(self, sql: str, parameters: Parameters | None = None) -> pa.Table:
        """Run a query and fetch all of it."""
        with _without_values():
            relation = self._connection.sql(sql, params=dict(parameters) if parameters else None)
            return relation.to_arrow_table()

    def scalar(self, sql: str, parameters: Parameters | None = None) -> Any:
        """First column of the first row; None when there is no row."""
        rows = self._run(sql, parameters)
        return rows[0][0] if rows else None

    def execute(self, sql: str, parameters: Parameters | None = None) -> None:
        """Run a statement for its effect."""
        self._run(sql, parameters)

    def create_missing(self, tables: Iterable[Table]) -> None:
        """Create the declared tables, and columns added since, where they are missing.

        The catalogue is read once: a run opens the warehouse dozens of times, nearly always with
        everything in place.
        """
        present = self._columns_by_table()
        for table in tables:
            known = present.get(table.name)
            if known is None:
                self.execute(f"create schema if not exists {quoted(table.name.schema)}")
                self.execute(table.create_sql())
                continue
            for column in table.columns:
                if column.name not in known:
                    self.execute(
                        f"alter table {table.name.sql} add column {quoted(column.name)} {column.type}"
                    )

    def replace(
        self, table: TableName, rows: str | pa.Table, parameters: Parameters | None = None
    ) -> int:
        """Put these rows in place of all rows, in one transaction; return how many."""
        return self.replace_where(table, "true", rows, parameters)

    def replace_where(
        self,
        table: TableName,
        condition: str,
        rows: str | pa.Table,
        parameters: Parameters | None = None,
    ) -> int:
        """Put these rows in place of those that fit ``condition``, in one transaction.

        The new rows are there before the old ones go, so a query may read the table itself; the
        condition must not, as it would meet both. Nothing is set aside: the engine numbers rows as
        they come, and those up to the last one are old.
        """
        with self.transaction():
            last = self.scalar(f"select max(rowid) from {table.sql}")
            used = _only_used(rows, parameters) if isinstance(rows, str) else None
            count = self.append(table, rows, used)
            if last is not None:
                self.execute(
                    f"delete from {table.sql} where rowid <= {last} and ({condition})",
                    _only_used(condition, parameters),
                )
            return count

    def append(
        self, table: TableName, rows: str | pa.Table, parameters: Parameters | None = None
    ) -> int:
        """Add rows; columns are matched by name, missing ones become null."""
        if isinstance(rows, pa.Table):
            with self.view("candor_new_rows", rows):
                return self._insert(table, "candor_new_rows", rows.column_names)
        described = self._run(f"describe {rows}", parameters)
        return self._insert(table, f"({rows})", [row[0] for row in described], parameters)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; a nested transaction joins the outer one."""
        self._depth += 1
        try:
            if self._depth == 1:
                self.execute("begin transaction")
            yield
        except BaseException:
            if self._depth == 1:
                self.execute("rollback")
            raise
        else:
            if self._depth == 1:
                self.execute("commit")
        finally:
            self._depth -= 1

    @contextmanager
    def within_memory(self, limit: str) -> Iterator[None]:
        """Let the engine hold so much for a while, never more than before; the rest goes to disk."""
        usual = "parse_formatted_bytes(current_setting('memory_limit'))"
        if not self.scalar(f"select parse_formatted_bytes($limit) < {usual}", {"limit": limit}):
            yield
            return
        with self._set("memory_limit", literal(limit)):
            yield

    @contextmanager
    def with_rare_checkpoints(self) -> Iterator[None]:
        """For many small transactions in a row: each is safe, their merging into the file waits.

        A checkpoint costs the more the larger the tables are: left at every 16 MB, checkpoints took
        a third of the processor time of sending 300,000 rows in batches of 10,000.
        """
        with self._set("checkpoint_threshold", "'512 MiB'"):
            yield

    @contextmanager
    def with_numbered_groups(self, count: int) -> Iterator[None]:
        """For sums by groups that are numbered from 0: the engine may find each by its number.

        Where the expression tells how many there are, as a remainder does, they are in an array. Each
        thread has its own, outside of the memory that counts: too many groups stay in hash tables.
        """
        arrays = self.scalar("select current_setting('threads')") * count * _GROUP_BYTES
        # In bits: numbers from 0 up to the count, the lack of one, and an empty place.
        bits = (count + 2).bit_length() if arrays <= _MOST_ARRAYS else 12
        with self._set("perfect_ht_threshold", str(bits)):
            yield

    def last_write(self) -> object:
        """Stands for the last statement that may have written, in this process; compare with ``is``."""
        return DuckDBWarehouse._last_write

    @contextmanager
    def view(self, name: str, rows: pa.Table) -> Iterator[None]:
        """Let SQL see an Arrow table under ``name`` for a while."""
        self._connection.register(name, rows)
        try:
            yield
        finally:
            self._connection.unregister(name)

    def exists(self, table: TableName) -> bool:
        """Whether a table or view of this name is there."""
        return bool(self._column_names(table))

    def columns(self) -> pa.Table:
        """Every column of every relation, views included, in a stable order."""
        return self.read(
            """
            select columns.table_schema, columns.table_name, tables.table_type,
                   columns.column_name, columns.data_type
            from information_schema.columns as columns
            inner join information_schema.tables as tables
                using (table_catalog, table_schema, table_name)
            where columns.table_catalog = current_database()
            order by all
            """
        )

    def compact(self) -> None:
        """Copy every live row into a new file and swap it in.

        DuckDB keeps deleted text in its file after DELETE, CHECKPOINT and VACUUM; only a copy
        of the database leaves it behind. The swap is one rename, so a kill at any moment
        leaves either the old file or the new one, whole. When the copy fails, it goes, and the
        old file stays open.
        """
        if self._path is None:
            return
        fresh = _compacting(self._path)
        remove_database(fresh)
        # Nothing committed may lie in the write-ahead log alone when it is removed below.
        self.execute("checkpoint")
        with ExitStack() as undo:
            undo.callback(remove_database, fresh)
            self._copy_to(fresh)
            undo.pop_all()
        self._connection.close()
        fresh.chmod(0o600)
        sync_path(fresh)
        self._path.with_name(self._path.name + ".wal").unlink(missing_ok=True)
        fresh.replace(self._path)
        sync_path(self._path.parent)
        self._connection = _prepared(_connect(self._path))

    @contextmanager
    def fresh_copy(self) -> Iterator[Path]:
        """A file that holds every live row and nothing else, beside the warehouse, for a while.

        Raises:
            ValueError: The warehouse is in memory.
        """
        if self._path is None:
            raise ValueError("a warehouse in memory has no file")
        # What a kill leaves of it goes as what it leaves of a compaction does.
        fresh = _compacting(self._path)
        remove_database(fresh)
        try:
            self._copy_to(fresh)
            yield fresh
        finally:
            remove_database(fresh)

    @property
    def native_connection(self) -> duckdb.DuckDBPyConnection:
        """The engine's own connection, for Splink only."""
        DuckDBWarehouse._last_write = object()
        return self._connection

    @contextmanager
    def _set(self, setting: str, value: str) -> Iterator[None]:
        self.execute(f"set {setting} = {value}")
        try:
            yield
        finally:
            # The engine tells its memory rounded down: set as told, it would shrink each time.
            self.execute(f"reset {setting}")

    def _copy_to(self, path: Path) -> None:
        """Write all of the database into a new file."""
        name = quoted(str(self.scalar("select current_database()")))
        self.execute(f"attach {literal(str(path))} as candor_compacted")
        try:
            self.execute(f"copy from database {name} to candor_compacted")
            self.execute("checkpoint candor_compacted")
        finally:
            self.execute("detach candor_compacted")

    def _run(self, sql: str, parameters: Parameters | None) -> list[Any]:
        DuckDBWarehouse._last_write = object()
        with _without_values():
            return self._connection.execute(sql, dict(parameters or {}) or None).fetchall()

    def _insert(
        self,
        table: TableName,
        relation: str,
        columns: Iterable[str],
        parameters: Parameters | None = None,
    ) -> int:
        names = list(columns)
        unknown = tuple(sorted(set(names) - set(self._column_names(table))))
        if unknown:
            raise UnknownColumnError(str(table), unknown)
        listed = ", ".join(quoted(name) for name in names)
        rows = self._run(
            f"insert into {table.sql} ({listed}) select {listed} from {relation}", parameters
        )
        return int(rows[0][0])

    def _columns_by_table(self) -> dict[TableName, frozenset[str]]:
        rows = self._run(
            "select table_schema, table_name, list(column_name) from information_schema.columns "
            "where table_catalog = current_database() group by all",
            None,
        )
        return {TableName(schema, name): frozenset(columns) for schema, name, columns in rows}

    def _column_names(self, table: TableName) -> list[str]:
        rows = self._run(
            "select column_name from duckdb_columns() where schema_name = $schema "
            "and table_name = $name and database_name = current_database() order by column_index",
            {"schema": table.schema, "name": table.name},
        )
        return [row[0] for row in rows]


@contextmanager
def _without_values() -> Iterator[None]:
    """Tell what the engine refuses without the values over which it stumbled.

    Its messages repeat them, and whoever runs us keeps messages, causes included.
    """
    try:
        yield
    except duckdb.Error as error:
        raise EngineError.of(error) from None


def _remove_leftovers(path: Path) -> None:
    """Remove what a killed process left beside the file: it may hold rows that were erased since."""
    remove_database(_compacting(path))
    # Where the engine spills what does not fit in memory; it cleans up only when it ends well.
    shutil.rmtree(path.with_name(path.name + ".tmp"), ignore_errors=True)


def _compacting(path: Path) -> Path:
    return path.with_suffix(".compacting")


def remove_database(path: Path) -> None:
    """Remove a database file and its write-ahead log, if any."""
    path.unlink(missing_ok=True)
    path.with_name(path.name + ".wal").unlink(missing_ok=True)


def _connect(path: Path) -> duckdb.DuckDBPyConnection:
    try:
        return duckdb.connect(str(path))
    except duckdb.Error as error:
        if isinstance(error, duckdb.IOException) and "lock" in str(error):
            raise WarehouseBusyError(path, "a process that bypasses its lock", 0) from error
        is_ours = not path.exists() or os.access(path, os.R_OK | os.W_OK)
        detail = type(error).__name__ if is_ours else "this user may not read and write it"
        raise CorruptWarehouseError(path, detail) from error


def _prepared(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """Make times mean UTC, whatever the machine's zone; keep checkpoints small.

    A checkpoint merges row groups that are not full. It begins as many such merges as it may and
    holds what they read until all are done: left at 100, that took 11 GiB after a load of
    10,000,000 events.
    """
    connection.execute("set timezone = 'UTC'")
    connection.execute("set max_vacuum_tasks = 2")
    return connection


def _only_used(sql: str, parameters: Parameters | None) -> Parameters | None:
    return {k: v for k, v in (parameters or {}).items() if re.search(rf"\${k}\b", sql)} or None
