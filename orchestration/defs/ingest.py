"""Landing files become raw tables."""

import dagster as dg

import ingestion.inventory
from ingestion import IngestReport, load_landing
from ingestion.expectations import SUITES, judge_table
from orchestration.company import utc_now
from orchestration.privacy_parts import open_suppressions
from orchestration.progress import announce
from orchestration.resources import CandorResource
from orchestration.specs import asset_key, table_specs

SPECS = table_specs(ingestion.inventory.TABLES)


@dg.multi_asset(specs=SPECS, name="ingest", can_subset=False)
def ingest(context: dg.AssetExecutionContext, candor: CandorResource):
    """Load every new landing file. One transaction per file; known files are skipped."""
    announce("Reading landing files")
    company = candor.company
    with candor.open_warehouse() as warehouse:
        report = load_landing(
            warehouse,
            company.sources,
            company.paths.landing,
            now=utc_now(),
            is_suppressed=open_suppressions(company, warehouse).suppressed,
            run_id=context.run.run_id,
            progress=announce,
        )
        counts = {
            table.name: warehouse.scalar(f"select count(*) from {table.name.sql}")
            for table in ingestion.inventory.TABLES
        }
    for table in ingestion.inventory.TABLES:
        yield dg.MaterializeResult(
            asset_key=asset_key(table),
            metadata={"dagster/row_count": counts[table.name], **_accounting(report)},
        )


def _accounting(report: IngestReport) -> dict[str, int]:
    return {
        "files": report.files,
        "rows_in": report.rows_in,
        "rows_loaded": report.rows_loaded,
        "rows_deduplicated": report.rows_deduplicated,
        "rows_quarantined": report.rows_quarantined,
    }


@dg.asset_check(asset=dg.AssetKey(["raw", "loads"]), blocking=True)
def every_row_is_accounted_for(candor: CandorResource) -> dg.AssetCheckResult:
    """Rows in equal rows loaded, deduplicated and quarantined, for every file ever loaded."""
    with candor.open_warehouse() as warehouse:
        wrong = warehouse.scalar(
            "select count(*) from raw.loads "
            "where rows_in <> rows_loaded + rows_deduplicated + rows_quarantined"
        )
    return dg.AssetCheckResult(passed=wrong == 0, metadata={"files_that_do_not_add_up": wrong})
