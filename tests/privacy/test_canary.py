"""Whatever fails while somebody is erased, nothing that is kept of the failure names them."""

from __future__ import annotations

import logging
import sys
from typing import Any

import duckdb
import pytest
from dagster._utils.error import serializable_error_info_from_exc_info

from privacy.steps import Step
from tests.privacy.company import ANN, ANN_PHONE, Company
from warehouse import EngineError

CANARIES = (ANN, ANN_PHONE, ANN_PHONE[-10:], "ann-record-1", "ann-user-77")
# Without them nothing is left of a step, nor taken back.
_ENDS = ("begin", "rollback", "commit")


class Stumbling:
    """The engine, which refuses the next statement and repeats a row, as DuckDB does."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self.is_failing = True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def execute(self, sql: str, *given: Any) -> Any:
        self._stumble(sql)
        return self._connection.execute(sql, *given)

    def sql(self, sql: str, **given: Any) -> Any:
        self._stumble(sql)
        return self._connection.sql(sql, **given)

    def _stumble(self, sql: str) -> None:
        if self.is_failing and not sql.startswith(_ENDS):
            self.is_failing = False
            raise duckdb.ConstraintException(
                f'Constraint Error: Duplicate key "email: {ANN}" of {", ".join(CANARIES)}'
            )


def test_a_failure_at_any_step_names_nobody(
    company: Company, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """The same erasure stumbles at each step in turn, and goes on from there."""
    caplog.set_level(logging.DEBUG)
    company.ask(("email", ANN, "raw"))
    steps = [step for step in Step if step is not Step.RECEIVED]
    told = [error for step in steps if (error := _stumble_at(company, step))]
    company.erase()

    kept = [row for name in ("requests", "request_steps", "audit_log", "receipts")
            for row in company.rows(f"privacy.{name}")]  # fmt: skip
    everything = "".join([*told, *map(str, kept), caplog.text, *capfd.readouterr()])
    assert len(told) == len(steps)
    assert "ConstraintException" in everything
    assert [canary for canary in CANARIES if canary in everything] == []
    assert "completed" in str(company.rows("privacy.requests"))


def _stumble_at(company: Company, step: Step) -> str | None:
    """How Dagster keeps the error: words, stack and causes go into its event log and its UI."""
    warehouse: Any = company.warehouse

    def progress(message: str) -> None:
        if message.startswith(f"{step}:"):  # here, as a compaction opens a connection anew
            warehouse._connection = Stumbling(warehouse._connection)

    try:
        company.erase(progress=progress)
    except EngineError:
        return str(serializable_error_info_from_exc_info(sys.exc_info()).to_string())
    return None
