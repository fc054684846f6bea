"""Old rows go, and how many is written down."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from ingestion.inventory import CONSENT_EVENTS
from ingestion.inventory import TABLES as INGESTION_TABLES
from measurement.inventory import TABLES as MEASUREMENT_TABLES
from privacy import (
    RetentionConfig,
    RetentionOutcome,
    RetentionRuleError,
    enforce_retention,
    verify_audit,
)
from privacy.inventory import TABLES as PRIVACY_TABLES
from tests.ingestion.conftest import Landing
from tests.privacy.company import ALL_TABLES, NOW, Company
from warehouse import Column, Pii, Table, TableName

NOBODY = pa.table({"kind": pa.array([], pa.string()), "value": pa.array([], pa.string())})


@pytest.fixture
def landing(tmp_path: Path) -> Landing:
    made = Landing(tmp_path / "landing")
    made.folder.mkdir()
    return made


def _config(**tables: dict[str, object]) -> RetentionConfig:
    named = {name.replace("__", "."): rule for name, rule in tables.items()}
    return RetentionConfig.model_validate({"tables": named})


def test_rows_older_than_the_rule_go_and_younger_ones_stay(company: Company) -> None:
    config = _config(raw__events={"days": 268})  # 2026-03-01 and later stay

    outcomes = enforce_retention(
        company.warehouse, config, ALL_TABLES, now=NOW, run_id="run-1", held=NOBODY
    )

    kept = [row[0] for row in company.rows("raw.events")]
    assert (outcomes[0].rows_deleted, kept) == (3, ["e4", "e5", "e6", "e7"])


@pytest.mark.parametrize(
    ("name", "aged_by"),
    [
        ("privacy__suppressions", "suppressed_at"),
        ("privacy__objections", "recorded_at"),
        ("privacy__audit_log", "done_at"),
        ("raw__consent_events", "occurred_at"),
    ],
)
@pytest.mark.parametrize("action", ["delete", "anonymise"])
def test_tables_that_keep_promises_to_people_have_no_rule(
    company: Company, name: str, aged_by: str, action: str
) -> None:
    config = _config(**{name: {"days": 1, "aged_by": aged_by, "action": action}})

    with pytest.raises(RetentionRuleError, match="keeps promises to people"):
        enforce_retention(
            company.warehouse, config, (*ALL_TABLES, CONSENT_EVENTS),
            now=NOW, run_id="run-1", held=NOBODY,
        )  # fmt: skip


def test_rows_of_unknown_age_stay_and_are_counted(company: Company) -> None:
    company.warehouse.execute("update raw.events set received_at = null where event_id = 'e1'")

    outcomes = enforce_retention(
        company.warehouse,
        _config(raw__events={"days": 1}),
        ALL_TABLES,
        now=NOW,
        run_id="run-1",
        held=NOBODY,
    )

    assert [row[0] for row in company.rows("raw.events")] == ["e1"]
    assert outcomes[0].rows_without_age == 1


def test_what_was_done_is_recorded(company: Company) -> None:
    config = _config(
        raw__events={"days": 1},
        identity__members_history={"days": 9999, "aged_by": "valid_from_at"},
    )

    enforce_retention(company.warehouse, config, ALL_TABLES, now=NOW, run_id="run-1", held=NOBODY)

    recorded = [(row[1], row[5]) for row in company.rows("privacy.retention_runs")]
    assert recorded == [("identity.members_history", 2), ("raw.events", 7)]
    assert verify_audit(company.warehouse) == 2


def test_all_rules_that_cannot_be_carried_out_are_named_and_nothing_goes(company: Company) -> None:
    config = _config(
        raw__events={"days": 1},
        raw__nothing={"days": 1},
        marts__profiles={"days": 1},
        raw__person_records={"days": 1, "aged_by": "born"},
    )

    with pytest.raises(RetentionRuleError) as caught:
        enforce_retention(
            company.warehouse, config, ALL_TABLES, now=NOW, run_id="run-1", held=NOBODY
        )

    assert len(caught.value.problems) == 3
    assert len(company.rows("raw.events")) == 7


@pytest.mark.parametrize("column", ["event_id", "properties"])
def test_a_column_that_is_no_time_cannot_tell_an_age(company: Company, column: str) -> None:
    config = _config(raw__events={"days": 1, "aged_by": column})

    with pytest.raises(RetentionRuleError, match=f"{column} is no timestamp or date"):
        enforce_retention(
            company.warehouse, config, ALL_TABLES, now=NOW, run_id="run-1", held=NOBODY
        )


KEPT = {"days": 268, "action": "anonymise", "keep": ["event_id", "properties"]}


def _anonymise(company: Company, held: pa.Table = NOBODY) -> RetentionOutcome:
    (outcome,) = enforce_retention(
        company.warehouse, _config(raw__events=KEPT), _with_a_key("raw.events", "event_id"),
        now=NOW, run_id="run-1", held=held,
    )  # fmt: skip
    return outcome


def _with_a_key(name: str, *columns: str) -> list[Table]:
    return [
        replace(table, key=columns) if str(table.name) == name else table for table in ALL_TABLES
    ]


def test_old_rows_stay_without_what_says_who_it_was(company: Company) -> None:
    before = company.rows("raw.events")

    outcome = _anonymise(company)

    after = company.rows("raw.events")
    old = [row for row in after if str(row[5]) < "2026-03-01 12"]
    assert (outcome.rows_anonymised, outcome.rows_deleted, len(after)) == (3, 0, len(before))
    assert {row[1:4] for row in old} == {(None, None, None)}
    assert sorted(row[4] for row in old) == sorted(row[4] for row in before[:3])
    assert {row[5] for row in after} == {row[5] for row in before}
    assert [row for row in after if row not in old] == [row for row in before if str(row[5]) >= "2026-03-01 12"]  # fmt: skip


def test_an_export_that_brings_old_rows_again_adds_none(landing: Landing) -> None:
    """Each night the whole shop is exported: versions stay one order, and nameless."""
    rule = {
        "days": 30, "action": "anonymise", "aged_by": "ordered_at",
        "keep": ["order_id", "record_hash"],
    }  # fmt: skip
    header, old, new = (
        "order,contact,mail,at,amount",
        "o1,1,a@x.example,2026-01-01",
        "o2,2,,2026-11-20,1",
    )
    landing.warehouse.create_missing([*PRIVACY_TABLES, *INGESTION_TABLES])
    for night, amount in enumerate((5, 7, 7, 7)):
        body = f"{header}\n{old},{amount}\n{new}\n"
        landing.put(f"shop/{night}.csv", body.encode() + b"\n" * night)
        landing.load(NOW + timedelta(days=night))
        (outcome,) = enforce_retention(
            landing.warehouse, _config(raw__orders=rule), INGESTION_TABLES, now=NOW,
            run_id=f"run-{night}", held=NOBODY,
        )  # fmt: skip

    rows = landing.rows("select order_id, amount, person_email from raw.orders order by all")
    assert outcome.rows_anonymised == 0
    assert [tuple(row.values()) for row in rows] == [
        ("o1", 5, None),
        ("o1", 7, None),
        ("o2", 1, None),
    ]


def test_anonymising_again_finds_nothing(company: Company) -> None:
    _anonymise(company)
    rows = company.rows("raw.events")

    assert _anonymise(company).rows_anonymised == 0
    assert company.rows("raw.events") == rows


def test_rows_of_who_is_held_keep_their_names(company: Company) -> None:
    held = pa.table({"kind": ["user_id"], "value": ["ann-user-77"]})

    outcome = _anonymise(company, held)

    assert (outcome.rows_anonymised, outcome.rows_held) == (1, 2)
    assert "ann-user-77" in str(company.rows("raw.events"))


@pytest.mark.parametrize(
    ("name", "rule", "reason"),
    [
        pytest.param("raw.orders", {}, "raw.orders.order_id tells a row", id="key"),
        pytest.param("raw.orders", {"keep": ["order_id"]}, "raw.orders.record_hash", id="version"),
        pytest.param(
            "raw.orders",
            {"keep": ["order_id", "record_hash", "person_record_id", "person_email", "attributes"]},
            "raw.orders would keep all that it says", id="nothing",
        ),
        pytest.param("raw.consent_events", {"aged_by": "loaded_at"}, "raw.consent_events cannot be", id="consent"),
        pytest.param(
            "measurement.outcomes", {"aged_by": "metric"}, "measurement.outcomes cannot be", id="key-alone"
        ),
        pytest.param("marts.events", {"aged_by": "occurred_at"}, "marts.events cannot be", id="dbt"),
    ],
)  # fmt: skip
def test_what_cannot_be_anonymised_is_refused(
    company: Company, name: str, rule: dict[str, object], reason: str
) -> None:
    marts = Table(
        TableName("marts", "events"), "One row per event",
        tuple(Column(item, "VARCHAR", Pii.PSEUDONYMOUS, item) for item in ("event_id", "occurred_at")),
    )  # fmt: skip
    config = _config(**{name: {"days": 1, "action": "anonymise", **rule}})

    with pytest.raises(RetentionRuleError, match=reason):
        enforce_retention(
            company.warehouse, config, [*INGESTION_TABLES, *MEASUREMENT_TABLES, marts],
            now=NOW, run_id="run-1", held=NOBODY,
        )  # fmt: skip


def test_columns_to_keep_are_named_right(company: Company) -> None:
    rule = {**KEPT, "keep": ["propertys"]}

    with pytest.raises(RetentionRuleError, match=r"raw.events has no column propertys"):
        enforce_retention(
            company.warehouse, _config(raw__events=rule), ALL_TABLES,
            now=NOW, run_id="run-1", held=NOBODY,
        )  # fmt: skip


def test_only_anonymised_rows_keep_columns() -> None:
    with pytest.raises(ValueError, match="set action to anonymise"):
        _config(raw__events={"days": 1, "keep": ["properties"]})
