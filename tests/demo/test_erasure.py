"""``candor privacy erase`` on the company of the demo: one person gone, everybody else as before.

The search here is a plain one of its own, so that the product's search is not its own judge.
"""

from __future__ import annotations

import gzip
import json
import shutil
import sqlite3
import zipfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ingestion import load_landing
from orchestration.company import Company
from orchestration.privacy_parts import erased_contacts, open_suppressions
from settings import Paths
from tests.command_line import run_candor
from tests.conftest import ROOT
from tests.demo.conftest import Demo
from warehouse import DuckDBWarehouse, Warehouse

pytestmark = [pytest.mark.warehouse, pytest.mark.timeout(900)]

NOW = datetime.now(tz=UTC).replace(tzinfo=None)


@dataclass(frozen=True, slots=True)
class Erasure:
    """What was erased, and what ``candor privacy erase`` printed."""

    home: Path
    before: Path
    address: str
    values: tuple[str, ...]
    archive: Path
    output: str
    config: Path

    @property
    def company(self) -> Company:
        return Company(Paths.resolve({}, config=ROOT / "config", home=self.home))


@pytest.fixture(scope="module")
def erasure(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Erasure:
    home = tmp_path_factory.mktemp("erasure") / "home"
    shutil.copytree(demo.home, home)
    with DuckDBWarehouse.open(home / "warehouse.duckdb") as warehouse:
        address, values = _somebody(warehouse)
    config = _with_backups(home.parent)
    run_candor("backup", "create", "--config", str(config), "--home", str(home))
    archive = home.parent / "archive.zip"
    said = run_candor("privacy", "access", "--email", address, "--home", str(home))
    request_id = said.split("candor privacy archive ")[1].split()[0]
    run_candor("privacy", "archive", request_id, "--out", str(archive), "--home", str(home))
    folders = ("--config", str(config), "--home", str(home))
    output = run_candor("privacy", "erase", "--email", address, "--yes", *folders)
    return Erasure(home, demo.home, address, values, archive, output, config)


def _with_backups(folder: Path) -> Path:
    """The demo's configuration, with a folder for backups."""
    config = Path(shutil.copytree(ROOT / "config", folder / "config"))
    with (config / "retention.yml").open("a") as stream:
        stream.write(f"\nbackups: {{folder: {folder / 'backups'}}}\n")
    return config


@pytest.fixture(scope="module")
def restored(erasure: Erasure) -> Path:
    """The backup of before, in a new home with the old one's keys."""
    home = erasure.home.with_name("restored")
    shutil.copytree(erasure.home / "keys", home / "keys")
    folders = ("--config", str(erasure.config), "--home", str(home))
    (backup,) = json.loads(run_candor("backup", "list", "--json", *folders))
    said = run_candor("backup", "restore", backup["name"], *folders)
    assert "1 erasures" in said
    return home


@pytest.fixture
def warehouse(erasure: Erasure) -> Iterator[DuckDBWarehouse]:
    with DuckDBWarehouse.open(erasure.home / "warehouse.duckdb") as opened:
        yield opened


def test_the_person_was_in_many_places_before(erasure: Erasure) -> None:
    """Else the claims below would say nothing."""
    with DuckDBWarehouse.open(erasure.before / "warehouse.duckdb") as warehouse:
        tables = _tables_naming(warehouse, erasure.values)

    assert {"raw.events", "raw.person_records", "identity.members", "marts.profiles"} <= tables
    assert len(_files_naming(erasure.before / "landing", erasure.values)) >= 2


def test_what_is_held_was_handed_out_before(erasure: Erasure) -> None:
    with DuckDBWarehouse.open(erasure.before / "warehouse.duckdb") as warehouse:
        tables = _tables_naming(warehouse, erasure.values)
    with zipfile.ZipFile(erasure.archive) as archive:
        names = set(archive.namelist())
        profile = json.loads(archive.read("data/marts.profiles.json"))
        page = archive.read("index.html").decode()

    assert {f"data/{table}.json" for table in tables} <= names
    assert {row["person_id"] for row in profile} <= set(erasure.values)
    assert erasure.address in page


def test_no_table_names_the_person(erasure: Erasure, warehouse: DuckDBWarehouse) -> None:
    assert _tables_naming(warehouse, erasure.values) == set()


def test_no_file_names_the_person(erasure: Erasure) -> None:
    assert _files_naming(erasure.home, erasure.values) == []


def test_no_request_is_left_in_the_drop_folder(erasure: Erasure) -> None:
    assert list((erasure.home / "requests").iterdir()) == []
    assert list((erasure.home / "privacy").iterdir()) == []


def test_the_receipt_is_printed(erasure: Erasure) -> None:
    assert "traces found" in erasure.output
    assert "Destinations told" in erasure.output
    assert erasure.address not in erasure.output


def test_the_run_is_recorded_where_the_ui_shows_it(erasure: Erasure) -> None:
    database = next(erasure.home.joinpath("dagster").rglob("runs.db"))
    with closing(sqlite3.connect(database)) as connection:
        found = connection.execute(
            "select count(*) from runs "
            "where pipeline_name = 'run_privacy_requests' and status = 'SUCCESS'"
        ).fetchone()

    assert found[0] >= 1


def test_a_backup_of_before_brings_nobody_back(erasure: Erasure, restored: Path) -> None:
    backups = erasure.config.with_name("backups")
    with DuckDBWarehouse.open(restored / "warehouse.duckdb") as warehouse:
        tables = _tables_naming(warehouse, erasure.values)
        people = warehouse.scalar("select count(*) from marts.profiles")

    assert _files_naming(backups, erasure.values)  # else the claim below would say nothing
    assert tables == set()
    assert _files_naming(restored, erasure.values) == []
    assert people > 0
    assert json.loads((restored / "restore.json").read_text())["request_ids"] == []
    assert not (restored / "serving" / "decisions.sqlite").exists()


def test_everybody_elses_rows_stay(erasure: Erasure, warehouse: DuckDBWarehouse) -> None:
    warehouse.execute(
        f"attach '{erasure.before / 'warehouse.duckdb'}' as before (read_only)"  # our own path
    )
    added = [
        warehouse.scalar(f"select count(*) from (from {table} except all from before.{table})")
        for table in ("raw.events", "identity.members", "marts.profiles", "marts.events")
    ]
    gone = warehouse.read(
        "select count(*) as persons, any_value(person_id) as person_id "
        "from before.marts.profiles anti join marts.profiles using (person_id)"
    ).to_pylist()[0]

    assert added == [0, 0, 0, 0]
    assert gone["persons"] == 1
    assert gone["person_id"] in erasure.values


def test_the_same_files_bring_nobody_back(
    erasure: Erasure, warehouse: DuckDBWarehouse, tmp_path: Path
) -> None:
    """As after a backup was restored, or a source exported everything once more."""
    shutil.copytree(erasure.before / "landing", tmp_path / "landing")
    refused = "select count(*) from raw.quarantine where code = 'suppressed'"
    before = warehouse.scalar(refused)
    load_landing(
        warehouse,
        erasure.company.sources,
        tmp_path / "landing",
        now=NOW,
        is_suppressed=open_suppressions(erasure.company, warehouse).suppressed,
    )

    assert _tables_naming(warehouse, erasure.values) == set()
    assert warehouse.scalar(refused) > before


def test_a_sync_is_told_whom_not_to_send(erasure: Erasure, warehouse: DuckDBWarehouse) -> None:
    asked = warehouse.read(
        "select 'p_new' as person_id, 'email' as identifier_type, $address as identifier_value "
        "union all select 'p_other', 'email', 'somebody.else@maple.example'",
        {"address": erasure.address},
    )

    found = erased_contacts(erasure.company, warehouse)(asked)

    assert found["person_id"].to_pylist() == ["p_new"]


def _somebody(warehouse: Warehouse) -> tuple[str, tuple[str, ...]]:
    """Whoever has most sources and was sent: an address, and every value that names them alone."""
    chosen = warehouse.read(
        """
        select members.person_id, min(identifier_value) as address
        from identity.identifiers inner join identity.members as members
            using (source, source_record_id)
        inner join sync.ledger as ledger using (person_id)
        where identifier_type = 'email' and not is_shared
            and members.source in ('hubspot_contacts', 'salesforce_contacts')
        group by members.person_id
        order by count(distinct members.source) desc, members.person_id limit 1
        """
    ).to_pylist()[0]
    values = warehouse.read(
        """
        select identifier_value as value
        from identity.identifiers inner join identity.members as members
            using (source, source_record_id)
        group by identifier_value
        having bool_and(members.person_id = $person_id) and not bool_or(is_shared)
            and length(identifier_value) >= 8
        order by value
        """,
        {"person_id": chosen["person_id"]},
    )["value"].to_pylist()
    return chosen["address"], (chosen["person_id"], *values)


def _tables_naming(warehouse: Warehouse, values: tuple[str, ...]) -> set[str]:
    columns = warehouse.read(
        "select table_schema || '.' || table_name as name, column_name as col "
        "from information_schema.columns inner join information_schema.tables "
        "using (table_catalog, table_schema, table_name) "
        "where table_catalog = current_database() and table_type = 'BASE TABLE' "
        "and data_type = 'VARCHAR'"
    ).to_pylist()
    return {
        row["name"]
        for row in columns
        if warehouse.scalar(
            f"select count(*) from {row['name']} where list_bool_or("
            f'[contains(lower("{row["col"]}"), lower(sought)) for sought in $values::varchar[]])',
            {"values": list(values)},
        )
    }


def _files_naming(folder: Path, values: tuple[str, ...]) -> list[str]:
    wanted = [value.lower().encode() for value in values]
    return sorted(
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and any(value in _content(path) for value in wanted)
    )


def _content(path: Path) -> bytes:
    content = path.read_bytes()
    return (gzip.decompress(content) if path.suffix == ".gz" else content).lower()
