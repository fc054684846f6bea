"""The precision that ``identity.yml`` asks for is what a company gets that nobody has looked at."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from benchmarks.staged_records import stage_company
from identity import IdentityConfig, evaluate_members, resolve
from warehouse import DuckDBWarehouse

pytestmark = pytest.mark.warehouse
NOW = dt.datetime.fromisoformat("2026-12-01")
PEOPLE, SEED = 3_000, 8_675_309
# Among so few people, wrong pairs come in lumps: a father and a son of three records each are nine.
LUMPS = 0.01


def test_the_precision_that_is_asked_for_is_kept(tmp_path: Path) -> None:
    database, truth = stage_company(tmp_path, people=PEOPLE, seed=SEED)
    config = IdentityConfig()

    with DuckDBWarehouse.open(database) as warehouse:
        report = resolve(
            warehouse, config, run_id="first", now=NOW, seed=1, artifacts=tmp_path,
            default_region="US",
        )  # fmt: skip
        quality = evaluate_members(warehouse, truth)

    assert report.findings is not None
    assert report.findings.expected is not None
    expected = report.findings.expected.at(report.threshold or 1.0)
    assert expected is not None
    assert expected[0] == pytest.approx(quality.precision, abs=0.02)
    assert quality.precision >= config.min_precision - LUMPS
    # Nothing is kept by linking nobody.
    assert quality.recall >= 0.8
