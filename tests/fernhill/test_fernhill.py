"""Another company's files, with nothing changed but a folder of configuration.

Nobody on the project wrote these files; what is true of them stands in a folder beside them that
the product never reads.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from identity import evaluate_members
from tests.fernhill.conftest import Run
from warehouse import DuckDBWarehouse

pytestmark = [pytest.mark.warehouse, pytest.mark.timeout(900)]

# Joining on e-mail and phone gives .733 on these files.
MIN_F1 = 0.92
MIN_PRECISION = 0.97


@pytest.fixture(scope="session")
def manifest(fernhill: Path) -> dict[str, object]:
    return dict(json.loads((fernhill / "truth" / "manifest.json").read_text()))


def test_every_asset_is_green(run: Run) -> None:
    assert run.outcome["checks_passed"]
    # Its history is short: what counts 90 days still fills, so scores move, which is a ticket, no page.
    assert set(run.outcome["checks_failed"]) <= {"prediction/drift: scores_stay_as_they_were"}
    assert run.outcome["errors"] == []


def test_unique_events_are_counted_exactly(
    warehouse: DuckDBWarehouse, manifest: dict[str, object]
) -> None:
    found = warehouse.scalar("select count(*) from raw.events where source = 'web_events'")

    assert found == manifest["event_unique_valid"]


def test_malformed_lines_are_quarantined_exactly(
    warehouse: DuckDBWarehouse, fernhill: Path
) -> None:
    with (fernhill / "truth" / "malformed.csv").open(newline="") as stream:
        expected = {(row["file"], int(row["line"])) for row in csv.DictReader(stream)}
    rows = warehouse.read("select file, line from raw.quarantine where source = 'web_events'")
    found = set(zip(rows["file"].to_pylist(), rows["line"].to_pylist(), strict=True))

    assert found == expected


def test_records_are_joined_better_than_by_address_and_phone(
    warehouse: DuckDBWarehouse, fernhill: Path
) -> None:
    quality = evaluate_members(warehouse, fernhill / "truth" / "records.csv")

    assert quality.f1 >= MIN_F1
    assert quality.precision >= MIN_PRECISION


@pytest.fixture(scope="session")
def hero_effects(fernhill: Path) -> dict[str, float]:
    """The true effect of the new page on the share of people who ask for a demo, by segment."""
    with (fernhill / "truth" / "experiment.csv").open(newline="") as stream:
        return {row["segment"]: float(row["true_abs_effect"]) for row in csv.DictReader(stream)}


def test_the_effect_of_the_page_is_measured_by_segment(
    warehouse: DuckDBWarehouse, hero_effects: dict[str, float]
) -> None:
    found = warehouse.read(
        "select segment, ci_low, ci_high, verdict from measurement.lift "
        "where arm = 'hero_b' and baseline_arm = 'control' and segment <> 'global'"
    ).to_pylist()

    covered = [row["ci_low"] <= hero_effects[row["segment"]] <= row["ci_high"] for row in found]
    assert len(found) == 4
    assert sum(covered) >= 3
    for row in found:
        true = hero_effects[row["segment"]]
        assert row["verdict"] != "helped" or true > 0
        assert row["verdict"] != "harmed" or true < 0


def test_the_page_is_shown_seldom_where_it_harms_and_always_where_it_helps(
    warehouse: DuckDBWarehouse, hero_effects: dict[str, float]
) -> None:
    rows = warehouse.read(
        "select segment, probability from personalization.variant_policies "
        "where arm = 'hero_b' and segment <> 'global'"
    ).to_pylist()

    shown = {row["segment"]: row["probability"] for row in rows}
    assert shown.keys() == hero_effects.keys() - {"global"}
    assert all(shown[name] <= 0.02 for name, effect in hero_effects.items() if effect < 0)
    assert all(shown[name] > 0.9 for name, effect in hero_effects.items() if effect > 0.1)


def test_everybody_with_an_address_of_their_own_has_a_full_mailing(
    warehouse: DuckDBWarehouse,
) -> None:
    without = warehouse.scalar(
        """
        select count(*) from marts.profiles
        semi join (
            select person_id from marts.contact_points
            where identifier_type = 'email' and not coalesce(is_shared, false)
        ) as mailable using (person_id)
        anti join (
            select person_id from personalization.email_blocks
            where block = 'weekly' group by person_id having count(distinct content_id) = 3
        ) as mailed using (person_id)
        where not is_bot
        """
    )
    arms = dict(
        tuple(row.values())
        for row in warehouse.read(
            "select arm, count(distinct person_id) from personalization.email_blocks "
            "where is_randomised group by arm"
        ).to_pylist()
    )

    assert without == 0
    total = sum(arms.values())
    for arm, share in (("personalised", 0.8), ("business_as_usual", 0.1), ("none", 0.1)):
        # Four standard errors.
        assert abs(arms[arm] / total - share) < 4 * (share * (1 - share) / total) ** 0.5


def test_readiness_names_two_use_cases_and_what_is_missing(warehouse: DuckDBWarehouse) -> None:
    start = warehouse.read(
        "select capability, level from personalization.readiness "
        "where start_rank is not null order by start_rank"
    ).to_pylist()
    search = warehouse.scalar(
        "select missing from personalization.readiness where capability = 'search'"
    )

    assert [row["level"] for row in start] == ["hybrid", "hybrid"]
    assert "without the list of results" in search
