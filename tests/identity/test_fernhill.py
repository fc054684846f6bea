"""The persons of Fernhill, against its truth."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from identity import IdentityConfig, ResolutionReport, evaluate_members, resolve
from identity.pictures import NAMES, draw_findings
from ingestion import SourcesConfig, load_landing
from settings import load_config
from tests.conftest import ROOT
from tests.dbt_project.project import Company, failures, parse
from warehouse import DuckDBWarehouse

pytestmark = pytest.mark.warehouse
NOW = dt.datetime.fromisoformat("2026-11-25")


@pytest.fixture(scope="module")
def fernhill(shared_data: Path) -> Path:
    return shared_data / "fernhill"


@pytest.fixture(scope="module")
def staged(fernhill: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fernhill's files, loaded and staged."""
    company = Company(parse(tmp_path_factory.mktemp("parsed")), tmp_path_factory.mktemp("fernhill"))
    sources = load_config(ROOT / "tests/fernhill/config/sources.yml", SourcesConfig)
    with DuckDBWarehouse.open(company.path) as warehouse:
        load_landing(warehouse, sources, fernhill, now=NOW, is_suppressed=_nobody)
    assert failures(company.build("--select", "tag:before_identity")) == []
    return company.path


@pytest.fixture(scope="module")
def warehouse(staged: Path) -> Iterator[DuckDBWarehouse]:
    with DuckDBWarehouse.open(staged) as opened:
        yield opened


@pytest.fixture(scope="module")
def report(
    warehouse: DuckDBWarehouse, tmp_path_factory: pytest.TempPathFactory
) -> ResolutionReport:
    return _resolve(warehouse, tmp_path_factory.mktemp("artifacts"), "first")


def test_persons_are_right(
    warehouse: DuckDBWarehouse, report: ResolutionReport, fernhill: Path
) -> None:
    quality = evaluate_members(warehouse, fernhill / "truth/records.csv")

    assert quality.missing_records == 0
    assert quality.f1 >= 0.95
    assert quality.precision >= 0.97
    assert report.findings is not None
    assert [one.name for one in draw_findings(report.findings)] == list(NAMES)


def test_devices_of_one_person_are_that_persons(
    warehouse: DuckDBWarehouse, report: ResolutionReport, fernhill: Path
) -> None:
    """Linked to another person: only where two records were wrongly joined, or only a guest signed in."""
    found = warehouse.read(
        f"""
        with truth as (select * from read_csv('{fernhill}/truth/devices.csv', all_varchar = true)),
        persons as (
            select members.person_id, list(distinct records.person_id) as true_ids
            from identity.members as members
            join read_csv('{fernhill}/truth/records.csv', all_varchar = true) as records
                using (source, source_record_id)
            group by members.person_id
        )
        select count(*) as linked,
            count(*) filter (list_contains(true_ids, truth.person_id)) as rightly
        from identity.devices as devices
        join truth using (anonymous_id) join persons on persons.person_id = devices.person_id
        where truth.person_id not in ('shared', 'bot')
        """
    ).to_pylist()[0]

    assert report.shared_devices > 0
    assert found["linked"] >= 2_000
    assert found["rightly"] / found["linked"] >= 0.995


def test_the_kiosk_is_nobodys(
    warehouse: DuckDBWarehouse, report: ResolutionReport, fernhill: Path
) -> None:
    kiosk = warehouse.read(
        f"select devices.* from identity.devices as devices "
        f"join read_csv('{fernhill}/truth/devices.csv', all_varchar = true) using (anonymous_id) "
        "where shared_kind = 'kiosk'"
    ).to_pylist()

    assert report.records > 0
    assert [(row["person_id"], row["is_shared"]) for row in kiosk] == [(None, True)]


def test_all_traps_of_shared_values_hold(
    warehouse: DuckDBWarehouse, report: ResolutionReport, fernhill: Path
) -> None:
    broken = warehouse.read(
        f"""
        select trap_id
        from read_csv('{fernhill}/truth/traps.csv', all_varchar = true) as traps
        join identity.members as members using (source, source_record_id)
        where trap_type in ('role_mailbox', 'shared_landline', 'shared_family_email',
            'recycled_phone', 'test_values', 'test_values_junk', 'father_son')
        group by trap_id
        having count(distinct members.person_id) < count(distinct traps.person_id)
        """
    )

    assert report.records > 0
    assert broken.column("trap_id").to_pylist() == []


def test_building_anew_gives_the_same_persons_and_history(
    warehouse: DuckDBWarehouse, report: ResolutionReport, tmp_path: Path
) -> None:
    tables = {"members": "source, source_record_id, person_id", "devices": "*", "links": "*",
              "members_history": "*", "persons": "person_id, status, merged_into",
              "identifiers": "*", "review_queue": "*"}  # fmt: skip
    before = {table: _rows(warehouse, table, columns) for table, columns in tables.items()}
    for table in (*tables, "changes", "runs"):
        warehouse.execute(f"delete from identity.{table}")

    again = _resolve(warehouse, tmp_path, "again")

    assert again.persons == report.persons
    assert {table: _rows(warehouse, table, columns) for table, columns in tables.items()} == before


def _rows(warehouse: DuckDBWarehouse, table: str, columns: str) -> pa.Table:
    return warehouse.read(f"select {columns} from identity.{table} order by all")


def _resolve(warehouse: DuckDBWarehouse, artifacts: Path, run_id: str) -> ResolutionReport:
    return resolve(
        warehouse, IdentityConfig(), run_id=run_id, now=NOW, seed=1, artifacts=artifacts,
        default_region="US",
    )  # fmt: skip


def _nobody(*_: object, **__: object) -> pa.Table:
    return pa.table({"kind": pa.array([], pa.string()), "value": pa.array([], pa.string())})
