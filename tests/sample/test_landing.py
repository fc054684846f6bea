"""The configuration that ships reads the sample company, and accounts for every row of it."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pytest

from ingestion import IngestReport, SourcesConfig, load_landing
from settings import load_config
from tests.conftest import ROOT
from tests.sample.conftest import Made
from warehouse import DuckDBWarehouse

NOW = datetime(2026, 7, 1)  # noqa: DTZ001 - any time after the sample's last day, UTC


@pytest.fixture(scope="module")
def warehouse() -> DuckDBWarehouse:
    return DuckDBWarehouse.in_memory()


@pytest.fixture(scope="module")
def report(made: Made, warehouse: DuckDBWarehouse) -> IngestReport:
    config = load_config(ROOT / "config" / "sources.yml", SourcesConfig)

    def nobody(identifiers: pa.Table) -> pa.Table:
        return identifiers.slice(0, 0)

    return load_landing(warehouse, config, made.landing, now=NOW, is_suppressed=nobody)


def test_every_row_is_loaded_or_a_copy_or_refused(report: IngestReport) -> None:
    assert not report.unreadable
    for count in report.counts:
        assert count.rows_in == count.rows_loaded + count.rows_deduplicated + count.rows_quarantined


def test_every_file_is_read(made: Made, report: IngestReport) -> None:
    read = {count.file.name for count in report.counts}

    lying = {
        path.relative_to(made.landing).as_posix()
        for path in made.landing.rglob("*")
        if path.is_file()
    }
    assert lying - read == {"as_of.txt", "privacy/dsr_requests.jsonl"}


def test_exactly_the_broken_lines_are_refused(
    made: Made, report: IngestReport, warehouse: DuckDBWarehouse
) -> None:
    manifest = json.loads((made.truth / "manifest.json").read_text())
    planted = made.truth_table("malformed")

    refused = warehouse.read("select file, line from raw.quarantine").to_pylist()

    places = zip(planted["file"].to_pylist(), map(int, planted["line"].to_pylist()), strict=True)
    assert sorted((row["file"], row["line"]) for row in refused) == sorted(places)
    assert report.rows_quarantined == manifest["malformed_total"] > 0


def test_the_warehouse_knows_up_to_the_sample_s_last_day(made: Made, report: IngestReport) -> None:
    last = datetime.fromisoformat((made.landing / "as_of.txt").read_text().strip())

    assert report.as_of == last


def test_the_truth_is_read_by_nobody(made: Made, report: IngestReport) -> None:
    names = [Path(count.file.name) for count in report.counts]

    assert not any((made.truth / name).exists() for name in names)
