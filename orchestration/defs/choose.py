"""What each person is shown, and whether experiments helped."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

import measurement.inventory
import personalization.inventory
from measurement import LiftReport, draw_lift, measure_experiments
from orchestration.company import known_until
from orchestration.pictures import picture
from orchestration.progress import announce
from orchestration.resources import CandorResource
from orchestration.specs import asset_key, table_specs
from orchestration.unexpected import in_own_words
from personalization import (
    describe_breadth,
    read_withheld,
    recommend,
    write_breadth,
    write_variant_policies,
)
from personalization.inventory import DRAW_UNITS, VARIANT_POLICIES
from personalization.inventory_backtests import BACKTESTS
from personalization.inventory_breadth import BREADTH
from personalization.inventory_calibrations import CALIBRATIONS
from personalization.inventory_half_lives import HALF_LIVES
from warehouse import Table, Warehouse

READ_BY_RECOMMENDATIONS = [
    dg.AssetKey(["marts", "profiles"]),
    dg.AssetKey(["marts", "consent_current"]),
    dg.AssetKey(["marts", "content_items"]),
    dg.AssetKey(["marts", "content_engagement"]),
]
READ_BY_VARIANTS = [
    dg.AssetKey(["measurement", "exposures"]),
    dg.AssetKey(["measurement", "outcomes"]),
]
READ_BY_MEASUREMENT = [
    dg.AssetKey(["marts", "events"]),
    dg.AssetKey(["marts", "current_person"]),
    dg.AssetKey(["personalization", "decisions"]),
    dg.AssetKey(["personalization", "email_blocks"]),
    dg.AssetKey(["marts", "profiles"]),
    dg.AssetKey(["identity", "members"]),
    dg.AssetKey(["staging", "stg_raw__person_records"]),
]
READ_BY_BREADTH = [
    *READ_BY_RECOMMENDATIONS,
    dg.AssetKey(["marts", "current_person"]),
    dg.AssetKey(["personalization", "decisions"]),
    dg.AssetKey(["personalization", "email_blocks"]),
    dg.AssetKey(["personalization", "recommendations"]),
    asset_key(DRAW_UNITS),
]
CHOSEN = (
    personalization.inventory.RECOMMENDATIONS,
    personalization.inventory.CONTEXT_LISTS,
    HALF_LIVES,
    BACKTESTS,
    CALIBRATIONS,
)
# The same seed for everyone: the places that are drawn at random are the same on any machine.
SEED = 20_260_101

Results = Iterator[dg.MaterializeResult[Any]]


@dg.multi_asset(
    specs=table_specs(CHOSEN, deps=READ_BY_RECOMMENDATIONS),
    name="choose_content",
    can_subset=False,
)
@in_own_words
def choose_content(context: dg.AssetExecutionContext, candor: CandorResource) -> Results:
    """Choose content for every person who granted personalization, one list per block."""
    announce("Choosing content")
    with candor.open_warehouse() as warehouse:
        report = recommend(
            warehouse,
            candor.company.content,
            as_of=known_until(warehouse),
            seed=SEED,
            run_id=context.run.run_id,
            holdout=candor.company.experiments.holdout,
        )
        counts = _counts(warehouse, CHOSEN)
    for table in CHOSEN:
        yield dg.MaterializeResult(
            asset_key=asset_key(table),
            metadata={
                "dagster/row_count": counts[table.name],
                "persons": report.persons,
                "published_items": report.items,
                "items_shown": report.items_shown,
                "drawn_at_random": report.discoveries,
                "half_life_days": report.half_life.days,
                "half_life": report.half_life.reason,
                "method": report.backtest.champion.value,
                "backtest": report.backtest.reason,
                **{
                    f"calibration of {key}": f"{one.used:g}: {one.reason}"
                    for key, one in report.calibrations.items()
                },
                "unknown_pins_and_bans": list(report.unknown_ids),
                "empty_blocks": list(report.empty_blocks),
                **{f"persons_{level}": number for level, number in report.by_level.items()},
            },
        )


@dg.asset_check(asset=asset_key(personalization.inventory.CONTEXT_LISTS))
@in_own_words
def every_block_has_content(candor: CandorResource) -> dg.AssetCheckResult:
    """Published content fits the filters of every block; compare content.yml with marts.content_items."""
    with candor.open_warehouse() as warehouse:
        found = warehouse.read("select distinct block from personalization.context_lists")
    filled = set(found["block"].to_pylist())
    # Without published content no block can be filled, and none is at fault.
    empty = sorted(set(candor.company.content.blocks) - filled) if filled else []
    return dg.AssetCheckResult(
        passed=not empty,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"empty_blocks": empty},
    )


@dg.asset_check(asset=dg.AssetKey(["personalization", "recommendations"]), blocking=True)
@in_own_words
def everyone_recommended_to_has_agreed(candor: CandorResource) -> dg.AssetCheckResult:
    """Every person with a recommendation has granted the purpose personalization."""
    with candor.open_warehouse() as warehouse:
        wrong = warehouse.scalar(
            """
            select count(distinct person_id)
            from personalization.recommendations
            anti join (
                select person_id from marts.consent_current
                where purpose = 'personalization' and status = 'granted'
            ) as granted using (person_id)
            """
        )
    return dg.AssetCheckResult(passed=wrong == 0, metadata={"persons_without_consent": wrong})


@dg.multi_asset(
    specs=table_specs(measurement.inventory.TABLES, deps=READ_BY_MEASUREMENT),
    name="measure",
    can_subset=False,
)
@in_own_words
def measure(context: dg.AssetExecutionContext, candor: CandorResource) -> Results:
    """Measure every experiment of experiments.yml anew from the events."""
    announce("Measuring experiments")
    with candor.open_warehouse() as warehouse:
        reports = measure_experiments(
            warehouse,
            candor.company.experiments,
            now=known_until(warehouse),
            run_id=context.run.run_id,
        )
        counts = _counts(warehouse, measurement.inventory.TABLES)
    for table in measurement.inventory.TABLES:
        shown = _pictures(reports) if table is measurement.inventory.LIFT else {}
        yield dg.MaterializeResult(
            asset_key=asset_key(table),
            metadata={
                "dagster/row_count": counts[table.name],
                **{_name(report): _in_words(report) for report in reports},
                **shown,
            },
        )


@dg.multi_asset(
    specs=table_specs([VARIANT_POLICIES], deps=READ_BY_VARIANTS),
    name="share_variants",
    can_subset=False,
)
@in_own_words
def share_variants(context: dg.AssetExecutionContext, candor: CandorResource) -> Results:
    """Say how often each variant is to be shown in each segment, for experiments that ask for it."""
    announce("Sharing variants out")
    with candor.open_warehouse() as warehouse:
        rows = write_variant_policies(
            warehouse,
            candor.company.experiments,
            now=known_until(warehouse),
            run_id=context.run.run_id,
        )
        withheld = read_withheld(warehouse, candor.company.experiments)
    yield dg.MaterializeResult(
        asset_key=asset_key(VARIANT_POLICIES),
        metadata={
            "dagster/row_count": rows,
            "switched_off": sum(not arm.is_paused for arm in withheld),
            "paused": sum(arm.is_paused for arm in withheld),
            **{f"{arm.experiment_key}, {arm.segment}, {arm.arm}": arm.sentence for arm in withheld},
        },
    )


@dg.multi_asset(
    specs=table_specs([BREADTH], deps=READ_BY_BREADTH), name="measure_breadth", can_subset=False
)
@in_own_words
def measure_breadth(context: dg.AssetExecutionContext, candor: CandorResource) -> Results:
    """Say how much of the content people meet, for whom it is chosen and who is held out."""
    announce("Measuring what people meet")
    with candor.open_warehouse() as warehouse:
        found = write_breadth(
            warehouse,
            holdout=candor.company.experiments.holdout,
            as_of=known_until(warehouse),
            run_id=context.run.run_id,
        )
    yield dg.MaterializeResult(
        asset_key=asset_key(BREADTH),
        metadata={"dagster/row_count": len(found), **describe_breadth(found)},
    )


@dg.asset_check(asset=dg.AssetKey(["measurement", "exposures"]))
@in_own_words
def arms_have_the_intended_sizes(candor: CandorResource) -> dg.AssetCheckResult:
    """No experiment or segment shows a sample-ratio mismatch; those whose verdicts were withheld are named."""
    with candor.open_warehouse() as warehouse:
        broken = warehouse.read(
            "select distinct experiment_key from measurement.lift "
            "where reason in ($everywhere, $here) order by experiment_key",
            {"everywhere": measurement.WRONG_SIZES, "here": measurement.WRONG_SIZES_HERE},
        )
    names = broken["experiment_key"].to_pylist()
    return dg.AssetCheckResult(
        passed=not names,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"experiments_with_wrong_sizes": names},
    )


def _counts(warehouse: Warehouse, tables: tuple[Table, ...]) -> dict[object, int]:
    return {t.name: warehouse.scalar(f"select count(*) from {t.name.sql}") for t in tables}


def _name(report: LiftReport) -> str:
    return f"{report.experiment_key}: {report.metric}"


def _in_words(report: LiftReport) -> str:
    everybody = [
        f"{f.arm} against {f.baseline_arm}: {f.verdict} ({f.reason})"
        for f in report.findings
        if f.segment == measurement.GLOBAL_SEGMENT
    ]
    found = "; ".join(everybody) or "nobody met two arms yet"
    role = "" if report.is_primary else "secondary metric; "
    return f"{role}{report.exposed} persons, {report.crossovers} crossed over: {found}"


def _pictures(reports: tuple[LiftReport, ...]) -> dict[str, dg.MarkdownMetadataValue]:
    return {
        f"{_name(report)}, picture": picture(draw_lift(report), f"Lift: {_name(report)}")
        for report in reports
    }
