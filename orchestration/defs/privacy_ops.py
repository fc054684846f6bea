"""Requests of persons, retention, and the inventory without which nobody may be erased."""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
from pydantic import Field

from orchestration.company import utc_now
from orchestration.erasure import carry_out
from orchestration.privacy_parts import carry_log, declared_tables, refresh_objections
from orchestration.progress import announce
from orchestration.resources import CandorResource
from orchestration.restore import finish_restore
from orchestration.retention import enforce_everything
from orchestration.specs import asset_key, table_spec, table_specs
from orchestration.syncs import pass_withdrawals_on
from orchestration.unexpected import in_own_words
from privacy import KeyRing, overdue, read_tasks, seal_audit, unclassified, write_inventory
from privacy.inventory import INVENTORY, REQUESTS, RETENTION_RUNS, TABLES
from privacy.inventory_people import OBJECTING_PERSONS
from warehouse import Table

REFRESHED = (INVENTORY, OBJECTING_PERSONS)
REQUEST_TABLES = [table for table in TABLES if table not in (*REFRESHED, RETENTION_RUNS)]
# Written by the two jobs below: a refresh must neither erase anybody nor delete what is old.
RECORDED = table_specs([*REQUEST_TABLES, RETENTION_RUNS])
OBJECTED = [dg.AssetKey(["raw", "events"]), dg.AssetKey(["identity", "members"])]
CLASSIFIED = [dg.AssetKey(["marts", "profiles"]), dg.AssetKey(["identity", "members"])]


@dg.multi_asset(specs=[table_spec(INVENTORY, deps=CLASSIFIED)], name="classify", can_subset=False)
@in_own_words
def classify(candor: CandorResource) -> dg.MaterializeResult[None]:
    """Write down what every declared column says about a person."""
    announce("Classifying tables")
    tables = declared_tables(candor.company.paths)
    with candor.open_warehouse() as warehouse:
        columns = write_inventory(warehouse, tables)
    return dg.MaterializeResult(
        asset_key=asset_key(INVENTORY),
        metadata={"dagster/row_count": columns, "tables": len(tables)},
    )


@dg.multi_asset(
    specs=[table_spec(OBJECTING_PERSONS, deps=OBJECTED)], name="heed_objections", can_subset=False
)
@in_own_words
def heed_objections(candor: CandorResource) -> dg.MaterializeResult[None]:
    """Read signals of browsers, and write down who objects to what, as the persons are today."""
    announce("Heeding objections and opt-outs")
    with candor.open_warehouse() as warehouse:
        rows = refresh_objections(candor.company, warehouse, now=utc_now())
    return dg.MaterializeResult(
        asset_key=asset_key(OBJECTING_PERSONS), metadata={"dagster/row_count": rows}
    )


@dg.asset_check(asset=asset_key(INVENTORY), blocking=True)
@in_own_words
def every_table_and_column_is_classified(candor: CandorResource) -> dg.AssetCheckResult:
    """The warehouse holds no table or column that nobody declared: an erasure would miss it."""
    with candor.open_warehouse() as warehouse:
        undeclared = unclassified(warehouse, declared_tables(candor.company.paths))
    return dg.AssetCheckResult(
        passed=not undeclared,
        metadata={"undeclared": len(undeclared), "which": "; ".join(undeclared) or "none"},
    )


@dg.asset_check(asset=asset_key(REQUESTS))
@in_own_words
def no_task_at_a_destination_is_overdue(candor: CandorResource) -> dg.AssetCheckResult:
    """What people must ask of destinations for an erasure was asked in time; open ones are counted."""
    now = utc_now()
    with candor.open_warehouse() as warehouse:
        left = [task for task in read_tasks(warehouse) if task.is_open]
    late = overdue(left, now)
    return dg.AssetCheckResult(
        passed=not late,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "open": len(left),
            "overdue": len(late),
            "half_of_the_time_used": sum(task.warning(now) is not None for task in left),
            "due_first": f"{left[0].due_at:%Y-%m-%d}" if left else "none",
            "do": "candor privacy task list" if left else "nothing",
        },
    )


class RequestsConfig(dg.Config):
    """Which requests to begin. A person is named in a request file, never here."""

    request_ids: list[str] = Field(
        default_factory=list, description="Ids of waiting requests to begin; none for all of them."
    )


@dg.op(out=dg.Out(dg.Nothing), tags={"cdp/pii": "none"})
@in_own_words
def carry_out_requests(
    context: dg.OpExecutionContext, candor: CandorResource, config: RequestsConfig
) -> None:
    """Carry out every waiting request, and all that an earlier run left open."""
    done = carry_out(
        candor.company,
        only=config.request_ids,
        run_id=context.run_id,
        now=utc_now(),
        progress=announce,
    )
    finish_restore(candor.company)
    counts = {
        "completed": len(done.erasures.receipts),
        "archives": len(done.access.archives),
        "objections": len(done.objections.served),
        "blocked": len(done.blocked),
        "on_hold": len(done.erasures.on_hold),
    }
    _record(context, candor, REQUEST_TABLES, counts)
    if done.withdraws:
        pass_withdrawals_on(candor.company, run_id=context.run_id)
    with candor.open_warehouse() as warehouse:  # last: a folder that is away keeps nobody's no back
        carry_log(candor.company, warehouse)
    against = set(done.blocked)
    if blocked := against.intersection(config.request_ids or against):
        raise dg.Failure(
            f"{len(blocked)} requests are blocked: `candor privacy list` says why",
            metadata=counts,
            allow_retries=False,
        )


@dg.op(out=dg.Out(dg.Nothing), tags={"cdp/pii": "none"})
@in_own_words
def delete_what_is_old(context: dg.OpExecutionContext, candor: CandorResource) -> None:
    """Delete or anonymise rows, files and runs that are older than retention.yml allows."""
    announce("Deleting what is too old")
    with candor.open_warehouse() as warehouse:
        outcomes = enforce_everything(
            candor.company, warehouse, context.instance, now=utc_now(), run_id=context.run_id
        )
        seal_audit(warehouse, KeyRing(candor.company.paths.keys))
    deleted = {
        outcome.table_name: outcome.rows_deleted + outcome.rows_anonymised for outcome in outcomes
    }
    _record(context, candor, [RETENTION_RUNS], deleted)


@dg.job(
    description="Give whoever asked what is held of them, erase whoever asked for it; resumes where it was."
)
def run_privacy_requests() -> None:
    """Carry out the requests of persons."""
    carry_out_requests()


@dg.job(description="Delete what is older than retention.yml allows, and compact the storage.")
def enforce_retention() -> None:
    """Enforce retention.yml."""
    delete_what_is_old()


def _record(
    context: dg.OpExecutionContext,
    candor: CandorResource,
    tables: Sequence[Table],
    counts: Mapping[str, Any],
) -> None:
    """Show in the asset graph that a job wrote these tables."""
    with candor.open_warehouse() as warehouse:
        rows = {
            asset_key(table): int(warehouse.scalar(f"select count(*) from {table.name.sql}"))
            for table in tables
        }
    for key, count in rows.items():
        context.log_event(
            dg.AssetMaterialization(key, metadata={"dagster/row_count": count, **counts})
        )
