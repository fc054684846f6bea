"""Landing files become raw tables."""

from collections.abc import Iterator, Sequence
from datetime import datetime

import dagster as dg

import ingestion.inventory
from ingestion import IngestReport, load_landing
from ingestion.accounting import absent_fields
from ingestion.contract_report import judge_contracts
from ingestion.expectations import SUITES, TableReport, judge_tables
from ingestion.expectations_config import ExpectationsConfig
from ingestion.quarantine import count_codes
from ingestion.standing import past_loads
from ingestion.status_words import UnknownWords, unknown_words
from orchestration.company import Company, utc_now
from orchestration.defs.pull import PULLED_FILES
from orchestration.privacy_parts import open_suppressions
from orchestration.progress import announce
from orchestration.reload import enforce_due_retention
from orchestration.resources import CandorResource
from orchestration.specs import asset_key, table_specs
from orchestration.status import unreadable_files
from orchestration.unexpected import in_own_words
from warehouse import Table, Warehouse

SPECS = table_specs(ingestion.inventory.TABLES, deps=[PULLED_FILES])


@dg.multi_asset(specs=SPECS, name="ingest", can_subset=False)
@in_own_words
def ingest(
    context: dg.AssetExecutionContext, candor: CandorResource
) -> Iterator[dg.MaterializeResult[None]]:
    """Load every new landing file. Known files are skipped; a batch of files is one transaction."""
    announce("Reading landing files")
    now = utc_now()
    with candor.open_warehouse() as warehouse:
        try:
            report = _load(candor.company, warehouse, now)
        finally:
            # A reload that was killed goes on with this load, and with it what it owes.
            enforce_due_retention(candor.company, warehouse, now=now, run_id=context.run.run_id)
        counts = {
            table.name: warehouse.scalar(f"select count(*) from {table.name.sql}")
            for table in ingestion.inventory.TABLES
        }
        unknown = unknown_words(warehouse)
        past = past_loads(warehouse, candor.company.sources, candor.company.paths.landing)
        refused = {f"refused_{code}": rows for code, rows in count_codes(warehouse, past).items()}
    for table in ingestion.inventory.TABLES:
        more = refused if table is ingestion.inventory.QUARANTINE else {}
        if table is ingestion.inventory.LOADS:
            more = _unread(report)
        yield dg.MaterializeResult(
            asset_key=asset_key(table),
            metadata={
                "dagster/row_count": counts[table.name],
                **_accounting(report),
                **more,
                **_unknown(unknown, table),
            },
        )


def _load(company: Company, warehouse: Warehouse, now: datetime) -> IngestReport:
    return load_landing(
        warehouse,
        company.sources,
        company.paths.landing,
        now=now,
        is_suppressed=open_suppressions(company, warehouse).suppressed,
        plan=company.tracking_plan,
        mailbox_providers=company.identity.mailbox_providers,
        progress=announce,
    )


def _unknown(words: Sequence[UnknownWords], table: Table) -> dict[str, int]:
    """How many rows of a table have a word that nobody knows, by what would say it and by source."""
    return {f"unknown_{one.setting}_{one.source}": one.rows for one in words if one.table is table}


def _accounting(report: IngestReport) -> dict[str, int]:
    return {
        "files": report.files,
        "rows_in": report.rows_in,
        "rows_loaded": report.rows_loaded,
        "rows_deduplicated": report.rows_deduplicated,
        "rows_quarantined": report.rows_quarantined,
        "files_unreadable": len(report.unreadable),
        "files_lacking_mapped_fields": len(report.absent_fields),
    }


def _unread(report: IngestReport) -> dict[str, int]:
    """Counts by the names of the configuration, never a value; a field has no slash in its name."""
    values = report.unread_values.items()
    return {f"unread/{source}/{name}": rows for (source, name), rows in values}


@dg.asset_check(asset=dg.AssetKey(["raw", "loads"]), blocking=True)
@in_own_words
def every_row_is_accounted_for(candor: CandorResource) -> dg.AssetCheckResult:
    """Rows in equal rows loaded, deduplicated and quarantined, for every file ever loaded."""
    with candor.open_warehouse() as warehouse:
        wrong = warehouse.scalar(
            "select count(*) from raw.loads "
            "where rows_in <> rows_loaded + rows_deduplicated + rows_quarantined"
        )
    return dg.AssetCheckResult(passed=wrong == 0, metadata={"files_that_do_not_add_up": wrong})


@dg.asset_check(asset=dg.AssetKey(["raw", "quarantine"]))
@in_own_words
def every_file_could_be_read(candor: CandorResource) -> dg.AssetCheckResult:
    """No landing file is set aside as a whole; the others are loaded, `candor run` names it."""
    with candor.open_warehouse() as warehouse:
        unread = unreadable_files(candor.company, warehouse)
    return dg.AssetCheckResult(passed=not unread, metadata={"unreadable_files": len(unread)})


@dg.asset_check(asset=dg.AssetKey(["raw", "loads"]))
@in_own_words
def every_mapped_field_was_found(candor: CandorResource) -> dg.AssetCheckResult:
    """Some line of the latest JSON lines files has each mapped field; one that was renamed has none."""
    with candor.open_warehouse() as warehouse:
        lacking = absent_fields(warehouse)
    return dg.AssetCheckResult(
        passed=not lacking,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={source: f"no line has {fields}" for source, fields in lacking.items()},
    )


@dg.asset_check(asset=dg.AssetKey(["raw", "events"]))
@in_own_words
def events_keep_the_tracking_plan(candor: CandorResource) -> dg.AssetCheckResult:
    """The events of the latest load break no contract; `candor contracts` names the fields."""
    severity = candor.company.tracking_plan.settings.severity
    with candor.open_warehouse() as warehouse:
        report = judge_contracts(warehouse)
    return dg.AssetCheckResult(
        passed=report.latest == 0,
        severity=dg.AssetCheckSeverity(severity.upper()),
        metadata={
            "violations_of_the_latest_load": report.latest,
            "violations_of_all_loads": report.total,
            "by_source_rule_and_action": list(report.counts),
        },
    )


def _expectation_specs() -> Iterator[dg.AssetCheckSpec]:
    for table in SUITES:
        key = dg.AssetKey([table.schema, table.name])
        yield dg.AssetCheckSpec(
            "rows_are_as_expected",
            asset=key,
            description="The Great Expectations suite of the table: completeness, known words, "
            "freshness, volume against the weeks before.",
        )
        yield dg.AssetCheckSpec(
            "rows_may_be_built_on",
            asset=key,
            blocking=True,
            description="The table is as expected, or expectations.yml does not call it blocking.",
        )


@dg.multi_asset_check(specs=list(_expectation_specs()), name="raw_tables_are_as_expected")
@in_own_words
def expectations(candor: CandorResource) -> Iterator[dg.AssetCheckResult]:
    """Judge every raw table in one step: the library takes longer to load than to judge."""
    company, now = candor.company, utc_now()
    config = company.expectations
    with candor.open_warehouse() as warehouse:
        past = past_loads(warehouse, company.sources, company.paths.landing).all
        reports = judge_tables(warehouse, list(SUITES), config, now=now, past=past)
    yield from (_expectation_result(report, config) for report in reports)
    # The first one that is not met ends the step, so they come last.
    yield from (_blocking_result(report, config) for report in reports)


def _expectation_result(report: TableReport, config: ExpectationsConfig) -> dg.AssetCheckResult:
    table = report.met.table
    return dg.AssetCheckResult(
        asset_key=dg.AssetKey([table.schema, table.name]),
        check_name="rows_are_as_expected",
        passed=report.met.is_met,
        severity=dg.AssetCheckSeverity(config.of_table(table.name).severity.upper()),
        metadata={
            "rows": report.met.rows,
            "expectations": report.met.judged,
            "unmet": [str(unmet) for unmet in report.met.unmet],
            "not_judged_yet": list(report.unjudged),
        },
    )


def _blocking_result(report: TableReport, config: ExpectationsConfig) -> dg.AssetCheckResult:
    table = report.met.table
    return dg.AssetCheckResult(
        asset_key=dg.AssetKey([table.schema, table.name]),
        check_name="rows_may_be_built_on",
        passed=report.met.is_met or not config.of_table(table.name).blocking,
        metadata={"unmet": len(report.met.unmet)},
    )
