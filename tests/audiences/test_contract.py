"""What audiences, measurement and personalization read is what dbt and prediction promise."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

import audiences.catalogue
import identity.inventory
import prediction.inventory
from audiences import UnknownIdError, compute_memberships, load_audiences, preview, why
from audiences.catalogue import Catalogue, ValueKind, read_catalogue
from audiences.sync import DestinationEraser, DestinationsConfig, plan_sync, resolve_syncs, run_sync
from audiences.sync.destinations.fake import FakeDestination
from measurement import ExperimentsConfig, measure_experiments
from measurement.segments import MOVED_BY_EXPERIMENTS
from personalization import ContentConfig, recommend
from settings import load_config
from tests.audiences import conftest as by_hand
from tests.audiences.contract import declared, empty_company, promised
from tests.measurement import conftest as measured_by_hand
from tests.personalization import conftest as read_by_hand
from warehouse import DuckDBWarehouse, TableName

ROOT = Path(__file__).parents[2]
NOW = dt.datetime.fromisoformat("2026-03-02T09:30")
CONFIGS = ["config", "tests/fernhill/config"]

# What the SQL of the packages names itself; what users name is checked at run time.
NAMED = {
    "profiles": {"person_id", "is_bot", "account_id"},
    "events": {
        "person_id", "event", "occurred_at", "received_at", "properties", "is_bot",
    },
    "accounts": {"account_id"},
    "account_members": {"account_id", "person_id"},
    "contact_points": {
        "person_id", "identifier_type", "identifier_value", "is_preferred", "is_shared",
    },
    "consent_current": {"person_id", "purpose", "status"},
    "current_person": {"person_id", "current_person_id"},
    "content_items": {"content_id", "topic", "content_type", "funnel_stage", "published_at"},
    "content_engagement": {
        "person_id", "content_id", "max_scroll_depth", "first_viewed_at", "last_viewed_at",
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def empty() -> DuckDBWarehouse:
    return empty_company()


@pytest.fixture(scope="module")
def catalogue(empty: DuckDBWarehouse) -> Catalogue:
    return read_catalogue(empty)


@pytest.mark.parametrize("table", sorted(NAMED))
def test_the_marts_promise_every_column_that_is_read(table: str) -> None:
    assert NAMED[table] <= promised()[table].keys()


def test_every_table_that_the_catalogue_names_is_there(catalogue: Catalogue) -> None:
    named = [v for v in vars(audiences.catalogue).values() if isinstance(v, TableName)]

    assert named
    assert [str(table) for table in named if not catalogue.of(table)] == []


def test_every_column_of_the_marts_has_a_kind_with_tests(catalogue: Catalogue) -> None:
    for name in ("profiles", "accounts", "events"):
        kinds = catalogue.of(TableName("marts", name))
        assert ValueKind.OTHER not in kinds.values(), name


def test_columns_that_an_experiment_moves_are_columns_of_the_profile() -> None:
    assert promised()["profiles"].keys() >= MOVED_BY_EXPERIMENTS


@pytest.mark.parametrize("hand", [by_hand.MARTS, measured_by_hand.TABLES, read_by_hand.TABLES])
def test_the_tables_of_these_tests_are_part_of_the_contract(hand: str) -> None:
    warehouse = DuckDBWarehouse.in_memory()
    warehouse.execute(hand)
    known = {
        **{("marts", name): set(columns) for name, columns in promised().items()},
        **{
            (table.name.schema, table.name.name): set(declared(table))
            for table in (*identity.inventory.TABLES, *prediction.inventory.TABLES)
        },
    }

    unknown = [
        (row["table_name"], row["column_name"])
        for row in warehouse.columns().to_pylist()
        if (key := (row["table_schema"], row["table_name"])) in known
        and row["column_name"] not in known[key]
    ]

    assert unknown == []


@pytest.mark.parametrize("folder", CONFIGS)
def test_a_first_run_without_any_row_works(folder: str) -> None:
    warehouse = empty_company()
    configured = load_audiences(ROOT / folder / "audiences")
    keys = [audience.key for audience in configured]
    path = ROOT / folder / "destinations.yml"
    syncs = resolve_syncs(load_config(path, DestinationsConfig), audiences=keys)

    reports = compute_memberships(warehouse, configured, run_id="r1", now=NOW)
    sent = [
        run_sync(warehouse, s, FakeDestination(), run_id="r1", now=NOW, sleep=print) for s in syncs
    ]
    planned = [plan_sync(warehouse, s) for s in syncs]

    assert {report.members for report in reports} == {0}
    assert {report.status for report in sent} == {"succeeded"}
    assert {p.added + p.changed + p.removed for p in planned} == {0}
    assert DestinationEraser(warehouse, {}, print).erase(["x"], request_id="q", now=NOW) == ()
    assert [preview(warehouse, a, others=configured, now=NOW).members for a in configured] == [
        0
    ] * 4
    with pytest.raises(UnknownIdError):
        why(warehouse, configured, "nobody", now=NOW)


@pytest.mark.parametrize("folder", CONFIGS)
def test_measurement_and_content_work_without_any_row(folder: str) -> None:
    warehouse = empty_company()
    experiments = load_config(ROOT / folder / "experiments.yml", ExperimentsConfig)
    content = load_config(ROOT / folder / "content.yml", ContentConfig)

    (report,) = measure_experiments(warehouse, experiments, now=NOW, run_id="r1")
    chosen = recommend(warehouse, content, as_of=NOW, seed=1, run_id="r1")

    assert (report.exposed, report.findings) == (0, ())
    assert (chosen.persons, chosen.rows) == (0, 0)


def test_without_configuration_nothing_is_measured_chosen_or_sent(tmp_path: Path) -> None:
    warehouse = empty_company()
    nowhere = tmp_path / "none.yml"
    experiments = load_config(nowhere, ExperimentsConfig, missing_ok=True)
    content = load_config(nowhere, ContentConfig, missing_ok=True)
    destinations = load_config(nowhere, DestinationsConfig, missing_ok=True)

    assert measure_experiments(warehouse, experiments, now=NOW, run_id="r1") == ()
    assert recommend(warehouse, content, as_of=NOW, seed=1, run_id="r1").rows == 0
    assert compute_memberships(warehouse, (), run_id="r1", now=NOW) == ()
    assert resolve_syncs(destinations, audiences=()) == ()
