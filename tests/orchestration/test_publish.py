"""One destination that cannot be opened stops its own syncs, and no other."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

import privacy.inventory
from audiences import compute_memberships
from orchestration.company import Company
from orchestration.defs.publish import publish
from settings import Paths
from tests.audiences.contract import empty_company
from tests.conftest import ROOT
from warehouse import Warehouse

NOW = dt.datetime.fromisoformat("2026-03-02T09:30")
HOOK = {"kind": "webhook", "url": "https://hooks.example/x", "secret_env": "HOOK_SECRET"}
FILE = {"kind": "file", "folder": "exports"}


@pytest.fixture
def company(tmp_path: Path) -> Company:
    config = tmp_path / "config"
    shutil.copytree(ROOT / "config", config)
    found = Company(Paths.resolve({}, config=config, home=tmp_path / "home"))
    found.paths.make_home()
    key = found.audiences[0].key
    ids = [{"type": "person_id", "form": "raw"}]
    places = {"hook": {**HOOK, "legal_basis": "x"}, "files": {**FILE, "legal_basis": "x"}}
    syncs = {
        f"to_{place}": {"audience": key, "destination": place, "identifiers": ids}
        for place in places
    }
    body = yaml.safe_dump({"destinations": places, "syncs": syncs})
    (config / "destinations.yml").write_text(body)
    return found


def _publish(
    company: Company, warehouse: Warehouse | None = None
) -> dict[str, tuple[str, str | None]]:
    warehouse = warehouse or empty_company()
    warehouse.create_missing(privacy.inventory.TABLES)
    compute_memberships(warehouse, company.audiences, run_id="r1", now=NOW)
    reports = publish(company, warehouse, run_id="r1")
    rows: list[dict[str, Any]] = warehouse.read("select * from sync.runs").to_pylist()
    assert {row["sync_key"] for row in rows} == {report.sync_key for report in reports}
    return {report.sync_key: (report.status, report.code) for report in reports}


def test_a_missing_secret_stops_its_own_sync_alone(company: Company) -> None:
    assert _publish(company) == {
        "to_hook": ("failed", "missing_secret"), "to_files": ("succeeded", None),
    }  # fmt: skip


def test_a_secret_of_another_form_stops_its_own_sync_alone(
    company: Company, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOOK_SECRET", "not-base64-at-all")
    warehouse = empty_company()

    assert _publish(company, warehouse)["to_hook"] == ("failed", "invalid_secret")
    kept = [warehouse.read(f"select * from sync.{name}") for name in ("runs", "batches")]
    assert "not-base64" not in "".join([*capsys.readouterr(), *map(str, kept)])


def test_what_is_not_there_to_be_sent_stops_its_own_sync_alone(company: Company) -> None:
    file = company.paths.config / "destinations.yml"
    body = yaml.safe_load(file.read_text())
    files = body["destinations"]["files"]
    body = {
        "destinations": {"files": files},
        "syncs": {"a_first": {**body["syncs"]["to_files"], "traits": ["shoe_size"]},
                  "b_next": {**body["syncs"]["to_files"], "fields": {"lead": "score:nope"}},
                  "to_files": body["syncs"]["to_files"]},
    }  # fmt: skip
    file.write_text(yaml.safe_dump(body))

    assert _publish(company) == {
        "a_first": ("failed", "invalid_sync"), "b_next": ("failed", "invalid_sync"),
        "to_files": ("succeeded", None),
    }  # fmt: skip
