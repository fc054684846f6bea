"""Measure every experiment of the configuration and store what it says."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import pyarrow as pa

from measurement.config import GLOBAL_SEGMENT, HELD_OUT, Experiment, ExperimentsConfig, Holdout
from measurement.exposures import write_exposures, write_outcomes
from measurement.inventory import LIFT, TABLES
from measurement.known import mark_known
from measurement.lift import SIGNIFICANCE, Counts, is_ratio_broken, sample_ratio_p_value
from measurement.looks import Look, look_of, moments_of, significance_at
from measurement.numberless import find_numberless
from measurement.report import Finding, LiftReport, MetricTable, Rules, Table, compare_metrics
from measurement.samples import ADDED_UP, Sample, sample_of
from measurement.segments import check_segments
from warehouse import Warehouse, literal

# Later and earlier than anything that the warehouse knows; its times bear no zone.
_FOREVER, _EVER = dt.datetime(9999, 1, 1), dt.datetime(1, 1, 1)  # noqa: DTZ001

_COUNTS = """
    select coalesce(exposures.segment, '') as segment, exposures.arm,
           count(*) as n, count(*) filter (where outcomes.has_converted) as converted
    from measurement.exposures as exposures
    inner join measurement.outcomes as outcomes
        on exposures.experiment_key = outcomes.experiment_key
        and exposures.person_id = outcomes.person_id
    where exposures.experiment_key = $experiment_key and outcomes.metric = $metric
      and outcomes.is_mature
      and outcomes.closes_at <= $until and outcomes.first_exposed_at >= $since
    group by all
    order by all
"""

_UNITS = """
    units as (
        select {segment} as segment, exposures.arm, exposures.unit_id, count(*) as n,
               sum(outcomes.value order by outcomes.person_id) as s0,
               sum(outcomes.per order by outcomes.person_id) as s1,
               sum(outcomes.before order by outcomes.person_id) as s2,
               cast(count(*) as double) as s3
        from measurement.exposures as exposures
        inner join measurement.outcomes as outcomes
            on exposures.experiment_key = outcomes.experiment_key
            and exposures.person_id = outcomes.person_id
        where exposures.experiment_key = $experiment_key and outcomes.metric = $metric
          and outcomes.is_mature and outcomes.closes_at <= $until
        group by all
    )
"""
_MOMENTS = f"""
    with {_UNITS}
    select {ADDED_UP} from units
    where segment is not null
    group by segment, arm
    order by segment, arm
"""

# Every arm as if it had met as many of each segment: a unit weighs as much as its segment has units
# for each of its arm. What an arm never met is told of none: such a segment is left out.
_ALIKE = f"""
    with {_UNITS},
    weighed as (
        select segment, arm, unit_id, n,
               count(*) over (partition by segment)
                   / count(*) over (partition by segment, arm) as weight,
               {", ".join(f"weight * s{i} as s{i}" for i in range(4))}
        from units
    ),
    meant as (select segment, arm from units where len($arms) = 0 or list_contains($arms, arm)),
    whole as (
        select segment from meant group by segment
        having count(distinct arm) = (select count(distinct arm) from meant)
    ),
    everybody as (
        select * replace ({literal(GLOBAL_SEGMENT)} as segment) from weighed
        where segment in (select segment from whole)
    )
    select {ADDED_UP} from everybody
    group by segment, arm
    order by arm
"""

_INFORMATION = """
    select {counted} from measurement.outcomes
    where experiment_key = $experiment_key and metric = $metric and is_mature
"""

_EXPOSED = """
    select arm, count(*) as n, count(distinct unit_id) as units,
           count(*) filter (where is_crossover) as crossovers
    from measurement.exposures
    where experiment_key = $experiment_key
    group by arm
    order by arm
"""

_SIZES = """
    select segment, arm, count(distinct unit_id) as units
    from measurement.exposures
    where experiment_key = $experiment_key and segment is not null
    group by segment, arm
    order by segment, arm
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
        mark_known(warehouse, configured, as_of=now)
        write_outcomes(warehouse, configured, as_of=now, run_id=run_id)
        reports = read_lift(warehouse, experiments, now=now)
        warehouse.replace(LIFT.name, _rows(reports, now, run_id))
    return reports


def read_lift(
    warehouse: Warehouse, experiments: ExperimentsConfig, *, now: dt.datetime | None = None
) -> tuple[LiftReport, ...]:
    """Judge every metric from the exposures and outcomes that the last measurement stored.

    Args:
        warehouse: With these.
        experiments: What is measured.
        now: Decides which planned look is the latest, UTC; None: when it was last measured.
    """
    warehouse.create_missing(TABLES)
    now = now or warehouse.scalar(f"select max(as_of) from {LIFT.name.sql}") or _FOREVER
    return tuple(
        report
        for key, experiment in experiments.experiments.items()
        for report in _read_experiment(
            warehouse, key, experiment, now=now, holdout=experiments.holdout
        )
    )


def _read_experiment(
    warehouse: Warehouse,
    key: str,
    experiment: Experiment,
    *,
    now: dt.datetime,
    holdout: Holdout | None,
) -> Iterator[LiftReport]:
    """Judge all metrics together, as of the latest planned look; the primary one comes first."""
    exposed = warehouse.read(_EXPOSED, {"experiment_key": key})
    by_arm = dict(zip(exposed["arm"].to_pylist(), exposed["units"].to_pylist(), strict=True))
    look = look_of(experiment.looks, now) if experiment.looks else None
    until = now if look is None else look.at
    ratio = _ratio_p_value(by_arm, experiment, holdout)
    rules = Rules(
        metric=experiment.metrics[experiment.primary_metric],
        is_sample_ratio_broken=is_ratio_broken(ratio),
        wrong_segments=_wrong_segments(warehouse, key, experiment, holdout),
        waits_for=look.next_at if look is not None and look.number == 0 else None,
        numberless=find_numberless(warehouse, experiment.metrics.values(), as_of=now),
    )
    names = sorted(experiment.metrics, key=lambda name: name != experiment.primary_metric)
    tables = {name: _table(warehouse, key, experiment, name, until) for name in names}
    metrics = [
        MetricTable.of(
            {**table, **_alike(warehouse, key, experiment, name, until)},
            experiment,
            replace(rules, significance=_significance(warehouse, key, experiment, name, look)),
            name=name,
            counted=table,
        )
        for name, table in tables.items()
    ]
    total = sum(exposed["n"].to_pylist())
    for (name, table), comparisons in zip(tables.items(), compare_metrics(metrics), strict=True):
        yield LiftReport(
            experiment_key=key,
            metric=name,
            comparisons=comparisons,
            exposed=total,
            immature=total - round(sum(c.n for c in table[GLOBAL_SEGMENT].values())),
            crossovers=sum(exposed["crossovers"].to_pylist()),
            sample_ratio_p=ratio,
            wrong_segments=rules.wrong_segments,
            look=look,
            is_primary=name == experiment.primary_metric,
        )


def read_counts(
    warehouse: Warehouse, key: str, metric: str, *,
    until: dt.datetime = _FOREVER, since: dt.datetime = _EVER,
) -> dict[str, dict[str, Counts]]:  # fmt: skip
    """Whose window has closed, and who of them converted, by segment and arm; see count_table.

    Args:
        warehouse: With the outcomes.
        key: The experiment.
        metric: The outcome.
        until: Only windows that had closed by then.
        since: Only who first met an arm then or later.
    """
    values = {"experiment_key": key, "metric": metric, "until": until, "since": since}
    return count_table(warehouse.read(_COUNTS, values))


def _table(
    warehouse: Warehouse, key: str, experiment: Experiment, name: str, until: dt.datetime | None
) -> Table:
    """What each arm did in each segment: persons counted, or sums over what was drawn."""
    return (
        {GLOBAL_SEGMENT: {}}
        if until is None
        else read_arms(warehouse, key, experiment, name, until=until)
    )


def read_arms(
    warehouse: Warehouse,
    key: str,
    experiment: Experiment,
    name: str,
    *,
    until: dt.datetime = _FOREVER,
) -> Table:
    """What the lift of a metric is told from: persons counted, or sums over what was drawn.

    Args:
        warehouse: With the outcomes.
        key: The experiment.
        experiment: Its configuration.
        name: The metric.
        until: Only windows that had closed by then.
    """
    metric = experiment.metrics[name]
    if metric.is_share and not metric.before_days and experiment.unit == "person":
        return read_counts(warehouse, key, name, until=until)
    return read_samples(warehouse, key, name, until=until)


def read_samples(
    warehouse: Warehouse, key: str, metric: str, *, until: dt.datetime = _FOREVER
) -> dict[str, dict[str, Sample]]:
    """What the units of each arm add up to, by segment; ``global`` is of all, each unit once.

    Args:
        warehouse: With the outcomes.
        key: The experiment.
        metric: The outcome.
        until: Only windows that had closed by then.
    """
    table: dict[str, dict[str, Sample]] = {GLOBAL_SEGMENT: {}}
    for segment in (literal(GLOBAL_SEGMENT), "exposures.segment"):
        sql = _MOMENTS.format(segment=segment)
        values = {"experiment_key": key, "metric": metric, "until": until}
        for row in warehouse.read(sql, values).to_pylist():  # one row per segment and arm
            table.setdefault(row["segment"], {})[row["arm"]] = sample_of(row)
    return table


def _alike(
    warehouse: Warehouse, key: str, experiment: Experiment, name: str, until: dt.datetime | None
) -> Table:
    """Everybody, where shares differ by segment: else an arm is as good as those who met it."""
    if until is None or not experiment.variants or not experiment.segments:
        return {}
    sql = _ALIKE.format(segment="coalesce(exposures.segment, '')")
    values = {"experiment_key": key, "metric": name, "until": until}
    rows = warehouse.read(sql, {**values, "arms": list(experiment.shares)}).to_pylist()
    return {GLOBAL_SEGMENT: {row["arm"]: sample_of(row) for row in rows}}  # one row per arm


def _significance(
    warehouse: Warehouse, key: str, experiment: Experiment, name: str, look: Look | None
) -> float:
    """The level of the latest look, by how many windows had closed at each."""
    if look is None or experiment.looks is None:
        return SIGNIFICANCE
    if look.number == 0:
        return 0.0
    moments = moments_of(experiment.looks)[: look.number]
    counted = ", ".join(
        f"count(*) filter (where closes_at <= $at{number}) as n{number}"
        for number in range(len(moments))
    )
    values = {f"at{number}": moment for number, moment in enumerate(moments)}
    row = warehouse.read(
        _INFORMATION.format(counted=counted), {**values, "experiment_key": key, "metric": name}
    ).to_pylist()[0]
    return significance_at(look, [row[f"n{number}"] for number in range(len(moments))])


def _ratio_p_value(
    found: Mapping[str, int], experiment: Experiment, holdout: Holdout | None
) -> float | None:
    """Whether the arms have the intended sizes; with ``variants``, held out and shown alone.

    Shares that are learnt move, by segment and from run to run; how many are held out does not.
    """
    if not experiment.variants or not experiment.shares:
        return sample_ratio_p_value(found, experiment.shares)
    if holdout and not (experiment.exposure.slot and holdout.unit == experiment.unit):
        return None  # how many of both hold-outs the events call held out is not known
    held_out = experiment.held_out or HELD_OUT
    kept = (1 - experiment.shares.get(held_out, 0.0)) * (1 - (holdout.share if holdout else 0.0))
    shown = sum(found.get(arm, 0) for arm in experiment.shares if arm != held_out)
    sizes = {"shown": shown, "held out": found.get(held_out, 0)}
    return sample_ratio_p_value(sizes, {"shown": kept, "held out": 1 - kept}) if kept < 1 else None


def _wrong_segments(
    warehouse: Warehouse, key: str, experiment: Experiment, holdout: Holdout | None
) -> tuple[str, ...]:
    """Segments in which the arms do not have the intended sizes."""
    sizes: dict[str, dict[str, int]] = {}
    for row in warehouse.read(_SIZES, {"experiment_key": key}).to_pylist():  # by segment and arm
        sizes.setdefault(row["segment"], {})[row["arm"]] = row["units"]
    return tuple(
        segment
        for segment, arms in sizes.items()
        if is_ratio_broken(_ratio_p_value(arms, experiment, holdout))
    )


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
            "is_primary": report.is_primary,
            **_row(finding),
            "look": report.look and report.look.number,
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
        "kept_variance": finding.kept_variance,
        "verdict": finding.verdict,
        "reason": finding.reason,
    }
