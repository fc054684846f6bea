"""What is told of a file that is broken, or of an engine that refuses a statement, names nobody."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from tests.ingestion.conftest import Landing, call, lines
from tests.stumbling import Stumbling, kept_by_dagster

CANARY = "ann.canary@maple.example"
# Cut off, no object, no text, without what an event needs, and a value where a time belongs.
BROKEN = (
    f'{{"email": "{CANARY}"'.encode(), f'"{CANARY}"'.encode(), CANARY.encode() + b"\xff",
    f'{{"{CANARY}": 1}}'.encode(), *lines(call(originalTimestamp=CANARY, messageId="m2")).splitlines(),
)  # fmt: skip


@pytest.fixture
def broken(landing: Landing) -> Landing:
    landing.put("web/a.jsonl", lines(call(traits={"email": CANARY}), *BROKEN))
    landing.put(
        "crm/a.csv", f'Id,User,Email,Phone,Name\n1,"{CANARY}\n2,u,{CANARY},x,y,z\n'.encode()
    )
    return landing


def test_a_broken_row_is_refused_without_its_values(
    broken: Landing, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)

    report = broken.load()

    kept = [broken.rows("from raw.loads"), broken.rows("select code, reason from raw.quarantine")]
    assert len(broken.codes()) >= len(BROKEN)
    assert CANARY not in "".join([*map(str, [report, *kept]), caplog.text, *capfd.readouterr()])


def test_a_failure_at_any_moment_names_nobody(
    broken: Landing, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    warehouse: Any = broken.warehouse
    engine, told = warehouse._connection, []
    for after in (0, 10, 30, 60):
        warehouse._connection = Stumbling(engine, CANARY, after=after)
        told.append(kept_by_dagster(broken.load))
    warehouse._connection = engine

    assert sum(error is not None for error in told) >= 3
    assert CANARY not in "".join([*map(str, told), caplog.text, *capfd.readouterr()])
