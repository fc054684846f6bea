"""Old rows go, and how many is written down."""

from __future__ import annotations

import pyarrow as pa
import pytest

from privacy import RetentionConfig, RetentionRuleError, enforce_retention, verify_audit
from tests.privacy.company import ALL_TABLES, NOW, Company

NOBODY = pa.table({"kind": pa.array([], pa.string()), "value": pa.array([], pa.string())})


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
