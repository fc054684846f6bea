"""Records and devices become persons."""

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import dagster as dg

import identity.inventory
from identity import (
    GuardedReport,
    HeldChangesError,
    ResolutionReport,
    resolve_accounts,
    resolve_guarded,
)
from identity.picture import as_png
from identity.pictures import draw_findings
from orchestration.company import utc_now
from orchestration.pictures import picture
from orchestration.progress import announce
from orchestration.resources import CandorResource
from orchestration.specs import asset_key, table_specs
from orchestration.syncs import pass_withdrawals_on
from orchestration.unexpected import in_own_words
from warehouse import Table

STAGED = [
    dg.AssetKey(["staging", "stg_raw__person_records"]),
    dg.AssetKey(["staging", "stg_raw__events"]),
    dg.AssetKey(["staging", "stg_raw__accounts"]),
    dg.AssetKey(["staging", "stg_raw__mail_domains"]),
]
# The same seed for everyone: a run is repeatable, on any machine.
SEED = 20_260_101
NOT_NUMBERS = frozenset({"findings", "quality", "seconds"})
# Each picture is shown at the table that it is about.
PICTURES = {
    "links": ("match_weights", "m_and_u", "threshold", "link_sources"),
    "members": ("person_sizes",),
}
CHURN = asset_key(identity.inventory.CHURN)
FEW_CHANGE = "few_persons_change_without_a_reason"


class ResolveConfig(dg.Config):
    """Whether more persons may change than identity.yml allows."""

    accept_identity_changes: bool = False


@dg.multi_asset(
    specs=table_specs(identity.inventory.TABLES, deps=STAGED, kinds=("python", "splink", "duckdb")),
    name="resolve_identities",
    can_subset=False,
    check_specs=[
        dg.AssetCheckSpec(
            FEW_CHANGE,
            asset=CHURN,
            blocking=True,
            description="No more persons change without a new record or decision than "
            "max_changed_share of identity.yml allows, or somebody has accepted it.",
        )
    ],
)
@in_own_words
def resolve_identities(
    context: dg.AssetExecutionContext, candor: CandorResource, config: ResolveConfig
) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    """Work out who is who, and which account records are one company.

    Runs of the same input write nothing new. What would change too many persons is not written, and
    the run ends here; who withdrew a consent is taken out of the destinations all the same.
    """
    announce("Resolving identities")
    try:
        report, counts = _resolve(candor, config, run_id=context.run.run_id)
    except HeldChangesError as held:
        yield _held(held)
        pass_withdrawals_on(candor.company, run_id=context.run.run_id)
        raise
    for table in identity.inventory.TABLES:
        yield dg.MaterializeResult(
            asset_key=asset_key(table),
            metadata={
                "dagster/row_count": counts[table.name.name],
                **_numbers(report.resolution),
                **_shown(report.resolution, table),
            },
        )
    yield _few(report)


def _resolve(
    candor: CandorResource, config: ResolveConfig, *, run_id: str
) -> tuple[GuardedReport, dict[str, int]]:
    """Resolve, and count the rows of each table."""
    company = candor.company
    with candor.open_warehouse() as warehouse:
        report = resolve_guarded(
            warehouse,
            company.identity,
            accept=config.accept_identity_changes,
            run_id=run_id,
            now=(now := utc_now()),
            seed=SEED,
            artifacts=company.paths.artifacts,
            default_region=company.sources.default_region,
            progress=announce,
        )
        resolve_accounts(warehouse, company.identity, run_id=run_id, now=now)
        counts = {
            table.name.name: warehouse.scalar(f"select count(*) from {table.name.sql}")
            for table in identity.inventory.TABLES
        }
    return report, counts


def _held(error: HeldChangesError) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=CHURN,
        check_name=FEW_CHANGE,
        passed=False,
        description=str(error),
        metadata={
            "changed_without_a_reason": error.changed,
            "persons": error.persons,
            "bound": error.bound,
            "likely_causes": list(error.causes),
        },
    )


def _few(report: GuardedReport) -> dg.AssetCheckResult:
    numbers = {field.name: getattr(report.churn, field.name) for field in fields(report.churn)}
    return dg.AssetCheckResult(
        asset_key=CHURN,
        check_name=FEW_CHANGE,
        passed=True,
        metadata={"status": report.status, **numbers},
    )


def _numbers(report: ResolutionReport) -> dict[str, Any]:
    """Numbers of the run."""
    return {
        field.name: getattr(report, field.name)
        for field in fields(report)
        if field.name not in NOT_NUMBERS and getattr(report, field.name) is not None
    }


def _shown(report: ResolutionReport, table: Table) -> dict[str, Any]:
    """What belongs to this table: its pictures, quality of the persons; never a person's value."""
    if report.findings is None or report.quality is None:
        return {}
    shown: dict[str, Any] = {
        one.name: picture(as_png(one.figure), one.caption)
        for one in draw_findings(report.findings, only=PICTURES.get(table.name.name, ()))
    }
    if table is identity.inventory.MEMBERS:
        shown |= report.quality.shares()
        shown["singletons_by_source"] = report.quality.singletons.to_pylist()
        shown["persons_by_records"] = report.quality.sizes.to_pylist()
        shown["seconds_by_step"] = {name: round(s, 2) for name, s in report.seconds.items()}
    return shown


@dg.asset_check(asset=dg.AssetKey(["identity", "members"]), blocking=True)
@in_own_words
def every_record_has_one_person(candor: CandorResource) -> dg.AssetCheckResult:
    """No source record belongs to two persons, and none to nobody."""
    with candor.open_warehouse() as warehouse:
        twice = warehouse.scalar(
            "select count(*) - count(distinct (source, source_record_id)) from identity.members"
        )
        nobody = warehouse.scalar(
            "select count(*) from staging.stg_raw__person_records as records "
            "anti join identity.members using (source, source_record_id)"
        )
    return dg.AssetCheckResult(
        passed=twice == 0 and nobody == 0,
        metadata={"records_with_two_persons": twice, "records_without_person": nobody},
    )


@dg.asset_check(asset=dg.AssetKey(["identity", "links"]))
@in_own_words
def no_person_has_too_many_records(candor: CandorResource) -> dg.AssetCheckResult:
    """Nobody had more records than a person can own, so that their links had to be cut.

    The run goes on without those links. Which records they are stands in ``identity.links``: look
    for a value that they share, add it to ``blocked_values`` in ``identity.yml``, or raise
    ``max_records_per_person`` there.
    """
    with candor.open_warehouse() as warehouse:
        cut = warehouse.scalar(
            "select count(*) from identity.links "
            "where cut_reason = 'more records than a person can own'"
        )
    return dg.AssetCheckResult(
        passed=cut == 0, severity=dg.AssetCheckSeverity.WARN, metadata={"cut_links": cut}
    )
