"""After ``candor identity split``, every table follows on the next run.

Which tables there are is asked of the catalogue, so that one that is added later is walked as
well; only those listed here keep what happened under an id.
"""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest

from sample import make_sample
from tests.command_line import run_candor
from tests.conftest import ROOT
from tests.orchestration import wrong_merge as kim
from warehouse import DuckDBWarehouse

pytestmark = [pytest.mark.warehouse, pytest.mark.timeout(1800)]

EVER = datetime.fromisoformat("1970-01-01")
# What happened under an id stays there. Rows of these name their time, or are closed by it.
HISTORY = {
    "audiences.membership_changes": "changed_at",
    "identity.changes": "changed_at",
    "identity.members_history": "valid_to",
    "marts.traits_history": "valid_to",
    "sync.row_results": "recorded_at",
}


@dataclass(frozen=True, slots=True)
class Split:
    """A company before and after the split, and when it was decided."""

    before: Path
    home: Path
    decided_at: datetime
    joint: str
    act_id: str


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory) -> Split:
    folder = tmp_path_factory.mktemp("split")
    home, config = folder / "home", folder / "config"
    shutil.copytree(ROOT / "config", config)
    make_sample(people=300, seed=7, out=home / "landing", truth=folder / "truth")
    kim.add_them(home / "landing", config)
    folders = ("--config", str(config), "--home", str(home))
    run_candor("run", "--json", *folders)
    shutil.copytree(home, folder / "before")
    (joint,) = _persons(home, kim.FATHERS_RECORDS | kim.SONS_RECORDS)
    named = [
        part
        for source, record_id in sorted(kim.FATHERS_RECORDS | {("users", "990001")})
        for part in ("--record", f"{source}:{record_id}")
    ]
    said = run_candor("identity", "split", joint, *named, "--json", *folders)
    decided_at = _decided_at(home)
    run_candor("run", "--json", *folders)
    return Split(folder / "before", home, decided_at, joint, json.loads(said)["decision_id"])


@pytest.fixture
def warehouse(split: Split) -> Iterator[DuckDBWarehouse]:
    with DuckDBWarehouse.open(split.home / "warehouse.duckdb") as opened:
        yield opened


@pytest.fixture
def father(warehouse: DuckDBWarehouse) -> str:
    return _only(warehouse, kim.FATHERS_RECORDS)


@pytest.fixture
def son(warehouse: DuckDBWarehouse) -> str:
    return _only(warehouse, kim.SONS_RECORDS)


def test_each_has_his_records_sign_in_and_device(
    split: Split, warehouse: DuckDBWarehouse, father: str, son: str
) -> None:
    assert father != son
    assert split.joint in {father, son}
    assert _only(warehouse, {("users", "990001"), ("devices", "device-senior")}) == father
    assert _only(warehouse, {("users", "C99001"), ("devices", "device-junior")}) == son


def test_no_row_of_one_says_anything_of_the_other(
    split: Split, warehouse: DuckDBWarehouse, father: str, son: str
) -> None:
    values = {father: kim.SONS, son: kim.FATHERS}
    wrong = [
        (table, person)
        for table in _tables(warehouse, "person_id")
        for person in (father, son)
        if _rows_naming(warehouse, table, person, values[person], after=split.decided_at)
    ]

    assert wrong == []


def test_the_walk_would_find_what_the_joint_person_said_of_both(split: Split) -> None:
    """Else the claim before would say nothing."""
    with DuckDBWarehouse.open(split.before / "warehouse.duckdb") as warehouse:
        found = {
            table
            for table in _tables(warehouse, "person_id")
            for values in (kim.FATHERS, kim.SONS)
            if _rows_naming(warehouse, table, split.joint, values, after=EVER)
        }

    assert {"identity.members", "marts.contact_points", "marts.events", "sync.ledger"} <= found
    assert {"marts.profile_sources", "marts.profiles", "identity.devices"} <= found


def test_the_new_person_has_a_row_wherever_the_joint_one_had_a_current_one(
    split: Split, warehouse: DuckDBWarehouse, father: str, son: str
) -> None:
    new = father if split.joint == son else son
    expected = {"marts.profiles", "marts.current_person", "marts.events", "marts.sessions",
                "prediction.propensity_scores", "audiences.memberships"}  # fmt: skip
    empty = [
        table
        for table in sorted(expected)
        if not warehouse.scalar(f"select count(*) from {table} where person_id = $id", {"id": new})
    ]

    assert empty == []


def test_consent_is_recomputed_for_each_and_neither_gets_the_others_grant(
    warehouse: DuckDBWarehouse, father: str, son: str
) -> None:
    assert _consents(warehouse, father) == {
        "personalization": "granted", "advertising": "denied", "analytics": "granted",
    }  # fmt: skip
    assert _consents(warehouse, son) == {"advertising": "granted", "analytics": "denied"}


def test_no_consent_is_granted_that_was_not_before(
    split: Split, warehouse: DuckDBWarehouse, father: str, son: str
) -> None:
    """The son's grant of analytics does not outlive the denial of the mailbox that both hold."""
    with DuckDBWarehouse.open(split.before / "warehouse.duckdb") as before:
        joint = _consents(before, split.joint)

    for person in (father, son):
        granted = {purpose for purpose, status in _consents(warehouse, person).items() if status == "granted"}  # fmt: skip
        assert granted <= {purpose for purpose, status in joint.items() if status == "granted"}


def test_an_address_that_both_hold_is_used_for_nothing_that_one_of_them_denied(
    split: Split, warehouse: DuckDBWarehouse, father: str, son: str
) -> None:
    """The father denied advertising, and analytics was denied by the address itself."""
    points = warehouse.read(
        "select person_id, identifier_value, denied_purposes from marts.contact_points"
    ).to_pylist()
    denied = {(row["person_id"], row["identifier_value"]): row["denied_purposes"] for row in points}

    assert denied[(son, kim.SHARED)] == "advertising, analytics"
    assert denied[(father, kim.SHARED)] == "analytics"
    assert {denied[(son, kim.SON)], denied[(father, kim.FATHER)]} == {None}
    assert kim.SHARED not in _current(split, "ads_to_files")


def test_who_agreed_to_be_scored_is_scored_and_the_other_no_longer(
    split: Split, warehouse: DuckDBWarehouse, father: str, son: str
) -> None:
    with DuckDBWarehouse.open(split.before / "warehouse.duckdb") as before:
        assert _scored(before) & {split.joint}

    assert _scored(warehouse) & {father, son} == {father}


def test_each_is_in_the_audiences_that_he_agreed_to_and_every_change_is_written_down(
    warehouse: DuckDBWarehouse, father: str, son: str
) -> None:
    rows = warehouse.read("select audience_key, person_id from audiences.memberships").to_pylist()
    members = {(row["audience_key"], row["person_id"]) for row in rows}
    balance = warehouse.read(
        "select audience_key, person_id from audiences.membership_changes group by all "
        "having count(*) filter (change = 'entered') > count(*) filter (change = 'exited')"
    ).to_pylist()

    assert members == {("ads", son), ("readers", father)}
    assert {(row["audience_key"], row["person_id"]) for row in balance} == members


def test_what_was_sent_is_corrected(
    split: Split, warehouse: DuckDBWarehouse, father: str, son: str
) -> None:
    """The son's address, sent with the father's consent, is taken away; the father's is sent."""
    sent = {
        (row["sync_key"], row["person_id"]): row["identifiers"]
        for row in warehouse.read("select * from sync.ledger where is_present").to_pylist()
    }

    assert sent.keys() == {("ads_to_files", son), ("readers_to_files", father)}
    assert kim.SON in sent[("ads_to_files", son)]
    assert kim.FATHER in sent[("readers_to_files", father)] or kim.SHARED in sent[("readers_to_files", father)]  # fmt: skip
    assert kim.SON not in _current(split, "readers_to_files")
    assert kim.FATHER not in _current(split, "ads_to_files")


def test_nothing_is_left_to_send(split: Split) -> None:
    config = split.home.parent / "config"
    planned = run_candor(
        "sync", "plan", "--json", "--config", str(config), "--home", str(split.home)
    )

    assert kim.SON not in planned
    assert all(not row.get(name) for row in json.loads(planned) for name in ("add", "change", "remove"))  # fmt: skip


def _tables(warehouse: DuckDBWarehouse, column: str) -> list[str]:
    """Every table, not view, with this column."""
    found = warehouse.columns().to_pylist()
    return sorted(
        f"{row['table_schema']}.{row['table_name']}"
        for row in found
        if row["column_name"] == column and row["table_type"] == "BASE TABLE"
    )


def _rows_naming(
    warehouse: DuckDBWarehouse, table: str, person: str, values: tuple[str, ...], *, after: datetime
) -> int:
    """Rows of a person in which any column holds one of the values; history only since then."""
    clock = HISTORY.get(table)
    since = f"and ({clock} is null or {clock} > $after)" if clock else ""
    row = "lower(cast(to_json(found) as varchar))"
    bound = {"person": person, "values": [value.lower() for value in values]}
    return int(
        warehouse.scalar(
            f"select count(*) from {table} as found where person_id = $person {since} and "
            f"list_bool_or([contains({row}, sought) for sought in $values::varchar[]])",
            bound | ({"after": after} if clock else {}),
        )
    )


def _consents(warehouse: DuckDBWarehouse, person: str) -> dict[str, str]:
    rows = warehouse.read(
        "select purpose, status from marts.consent_current where person_id = $person",
        {"person": person},
    ).to_pylist()
    return {row["purpose"]: row["status"] for row in rows}


def _scored(warehouse: DuckDBWarehouse) -> set[str]:
    rows = warehouse.read("select distinct person_id from prediction.propensity_scores")
    return set(rows["person_id"].to_pylist())


def _current(split: Split, sync: str) -> str:
    path = split.home / "artifacts" / "out" / sync / "current.csv"
    with path.open(newline="") as stream:
        return json.dumps(list(csv.DictReader(stream)))


def _persons(home: Path, records: set[tuple[str, str]]) -> set[str]:
    with DuckDBWarehouse.open(home / "warehouse.duckdb") as warehouse:
        return _of(warehouse, records)


def _only(warehouse: DuckDBWarehouse, records: set[tuple[str, str]]) -> str:
    (person,) = _of(warehouse, records)
    return person


def _of(warehouse: DuckDBWarehouse, records: set[tuple[str, str]]) -> set[str]:
    rows = warehouse.read("select * from identity.members").to_pylist()
    return {row["person_id"] for row in rows if (row["source"], row["source_record_id"]) in records}


def _decided_at(home: Path) -> datetime:
    with DuckDBWarehouse.open(home / "warehouse.duckdb") as warehouse:
        return warehouse.scalar("select max(decided_at) from identity.decisions")
