"""Measure every experiment of the configuration and store what it says."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from measurement.config import GLOBAL_SEGMENT, Experiment, ExperimentsConfig
from measurement.exposures import write_exposures, write_outcomes
from measurement.inventory import LIFT, TABLES
from measurement.lift import Counts, is_ratio_broken, sample_ratio_p_value
from measurement.report import Finding, LiftReport, compare_all
from measurement.segments import check_segments
from warehouse import Warehouse

_COUNTS = """
    select coalesce(exposures.segment, '') as segment, exposures.arm,
           count(*) as n, count(*) filter (where outcomes.has_converted) as converted
    from measurement.exposures as exposures
    inner join measurement.outcomes as outcomes
        on exposures.experiment_key = outcomes.experiment_key
        and exposures.person_id = outcomes.person_id
    where exposures.experiment_key = $experiment_key and outcomes.metric = $metric
      and outcomes.is_mature
    group by all
    order by all
"""

_EXPOSED = """
    select arm, count(*) as n, count(*) filter (where is_crossover) as crossovers
    from measurement.exposures
    where experiment_key = $experiment_key
    group by arm
    order by arm
"""


def measure_experiments(
    warehouse: Warehouse, experiments: ExperimentsConfig, *, now: dt.datetime, run_id: str
) -> tuple[LiftReport, ...]:
    """Write exposures, outcomes and lift of every experiment; one report per metric.

    Args:
        warehouse: With the marts of this run.
        experiments: What is measured.
        now: The moment up to which the warehouse knows (``raw.as_of``), UTC.
        run_id: Stored with every row.

    Raises:
        InvalidExperimentError: A segment cannot be judged; nothing is written.
    """
    warehouse.create_missing(TABLES)
    configured = experiments.experiments
    check_segments(warehouse, configured)
    with warehouse.transaction():
        write_exposures(warehouse, configured, as_of=now, run_id=run_id)
        write_outcomes(warehouse, configured, as_of=now, run_id=run_id)
        reports = read_lift(warehouse, experiments)
        warehouse.replace(LIFT.name, _rows(reports, now, run_id))
    return reports


def read_lift(warehouse: Warehouse, experiments: ExperimentsConfig) -> tuple[LiftReport, ...]:
    """Judge every metric from the exposures and outcomes that the last measurement stored."""
    warehouse.create_missing(TABLES)
    return tuple(
        measure_metric(warehouse, key, experiment, metric)
        for key, experiment in experiments.experiments.items()
        for metric in experiment.metrics
    )


def measure_metric(warehouse: Warehouse, key: str, experiment: Experiment, name: str) -> LiftReport:
    """Judge one metric from the stored exposures and outcomes."""
    exposed = warehouse.read(_EXPOSED, {"experiment_key": key})
    by_arm = dict(zip(exposed["arm"].to_pylist(), exposed["n"].to_pylist(), strict=True))
    counts = read_counts(warehouse, key, name)
    ratio = sample_ratio_p_value(by_arm, experiment.shares)
    compared = compare_all(
        counts,
        experiment,
        metric=experiment.metrics[name],
        is_sample_ratio_broken=is_ratio_broken(ratio),
    )
    return LiftReport(
        experiment_key=key,
        metric=name,
        comparisons=compared,
        exposed=sum(by_arm.values()),
        immature=sum(by_arm.values()) - sum(c.n for c in counts[GLOBAL_SEGMENT].values()),
        crossovers=sum(exposed["crossovers"].to_pylist()),
        sample_ratio_p=ratio,
    )


def read_counts(warehouse: Warehouse, key: str, metric: str) -> dict[str, dict[str, Counts]]:
    """Whose window has closed, and who of them converted, by segment and arm; see count_table."""
    return count_table(warehouse.read(_COUNTS, {"experiment_key": key, "metric": metric}))


def count_table(counts: pa.Table) -> dict[str, dict[str, Counts]]:
    """Counts by segment and arm; ``global`` sums all, also those whom no segment fits.

    Args:
        counts: segment (empty where none fits), arm, n, converted; each pair once.
    """
    everybody: dict[str, Counts] = {}
    table: dict[str, dict[str, Counts]] = {GLOBAL_SEGMENT: everybody}
    for row in counts.to_pylist():  # one row per segment and arm
        found = Counts(row["n"], row["converted"])
        so_far = everybody.get(row["arm"], Counts(0, 0))
        everybody[row["arm"]] = Counts(so_far.n + found.n, so_far.converted + found.converted)
        if row["segment"]:
            table.setdefault(row["segment"], {})[row["arm"]] = found
    return table


def _rows(reports: Iterable[LiftReport], now: dt.datetime, run_id: str) -> pa.Table:
    rows = [
        {
            "experiment_key": report.experiment_key,
            "metric": report.metric,
            **_row(finding),
            "as_of": now,
            "run_id": run_id,
        }
        for report in reports
        for finding in report.findings
    ]
    return pa.Table.from_pylist(rows, schema=LIFT.arrow_schema)


def _row(finding: Finding) -> dict[str, Any]:
    interval, shrunken = finding.interval, finding.shrunken
    return {
        "segment": finding.segment,
        "arm": finding.arm,
        "baseline_arm": finding.baseline_arm,
        "n": finding.counts.n,
        "n_baseline": finding.baseline.n,
        "rate": finding.counts.rate,
        "rate_baseline": finding.baseline.rate,
        "effect": finding.effect,
        "ci_low": interval and interval.low,
        "ci_high": interval and interval.high,
        "p_value": finding.p_value,
        "q_value": finding.q_value,
        "shrunken_effect": finding.shrunken_effect,
        "shrunken_low": shrunken and shrunken.low,
        "shrunken_high": shrunken and shrunken.high,
        "minimum_detectable": finding.minimum_detectable,
        "verdict": finding.verdict,
        "reason": finding.reason,
    }
