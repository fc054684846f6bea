"""The whole path on a small sample company: what the README promises in its first commands."""

from __future__ import annotations

import csv
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from identity import evaluate_members
from tests.demo.conftest import Demo
from warehouse import DuckDBWarehouse

pytestmark = [pytest.mark.warehouse, pytest.mark.timeout(900)]

RESULTS = (
    "Loaded, by source",
    "Persons, against the sample's truth",
    "Models, judged on a later period",
    "Audiences",
    "Sent by this run",
)


@pytest.fixture
def warehouse(demo: Demo) -> Iterator[DuckDBWarehouse]:
    with DuckDBWarehouse.open(demo.home / "warehouse.duckdb") as opened:
        yield opened


@pytest.mark.parametrize("title", RESULTS)
def test_the_demo_shows_every_result(demo: Demo, title: str) -> None:
    assert title in demo.output


def test_the_demo_ends_with_a_receipt_of_an_erasure_that_left_no_trace(demo: Demo) -> None:
    assert re.search(r"traces found\D+0\b", demo.output)


def test_rows_in_are_rows_loaded_deduplicated_and_quarantined(warehouse: DuckDBWarehouse) -> None:
    wrong = warehouse.scalar(
        "select count(*) from raw.loads "
        "where rows_in <> rows_loaded + rows_deduplicated + rows_quarantined"
    )
    loaded = warehouse.scalar("select sum(rows_loaded) from raw.loads")

    assert wrong == 0
    assert loaded > 0


def test_every_person_has_one_profile(warehouse: DuckDBWarehouse) -> None:
    persons = warehouse.scalar("select count(*) from identity.persons where status = 'active'")
    profiles = warehouse.scalar("select count(*) from marts.profiles")

    assert persons == profiles > 0


def test_records_of_one_true_person_are_mostly_joined_and_others_not(
    warehouse: DuckDBWarehouse, demo: Demo
) -> None:
    quality = evaluate_members(warehouse, demo.truth / "records.csv")

    assert quality.precision >= 0.90
    assert quality.f1 >= 0.85


def test_a_second_run_sends_nothing_and_changes_no_id(
    warehouse: DuckDBWarehouse, demo: Demo
) -> None:
    sent = warehouse.read(
        "select sync_key, added + changed + removed as sent from sync.runs "
        "qualify started_at = max(started_at) over (partition by sync_key)"
    ).to_pylist()
    moved = warehouse.scalar("select count(distinct run_id) from identity.changes")

    assert sent
    assert [row for row in sent if row["sent"]] == []
    assert moved <= 1


def test_held_out_members_were_never_sent(warehouse: DuckDBWarehouse) -> None:
    sent = warehouse.scalar(
        "select count(*) from sync.ledger as ledger inner join audiences.memberships as members "
        "on members.person_id = ledger.person_id "
        "and ledger.sync_key = members.audience_key || '_to_exports' "
        "where members.arm = 'holdout'"
    )
    others = warehouse.scalar(
        "select count(*) from sync.ledger as ledger inner join audiences.memberships as members "
        "on members.person_id = ledger.person_id "
        "and ledger.sync_key = members.audience_key || '_to_exports' "
        "where members.arm <> 'holdout'"
    )
    held_out = warehouse.scalar("select count(*) from audiences.memberships where arm = 'holdout'")

    assert held_out > 0
    assert others > 0
    assert sent == 0


def test_dagster_stores_no_address_or_phone_of_anybody(demo: Demo) -> None:
    known = _addresses(demo.home / "landing" / "crm" / "hubspot_contacts.csv")
    stored = b"".join(path.read_bytes() for path in _files(demo.home / "dagster"))

    found = [address for address in known if address.encode() in stored.lower()]

    assert len(known) > 100
    assert found == []


def test_dagster_metadata_is_readable_and_there(demo: Demo) -> None:
    """The scan above would pass on an empty store: this shows that there is something in it."""
    database = next(path for path in _files(demo.home / "dagster") if path.name == "runs.db")
    with sqlite3.connect(database) as connection:
        runs = connection.execute("select count(*) from runs where status = 'SUCCESS'").fetchone()

    assert runs[0] >= 2


def test_a_restored_home_is_open_once_all_profiles_were_built(demo: Demo) -> None:
    assert not (demo.home / "restore.json").exists()


def test_the_data_home_is_its_owners_alone(demo: Demo) -> None:
    """Every file and folder, those of dbt and Dagster too, under any umask."""
    landing = demo.home / "landing"
    paths = [demo.home, *demo.home.rglob("*")]
    open_ones = [path for path in paths if _mode(path) & 0o077]

    assert len(paths) > 100
    assert [path for path in open_ones if not path.is_relative_to(landing)] == []


def _mode(path: Path) -> int:
    """Of a file that is gone by now, such as a log of SQLite's: nothing."""
    return path.stat().st_mode if path.exists() else 0


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def _addresses(path: Path) -> set[str]:
    with path.open(encoding="utf-8", newline="") as stream:
        given = {row["Email"].strip().lower() for row in csv.DictReader(stream)}
    return {address for address in given if "@" in address}
