"""Files that nobody on the project wrote, with counts that are known."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from ingestion import IngestReport, SourcesConfig, load_landing
from settings import load_config
from tests.conftest import ROOT
from tests.ingestion.conftest import nobody
from warehouse import DuckDBWarehouse

AS_OF = datetime.fromisoformat("2026-11-01T00:00")


@dataclass(frozen=True, slots=True)
class Loaded:
    warehouse: DuckDBWarehouse
    report: IngestReport
    again: IngestReport
    manifest: dict[str, Any]
    malformed: set[tuple[str, int]]

    def of(self, source: str) -> dict[str, int]:
        return self.warehouse.read(
            "select sum(rows_in)::bigint as rows_in, sum(rows_loaded)::bigint as loaded, "
            "sum(rows_deduplicated)::bigint as deduplicated, "
            "sum(rows_quarantined)::bigint as quarantined from raw.loads where source = $source",
            {"source": source},
        ).to_pylist()[0]


@pytest.fixture(scope="module")
def loaded(shared_data: Path) -> Loaded:
    folder = shared_data / "fernhill"
    config = load_config(ROOT / "tests" / "fernhill" / "config" / "sources.yml", SourcesConfig)
    warehouse = DuckDBWarehouse.in_memory()
    report, again = (
        load_landing(warehouse, config, folder, now=AS_OF, is_suppressed=nobody) for _ in range(2)
    )
    manifest = json.loads((folder / "truth" / "manifest.json").read_text())
    with (folder / "truth" / "malformed.csv").open(encoding="utf-8") as stream:
        malformed = {(row["file"], int(row["line"])) for row in csv.DictReader(stream)}
    return Loaded(warehouse, report, again, manifest, malformed)


def test_every_unique_valid_event_is_loaded_once(loaded: Loaded) -> None:
    manifest = loaded.manifest

    assert loaded.of("web_events") == {
        "rows_in": manifest["event_lines"],
        "loaded": manifest["event_unique_valid"],
        "deduplicated": manifest["event_duplicates_byte_exact"]
        + manifest["event_duplicates_redelivered"],
        "quarantined": manifest["malformed_total"],
    }


def test_exactly_the_malformed_lines_are_quarantined(loaded: Loaded) -> None:
    rows = loaded.warehouse.read("select file, line from raw.quarantine").to_pylist()

    assert {(row["file"], row["line"]) for row in rows} == loaded.malformed
    assert len(rows) == len(loaded.malformed)


def test_types_and_names_of_events_are_those_of_the_manifest(loaded: Loaded) -> None:
    types = loaded.warehouse.read(
        "select type, count(*) as n from raw.events where source = 'web_events' group by type"
    ).to_pylist()
    names = loaded.warehouse.read(
        "select event, count(*) as n from raw.events "
        "where source = 'web_events' and type = 'track' group by event"
    ).to_pylist()

    assert {row["type"]: row["n"] for row in types} == loaded.manifest["event_types"]
    assert {row["event"]: row["n"] for row in names} == loaded.manifest["track_events"]


def test_e_mail_events_are_all_loaded(loaded: Loaded) -> None:
    assert loaded.of("email_events")["loaded"] == loaded.manifest["email_events"]


def test_every_record_is_loaded(loaded: Loaded) -> None:
    rows = loaded.warehouse.read(
        "select source, count(*) as n from raw.person_records group by source"
    ).to_pylist()

    assert {row["source"]: row["n"] for row in rows} == loaded.manifest["records"]


@pytest.mark.parametrize(
    ("table", "file"),
    [
        ("orders", "billing/purchases.csv"),
        ("tickets", "support/tickets.csv"),
        ("content_items", "content/content.csv"),
        ("ip_ranges", "firmographics/ip_to_company.csv"),
        ("accounts", "crm/salesforce_accounts.csv"),
        ("accounts", "firmographics/companies.csv"),
    ],
)
def test_every_row_of_a_file_is_loaded(loaded: Loaded, table: str, file: str) -> None:
    count = loaded.warehouse.scalar(
        f"select count(*) from raw.{table} where file = $file", {"file": file}
    )

    assert count == loaded.manifest["rows"][file]


def test_every_consent_decision_is_loaded(loaded: Loaded) -> None:
    count = loaded.warehouse.scalar("select count(*) from raw.consent_events")

    assert count == loaded.manifest["consent_events"]


def test_a_second_run_finds_nothing_new(loaded: Loaded) -> None:
    assert loaded.again.files == 0
    assert loaded.report.unreadable == ()


def test_the_warehouse_knows_up_to_the_day_of_the_snapshot(loaded: Loaded) -> None:
    assert loaded.report.as_of == AS_OF
