from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from ingestion import SourcesConfig
from ingestion.expectations import SUITES, judge_tables
from ingestion.expectations_config import ExpectationsConfig, load_expectations
from ingestion.inventory import EVENTS, TABLES
from ingestion.standing import past_loads
from settings import ConfigurationError
from tests.ingestion.conftest import NOW, SOURCES, Landing, call, lines


def _unmet(landing: Landing, table: str = "events") -> set[str]:
    (name,) = (name for name in SUITES if name.name == table)
    (report,) = judge_tables(landing.warehouse, [name])
    return {unmet.fact.claim for unmet in report.met.unmet}


def test_every_raw_table_has_a_suite() -> None:
    assert set(SUITES) == {table.name for table in TABLES}


def test_a_clean_load_is_as_expected(landing: Landing) -> None:
    landing.put("web/a.jsonl", lines(*(call(messageId=f"m{number}") for number in range(20))))
    landing.load()

    reports = judge_tables(landing.warehouse, list(SUITES), now=NOW)

    assert [unmet for report in reports for unmet in report.met.unmet] == []


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

    (report,) = judge_tables(landing.warehouse, [EVENTS.name])

    assert [str(unmet) for unmet in report.met.unmet] == [
        "type_is_a_known_word: found 1, expected at most 0"
    ]
    assert "ann" not in str(report)


def test_great_expectations_is_not_imported_before_it_is_needed() -> None:
    asked = "import sys, ingestion.expectations; sys.exit('great_expectations' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", asked], check=False).returncode == 0


def _days(landing: Landing, rows: Mapping[int, int], source: str = "web") -> None:
    """Events received so many days before the day that is judged; the number of each day."""
    with landing.warehouse.view("counted", pa.table({"ago": list(rows), "n": list(rows.values())})):
        landing.warehouse.append(
            EVENTS.name,
            f"""
            select gen_random_uuid()::varchar as event_id, 'l' as load_id, '{source}' as source,
                'f' as file, 'page' as type, 'd' as anonymous_id,
                $now::timestamp - interval 1 day - ago * interval 1 day as received_at,
                $now::timestamp as "timestamp"
            from counted, range(n)
            """,
            {"now": NOW},
        )


def _volume(landing: Landing, **config: Any) -> tuple[set[str], tuple[str, ...]]:
    """Claims about one source that do not hold, and what could not be judged."""
    expected = ExpectationsConfig.model_validate({"tables": {"events": config}})
    (report,) = judge_tables(landing.warehouse, [EVENTS.name], expected, now=NOW)
    claims = {unmet.fact.claim for unmet in report.met.unmet if "_row_" not in unmet.fact.claim}
    return claims, report.unjudged


WEEKS_BEFORE = {7: 100, 14: 110, 21: 95, 28: 105, 35: 98}


@pytest.fixture
def stored(landing: Landing) -> Landing:
    landing.warehouse.create_missing(TABLES)
    return landing


@pytest.mark.parametrize(
    ("rows", "is_usual"),
    [(0, False), (20, False), (75, True), (100, True), (135, True), (200, False)],
)
def test_rows_of_a_day_are_compared_with_the_same_weekday(
    stored: Landing, rows: int, *, is_usual: bool
) -> None:
    # Other weekdays bring ten times as much: they are no measure.
    _days(stored, {**WEEKS_BEFORE, 0: rows, 1: 1000, 8: 1000})

    claims, unjudged = _volume(stored)

    assert (claims, unjudged) == (
        set() if is_usual else {"web_brings_as_many_rows_as_on_this_weekday"}, ()
    )  # fmt: skip


def test_one_odd_week_moves_the_band_little(stored: Landing) -> None:
    _days(stored, {**WEEKS_BEFORE, 21: 100_000, 0: 100})

    assert _volume(stored) == (set(), ())


def test_too_short_a_history_says_nothing_yet(stored: Landing) -> None:
    _days(stored, {0: 3, 7: 100, 14: 100, 21: 100})

    assert _volume(stored) == (set(), ("web: rows of a day, 3 of 4 weeks are known",))


def test_a_source_that_stops_is_noticed_while_another_goes_on(stored: Landing) -> None:
    _days(stored, WEEKS_BEFORE, "app")
    _days(stored, {**WEEKS_BEFORE, 0: 100})

    assert _volume(stored)[0] == {"app_brings_as_many_rows_as_on_this_weekday"}


def test_a_wider_band_and_a_longer_freshness_are_a_matter_of_configuration(stored: Landing) -> None:
    _days(stored, {**WEEKS_BEFORE, 0: 5})

    assert _volume(stored, fresh_within_days=0.5)[0] == {
        "web_is_fresh_in_days", "web_brings_as_many_rows_as_on_this_weekday",
    }  # fmt: skip
    assert _volume(stored, fresh_within_days=3, judge_volume=False) == (set(), ())
    own = {"web": {"fresh_within_days": 3, "volume_band": 20}}
    assert _volume(stored, fresh_within_days=0.5, sources=own) == (set(), ())


def test_a_source_that_must_be_fresh_and_never_came_is_noticed(stored: Landing) -> None:
    assert _volume(stored, sources={"app": {"fresh_within_days": 3}})[0] == {"app_has_rows"}


def test_the_share_of_refused_rows_is_a_matter_of_configuration(landing: Landing) -> None:
    landing.put("web/a.jsonl", lines(call(), b"broken"))
    landing.load()

    assert "few_rows_are_refused" in _volume(landing)[0]
    assert _volume(landing, max_refused_share=0.5)[0] == set()


def test_what_was_refused_of_a_file_that_is_mended_is_history(landing: Landing) -> None:
    landing.put("web/a.jsonl", lines(call(messageId="m1"), b"broken"))
    landing.load()
    landing.put("web/a.jsonl", lines(call(messageId="m1"), call(messageId="m2")))
    landing.load()
    past = past_loads(landing.warehouse, landing.config, landing.folder).all

    (as_loaded,) = judge_tables(landing.warehouse, [EVENTS.name])
    (as_it_is,) = judge_tables(landing.warehouse, [EVENTS.name], past=past)

    (unmet,) = map(str, as_loaded.met.unmet)
    assert unmet.startswith("few_rows_are_refused: found 0.25")
    assert as_it_is.met.is_met


def test_a_table_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match=r"did you mean 'events'\? raw tables"):
        ExpectationsConfig.model_validate({"tables": {"evnts": {}}})


def test_a_misspelt_source_is_refused_with_its_line_and_a_suggestion(tmp_path: Path) -> None:
    text = "tables:\n  events:\n    sources:\n      web: {volume_band: 9}\n      wbe: {volume_band: 9}\n"
    (tmp_path / "expectations.yml").write_text(text, encoding="utf-8")

    with pytest.raises(ConfigurationError) as caught:
        load_expectations(tmp_path, SourcesConfig.model_validate({"sources": SOURCES}))

    (problem,) = caught.value.problems
    assert (problem.line, problem.key) == (5, "tables.events.sources.wbe")
    assert "did you mean 'web'? sources in sources.yml that fill raw.events: web" in str(problem)


def test_a_source_of_another_table_is_refused(tmp_path: Path) -> None:
    text = "tables:\n  orders:\n    sources:\n      web: {fresh_within_days: 2}\n"
    (tmp_path / "expectations.yml").write_text(text, encoding="utf-8")

    with pytest.raises(ConfigurationError, match=r"found 'web'; .*fill raw.orders: shop"):
        load_expectations(tmp_path, SourcesConfig.model_validate({"sources": SOURCES}))
