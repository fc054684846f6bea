"""An engine that refuses a statement and repeats what it was given, and what Dagster keeps of that."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import duckdb
from dagster._utils.error import serializable_error_info_from_exc_info

from warehouse import EngineError

# Without them nothing is left of a step, nor taken back.
_ENDS = ("begin", "rollback", "commit")


class Stumbling:
    """A connection that refuses one statement, the first one unless ``after`` says how many go well."""

    def __init__(self, connection: Any, said: str, *, after: int = 0) -> None:
        self._connection, self._said, self._left = connection, said, after

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def execute(self, sql: str, *given: Any) -> Any:
        self._count(sql)
        return self._connection.execute(sql, *given)

    def sql(self, sql: str, **given: Any) -> Any:
        self._count(sql)
        return self._connection.sql(sql, **given)

    def _count(self, sql: str) -> None:
        if sql.startswith(_ENDS):
            return
        self._left -= 1
        if self._left == -1:
            raise duckdb.ConstraintException(
                f'Constraint Error: Duplicate key "email: {self._said}"'
            )


def kept_by_dagster(act: Callable[[], object]) -> str | None:
    """Words, stack and causes of an error of the engine, as they go into event log and UI."""
    try:
        act()
    except EngineError:
        return str(serializable_error_info_from_exc_info(sys.exc_info()).to_string())
    return None
