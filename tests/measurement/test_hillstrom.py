"""A real randomised test of 64,000 customers, published in 2008, with known lifts."""

from __future__ import annotations

from pathlib import Path

import pyarrow.csv
import pytest

from measurement.config import Metric
from measurement.lift import Counts
from measurement.report import Finding, Rules, compare

METRIC = Metric(event="visit", within_days=14)
CONTROL, MENS, WOMENS = "No E-Mail", "Mens E-Mail", "Womens E-Mail"


@pytest.fixture(scope="module")
def table(shared_data: Path) -> dict[str, dict[str, Counts]]:
    rows = pyarrow.csv.read_csv(shared_data / "lift" / "hillstrom" / "hillstrom.csv")
    found: dict[str, dict[str, Counts]] = {"global": {}}
    grouped = rows.group_by(["segment", "womens"]).aggregate([("visit", "sum"), ("visit", "count")])
    for row in grouped.to_pylist():
        counts = Counts(row["visit_count"], row["visit_sum"])
        so_far = found["global"].get(row["segment"], Counts(0, 0))
        found["global"][row["segment"]] = Counts(
            so_far.n + counts.n, so_far.converted + counts.converted
        )
        found.setdefault(f"womens={row['womens']}", {})[row["segment"]] = counts
    return found


def judge(table: dict[str, dict[str, Counts]], arm: str) -> dict[str, Finding]:
    report = compare(table, (arm, CONTROL), Rules(metric=METRIC))
    return {finding.segment: finding for finding in report.findings}


@pytest.mark.parametrize(
    ("arm", "effect", "low", "high"),
    [
        pytest.param(MENS, 0.0766, 0.0700, 0.0832, id="mens"),
        pytest.param(WOMENS, 0.0452, 0.0389, 0.0516, id="womens"),
    ],
)
def test_the_published_lift_and_interval_are_found(
    table: dict[str, dict[str, Counts]], arm: str, effect: float, low: float, high: float
) -> None:
    finding = judge(table, arm)["global"]

    assert finding.interval is not None
    assert finding.effect == pytest.approx(effect, abs=1e-4)
    assert (finding.interval.low, finding.interval.high) == pytest.approx((low, high), abs=1.5e-4)
    assert finding.verdict == "helped"


def test_the_womens_mail_moves_past_buyers_of_womens_goods(
    table: dict[str, dict[str, Counts]],
) -> None:
    findings = judge(table, WOMENS)

    assert findings["womens=1"].effect == pytest.approx(0.0731, abs=1e-4)
    assert findings["womens=0"].effect == pytest.approx(0.0111, abs=1e-4)
