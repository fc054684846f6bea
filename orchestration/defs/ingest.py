"""Landing files become raw tables."""

from collections.abc import Iterator

import dagster as dg

import ingestion.inventory
from ingestion import IngestReport, load_landing
from ingestion.expectations import SUITES, judge_table
from orchestration.company import utc_now
from orchestration.privacy_parts import open_suppressions
from orchestration.progress import announce
from orchestration.resources import CandorResource
from orchestration.specs import asset_key, table_specs
from orchestration.status import unreadable_files
from warehouse import TableName

SPECS = table_specs(ingestion.inventory.TABLES)


@dg.multi_asset(specs=SPECS, name="ingest", can_subset=False)
def ingest(candor: CandorResource) -> Iterator[dg.MaterializeResult[None]]:
    """Load every new landing file. Known files are skipped; a batch of files is one transaction."""
    announce("Reading landing files")
    company = candor.company
    with candor.open_warehouse() as warehouse:
        report = load_landing(
            warehouse,
            company.sources,
            company.paths.landing,
            now=utc_now(),
            is_suppressed=open_suppressions(company, warehouse).suppressed,
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
        "files_unreadable": len(report.unreadable),
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


@dg.asset_check(asset=dg.AssetKey(["raw", "quarantine"]))
def every_file_could_be_read(candor: CandorResource) -> dg.AssetCheckResult:
    """No landing file is set aside as a whole; the others are loaded, `candor run` names it."""
    with candor.open_warehouse() as warehouse:
        unread = unreadable_files(candor.company, warehouse)
    return dg.AssetCheckResult(passed=not unread, metadata={"unreadable_files": len(unread)})


def _expectations_check(table: TableName) -> dg.AssetChecksDefinition:
    """The check that judges one raw table by its Great Expectations suite."""

    @dg.asset_check(
        asset=dg.AssetKey([table.schema, table.name]),
        name="rows_are_as_expected",
        description="The Great Expectations suite of the table: completeness, known words, volume.",
    )
    def check(candor: CandorResource) -> dg.AssetCheckResult:
        with candor.open_warehouse() as warehouse:
            report = judge_table(warehouse, table)
        return dg.AssetCheckResult(
            passed=report.is_met,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={
                "rows": report.rows,
                "expectations": report.judged,
                "unmet": [str(unmet) for unmet in report.unmet],
            },
        )

    return check


EXPECTATIONS = [_expectations_check(table) for table in SUITES]
