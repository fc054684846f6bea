"""How Dagster sees a sync: one asset for each audience and destination, its counts, and its check."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import dagster as dg

from audiences import AudienceError
from audiences.sync import Sync, SyncReport, read_row_errors
from orchestration.company import Company
from orchestration.specs import asset_key, table_specs
from settings import SettingsError
from warehouse import Table, Warehouse

CHECK = "every_row_that_was_due_arrived"


def configured_syncs() -> tuple[Sync, ...]:
    """The syncs that are switched on; none where the configuration cannot be read.

    The code location must load all the same: whoever starts a run is told what is wrong.
    """
    try:
        return Company.from_environment().syncs
    except (SettingsError, AudienceError):
        return ()


def sync_key(sync: Sync) -> dg.AssetKey:
    """``sync/<destination>/<sync>``; tables of the schema have two parts."""
    return dg.AssetKey(["sync", sync.destination, sync.key])


def sync_specs(syncs: Iterable[Sync], deps: Iterable[dg.AssetKey]) -> list[dg.AssetSpec]:
    """One asset for each sync: what the destination holds of the audience."""
    return [
        dg.AssetSpec(
            key=sync_key(sync),
            deps=list(deps),
            description=f"Audience {sync.audience} at {sync.destination}, as far as it was "
            "acknowledged. One row per member there.",
            group_name="sync",
            owners=["team:sync"],
            kinds={"python"},
            tags={"cdp/pii": "direct"},
            metadata={
                "audience": sync.audience,
                "destination": sync.destination,
                "mode": sync.mode,
            },
            skippable=True,
        )
        for sync in syncs
    ]


def sync_table_specs(
    tables: Sequence[Table], syncs: Sequence[Sync], deps: Iterable[dg.AssetKey]
) -> list[dg.AssetSpec]:
    """The tables that syncs write, after the syncs that write them."""
    written_by = [sync_key(sync) for sync in syncs] or deps
    specs = table_specs(tables, deps=written_by)
    return [spec.replace_attributes(skippable=True) for spec in specs]


def sync_check_specs(syncs: Iterable[Sync]) -> list[dg.AssetCheckSpec]:
    """One check for each sync, which a partial failure fails."""
    return [
        dg.AssetCheckSpec(
            CHECK,
            asset=sync_key(sync),
            description="The destination took every row of the latest run, and nothing was held.",
        )
        for sync in syncs
    ]


def chosen_syncs(
    syncs: Iterable[Sync], tables: Iterable[Table], chosen: Collection[dg.AssetKey]
) -> frozenset[str] | None:
    """Keys of the syncs to run; None for all, where a table is chosen too.

    All are those of the configuration as it is then, which may be younger than this code location.
    """
    if any(asset_key(table) in chosen for table in tables):
        return None
    return frozenset(sync.key for sync in syncs if sync_key(sync) in chosen)


def sync_result(
    warehouse: Warehouse, report: SyncReport, *, run_id: str
) -> dg.MaterializeResult[Any]:
    """What a run of a sync came to: counts, why rows failed, and whether all arrived."""
    errors = read_row_errors(warehouse, report.sync_key, run_id=run_id).to_pylist()
    table = dg.MetadataValue.table([dg.TableRecord(row) for row in errors], schema=_ERRORS)
    key = dg.AssetKey(["sync", report.destination_key, report.sync_key])
    check = dg.AssetCheckResult(
        check_name=CHECK,
        asset_key=key,
        passed=report.status == "succeeded",
        severity=dg.AssetCheckSeverity.WARN,
        metadata={**_verdict(report), "row_errors": table},
    )
    return dg.MaterializeResult(
        asset_key=key,
        metadata={**_verdict(report), **_counts(report), "row_errors": table},
        check_results=[check],
    )


_ERRORS = dg.TableSchema(
    [
        dg.TableColumn("operation", "string", description="add, change or remove"),
        dg.TableColumn(
            "status",
            "string",
            description="rejected, refused with its whole batch, voided: in doubt, or pending",
        ),
        dg.TableColumn("reason", "string", description="a code, never what the other side wrote"),
        dg.TableColumn("rows", "int"),
    ]
)


def _verdict(report: SyncReport) -> dict[str, Any]:
    return {
        "status": report.status,
        "code": report.code or "none",
        "failed": report.rejected,
        "unanswered": report.unanswered,
        "held": report.held,
    }


def _counts(report: SyncReport) -> dict[str, int]:
    return {
        "planned": report.planned,
        "sent": report.sent,
        "acknowledged": report.acknowledged,
        "added": report.added,
        "changed": report.changed,
        "removed": report.removed,
        "not_sent_held_out": report.held_out,
        "not_sent_no_consent": report.no_consent,
        "not_sent_suppressed": report.suppressed,
        "not_sent_unreachable": report.unreachable,
    }
