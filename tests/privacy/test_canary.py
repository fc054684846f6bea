"""Whatever fails while somebody is erased, nothing that is kept of the failure names them."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from privacy.steps import Step
from tests.privacy.company import ANN, ANN_PHONE, Company
from tests.stumbling import Stumbling, kept_by_dagster

CANARIES = (ANN, ANN_PHONE, ANN_PHONE[-10:], "ann-record-1", "ann-user-77")


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
    warehouse: Any = company.warehouse

    def progress(message: str) -> None:
        if message.startswith(f"{step}:"):  # here, as a compaction opens a connection anew
            warehouse._connection = Stumbling(warehouse._connection, ", ".join(CANARIES))

    return kept_by_dagster(lambda: company.erase(progress=progress))
