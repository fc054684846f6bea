"""What Candor asks of an engine; nothing outside this package knows which one runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from warehouse.inventory import Table
from warehouse.names import TableName

Parameters = Mapping[str, object]


class Warehouse(Protocol):
    """An engine with schemas and tables; SQL is DuckDB's dialect, values are ``$named``."""

    def read(self, sql: str, parameters: Parameters | None = None) -> pa.Table:
        """Run a query and fetch all of it."""

    def scalar(self, sql: str, parameters: Parameters | None = None) -> Any:
        """First column of the first row; None when there is no row."""

    def execute(self, sql: str, parameters: Parameters | None = None) -> None:
        """Run a statement for its effect."""

    def within_memory(self, limit: str) -> AbstractContextManager[None]:
        """Let the engine hold so much for a while, e.g. ``2 GiB``; what is beyond goes to disk."""

    def with_rare_checkpoints(self) -> AbstractContextManager[None]:
        """For many small transactions in a row: each is safe, their merging into the file waits."""

    def with_numbered_groups(self, count: int) -> AbstractContextManager[None]:
        """For sums by groups that are numbered from 0: the engine may find each by its number."""

    def last_write(self) -> object:
        """Stands for the last statement that may have written, by whomever; compare with ``is``.

        Found again, nothing was written meanwhile. An engine that cannot tell what others write
        gives another one each time.
        """

    def create_missing(self, tables: Iterable[Table]) -> None:
        """Create the declared tables, and columns added since, where they are missing."""

    def replace(
        self, table: TableName, rows: str | pa.Table, parameters: Parameters | None = None
    ) -> int:
        """Put these rows in place of all rows, in one transaction; return how many."""

    def replace_where(
        self,
        table: TableName,
        condition: str,
        rows: str | pa.Table,
        parameters: Parameters | None = None,
    ) -> int:
        """Put these rows in place of those that fit ``condition``, in one transaction."""

    def append(
        self, table: TableName, rows: str | pa.Table, parameters: Parameters | None = None
    ) -> int:
        """Add rows; columns are matched by name, missing ones become null."""

    def transaction(self) -> AbstractContextManager[None]:
        """All or nothing; a nested transaction joins the outer one."""

    def view(self, name: str, rows: pa.Table) -> AbstractContextManager[None]:
        """Let SQL see an Arrow table under ``name`` for a while."""

    def exists(self, table: TableName) -> bool:
        """Whether a table or view of this name is there."""

    def columns(self) -> pa.Table:
        """Every column of every relation: table_schema, table_name, table_type, column_name, data_type."""

    def compact(self) -> None:
        """Rewrite the storage so that nothing deleted can be read from disk."""

    def fresh_copy(self) -> AbstractContextManager[Path]:
        """A file that holds every live row and nothing else, beside the warehouse, for a while."""

    @property
    def native_connection(self) -> Any:
        """The engine's own connection, for Splink only."""
