"""A real randomised test of 64,000 customers, published in 2008, measured from its raw rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.csv
import pytest
from scipy import stats

from measurement import ExperimentsConfig, LiftReport, measure_experiments
from measurement.report import Finding
from tests.measurement.conftest import NOW, TABLES
from warehouse import DuckDBWarehouse

CONTROL, MENS, WOMENS = "No E-Mail", "Mens E-Mail", "Womens E-Mail"
# The published rows as a company would have them: who was sent what, came, and spent how much.
LOAD = """
    alter table marts.profiles add column bought_womens boolean;
    create temp table customers as
    select 'c' || row_number() over () as person_id, * from hillstrom;
    insert into marts.profiles by name
    select person_id, womens = 1 as bought_womens from customers;
    insert into marts.events by name
    select person_id || '-sent' as event_id, person_id, 'Experiment Viewed' as event,
        timestamp '2026-03-01' as occurred_at, timestamp '2026-03-01' as received_at,
        json_object('experiment_id', 'mail', 'variation_id', segment) as properties
    from customers
    union all by name
    select person_id || '-came' as event_id, person_id, 'Visited' as event,
        timestamp '2026-03-05' as occurred_at, timestamp '2026-03-05' as received_at
    from customers where visit = 1
    union all by name
    select person_id || '-bought' as event_id, person_id, 'Ordered' as event,
        timestamp '2026-03-06' as occurred_at, timestamp '2026-03-06' as received_at,
        json_object('amount', spend) as properties
    from customers where spend > 0;
    update marts.events set is_bot = false;
"""
MAIL = ExperimentsConfig.model_validate({"experiments": {"mail": {
    "exposure": {"event": "Experiment Viewed"},
    "baseline": CONTROL,
    "shares": {CONTROL: 1 / 3, MENS: 1 / 3, WOMENS: 1 / 3},
    "metrics": {
        "visit": {"event": "Visited", "within_days": 14},
        "spend": {"event": "Ordered", "within_days": 14, "measure": "sum",
                  "summed_property": "amount"},
    },
    "segments": [
        {"name": "womens_buyers", "when": [{"trait": "bought_womens", "is": True}]},
        {"name": "others"},
    ],
}}})  # fmt: skip


@pytest.fixture(scope="module")
def rows(shared_data: Path) -> pyarrow.Table:
    return pyarrow.csv.read_csv(shared_data / "lift" / "hillstrom" / "hillstrom.csv")


@pytest.fixture(scope="module")
def reports(rows: pyarrow.Table) -> dict[str, LiftReport]:
    warehouse = DuckDBWarehouse.in_memory()
    warehouse.execute(TABLES)
    with warehouse.view("hillstrom", rows):
        for statement in LOAD.split(";")[:-1]:
            warehouse.execute(statement)
    return {r.metric: r for r in measure_experiments(warehouse, MAIL, now=NOW, run_id="r1")}


def finding(report: LiftReport, arm: str, segment: str = "global") -> Finding:
    (found,) = (f for f in report.findings if (f.arm, f.segment) == (arm, segment))
    return found


@pytest.mark.parametrize(
    ("arm", "effect", "low", "high"),
    [
        pytest.param(MENS, 0.0766, 0.0700, 0.0832, id="mens"),
        pytest.param(WOMENS, 0.0452, 0.0389, 0.0516, id="womens"),
    ],
)
def test_the_published_lift_and_interval_of_visits_are_found(
    reports: dict[str, LiftReport], arm: str, effect: float, low: float, high: float
) -> None:
    found = finding(reports["visit"], arm)

    assert found.interval is not None
    assert found.effect == pytest.approx(effect, abs=1e-4)
    assert (found.interval.low, found.interval.high) == pytest.approx((low, high), abs=1.5e-4)
    assert found.verdict == "helped"
    assert reports["visit"].exposed == 64_000


@pytest.mark.parametrize(
    ("arm", "effect"), [pytest.param(MENS, 0.770, id="mens"), pytest.param(WOMENS, 0.424, id="w")]
)
def test_the_published_lift_of_spend_is_found_with_welchs_interval(
    reports: dict[str, LiftReport], rows: pyarrow.Table, arm: str, effect: float
) -> None:
    found = finding(reports["spend"], arm)

    segment, spend = np.array(rows["segment"].to_pylist()), np.array(rows["spend"].to_pylist())
    welch = stats.ttest_ind(spend[segment == arm], spend[segment == CONTROL], equal_var=False)
    interval = welch.confidence_interval(0.95)
    assert found.interval is not None
    assert found.effect == pytest.approx(effect, abs=5e-4)
    assert (found.interval.low, found.interval.high) == pytest.approx(
        (interval.low, interval.high), rel=1e-9
    )
    assert found.p_value == pytest.approx(welch.pvalue, rel=1e-9)
    assert found.verdict == "helped"


def test_the_womens_mail_moves_past_buyers_of_womens_goods(
    reports: dict[str, LiftReport],
) -> None:
    buyers = finding(reports["visit"], WOMENS, "womens_buyers")
    others = finding(reports["visit"], WOMENS, "others")

    assert buyers.effect == pytest.approx(0.0731, abs=1e-4)
    assert others.effect == pytest.approx(0.0111, abs=1e-4)
    comparison = next(c for c in reports["visit"].comparisons if c.findings[0].arm == WOMENS)
    assert comparison.heterogeneity_p is not None
    assert comparison.heterogeneity_p < 1e-6


def test_the_arms_have_the_intended_sizes(reports: dict[str, LiftReport]) -> None:
    assert not reports["visit"].is_sample_ratio_broken
    assert reports["visit"].wrong_segments == ()
