"""Records and devices become persons."""

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import dagster as dg

import identity.inventory
from identity import ResolutionReport, resolve
from orchestration.company import utc_now
from orchestration.pictures import picture
from orchestration.progress import announce
from orchestration.resources import CandorResource
from orchestration.specs import asset_key, table_specs

STAGED = [
    dg.AssetKey(["staging", "stg_raw__person_records"]),
    dg.AssetKey(["staging", "stg_raw__events"]),
]
# The same seed for everyone: a run is repeatable, on any machine.
SEED = 20_260_101


@dg.multi_asset(
    specs=table_specs(identity.inventory.TABLES, deps=STAGED, kinds=("python", "splink", "duckdb")),
    name="resolve_identities",
    can_subset=False,
)
def resolve_identities(
    context: dg.AssetExecutionContext, candor: CandorResource
) -> Iterator[dg.MaterializeResult[None]]:
    """Work out who is who. Runs of the same input write nothing new."""
    announce("Resolving identities")
    company = candor.company
    with candor.open_warehouse() as warehouse:
        report = resolve(
            warehouse,
            company.identity,
            run_id=context.run.run_id,
            now=utc_now(),
            seed=SEED,
            artifacts=company.paths.artifacts,
            default_region=company.sources.default_region,
            progress=announce,
        )
        counts = {
            table.name: warehouse.scalar(f"select count(*) from {table.name.sql}")
            for table in identity.inventory.TABLES
        }
    for table in identity.inventory.TABLES:
        yield dg.MaterializeResult(
            asset_key=asset_key(table),
            metadata={"dagster/row_count": counts[table.name], **_told(report)},
        )


def _told(report: ResolutionReport) -> dict[str, Any]:
    """Numbers of the run and, where a model weighed pairs, its picture; never a person's value."""
    numbers = {
        field.name: getattr(report, field.name)
        for field in fields(report)
        if field.name != "picture" and getattr(report, field.name) is not None
    }
    if report.picture is None:
        return numbers
    return {**numbers, "match_weights": picture(report.picture, "Match weights, sizes of persons")}


@dg.asset_check(asset=dg.AssetKey(["identity", "members"]), blocking=True)
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
