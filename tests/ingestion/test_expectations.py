from __future__ import annotations

import subprocess
import sys

import pytest

from ingestion.expectations import SUITES, judge_table
from ingestion.inventory import EVENTS, TABLES
from tests.ingestion.conftest import Landing, call, lines


def _unmet(landing: Landing, table: str = "events") -> set[str]:
    (name,) = (name for name in SUITES if name.name == table)
    return {unmet.fact.claim for unmet in judge_table(landing.warehouse, name).unmet}


def test_every_raw_table_has_a_suite() -> None:
    assert set(SUITES) == {table.name for table in TABLES}


def test_a_clean_load_is_as_expected(landing: Landing) -> None:
    landing.put("web/a.jsonl", lines(*(call(messageId=f"m{number}") for number in range(20))))
    landing.load()

    for table in SUITES:
        assert judge_table(landing.warehouse, table).unmet == ()


@pytest.mark.parametrize(
    ("damage", "claim"),
    [
        ("update raw.events set event_id = null", "event_id_is_never_null"),
        ("update raw.events set type = 'odd'", "type_is_a_known_word"),
        ("update raw.events set scroll_depth = 1.5", "scroll_depth_lies_between_0_and_1"),
        ("insert into raw.events from raw.events", "event_id_identify_a_row"),
        ("update raw.events set anonymous_id = null", "every_delivered_event_names_somebody"),
        ("update raw.loads set rows_quarantined = 4", "few_rows_are_refused"),
        ("update raw.loads set rows_loaded = 0", "no_row_is_there_that_no_load_counted"),
    ],
)
def test_damage_is_told_by_its_claim(landing: Landing, damage: str, claim: str) -> None:
    landing.put("web/a.jsonl", lines(call()))
    landing.load()
    landing.warehouse.execute(damage)

    assert claim in _unmet(landing)


def test_a_report_shows_counts_and_no_value(landing: Landing) -> None:
    landing.put("web/a.jsonl", lines(call(anonymousId=None, userId="ann-the-user")))
    landing.load()
    landing.warehouse.execute("update raw.events set type = 'ann@maple.example'")

    report = judge_table(landing.warehouse, EVENTS.name)

    assert [str(unmet) for unmet in report.unmet] == [
        "type_is_a_known_word: found 1, expected at most 0"
    ]
    assert "ann" not in str(report)


def test_great_expectations_is_not_imported_before_it_is_needed() -> None:
    asked = "import sys, ingestion.expectations; sys.exit('great_expectations' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", asked], check=False).returncode == 0
