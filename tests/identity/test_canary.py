"""Whatever statement the engine refuses while persons are resolved, what is told names nobody."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from tests.identity.conftest import Company
from tests.identity.test_resolve import fill
from tests.stumbling import Stumbling, kept_by_dagster

CANARIES = ("ann@lee.example", "bob@ray.example", "laptop")


def test_a_failure_at_any_moment_names_nobody(
    company: Company, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    fill(company)
    warehouse: Any = company.warehouse
    engine, told = warehouse._connection, []
    for after in (0, 10, 30, 60):
        warehouse._connection = Stumbling(engine, ", ".join(CANARIES), after=after)
        told.append(kept_by_dagster(company.resolve))
    warehouse._connection = engine

    everything = "".join([*map(str, told), caplog.text, *capfd.readouterr()])
    assert sum(error is not None for error in told) >= 3
    assert [canary for canary in CANARIES if canary in everything] == []
