"""Keep rows, landing files and runs no longer than retention.yml allows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import dagster as dg
import pyarrow as pa

from audiences.sync import remove_old_changes
from ingestion import LandingLocation, remove_old_files
from orchestration.company import Company
from orchestration.old_runs import remove_old_runs
from orchestration.privacy_parts import backup_folder, declared_tables, open_holds
from privacy import (
    RetentionOutcome,
    enforce_retention,
    record_retention,
    remove_expired_archives,
)
from warehouse import Warehouse


def enforce_everything(
    company: Company,
    warehouse: Warehouse,
    instance: dg.DagsterInstance,
    *,
    now: datetime,
    run_id: str,
) -> Sequence[RetentionOutcome]:
    """Enforce every rule of retention.yml; each is recorded with its counts.

    Args:
        company: Whose data.
        warehouse: Its warehouse, open.
        instance: The instance that recorded its runs.
        now: The moment from which age is counted, UTC without a zone.
        run_id: The run to record; it is not forgotten itself.

    Raises:
        RetentionRuleError: A rule names something that is not there; nothing was deleted.
        UnknownRetentionSourceError: A source is named that does not exist; no file was removed.
    """
    holds = open_holds(company, warehouse, now=now)
    holds.end_expired()
    held = holds.held_keys()
    tables = enforce_retention(
        warehouse,
        company.retention,
        declared_tables(company.paths),
        now=now,
        run_id=run_id,
        held=held,
    )
    remove_expired_archives(warehouse, company.paths.home, company.retention, now=now)
    files = _landing(company, warehouse, held, now=now, run_id=run_id)
    runs = _runs(company, warehouse, instance, now=now, run_id=run_id)
    exports = _exports(company, warehouse, held, now=now, run_id=run_id)
    backups = _backups(company, warehouse, now=now, run_id=run_id)
    return [*tables, *files, *exports, *runs, *backups]


def _landing(
    company: Company, warehouse: Warehouse, held: pa.Table, *, now: datetime, run_id: str
) -> list[RetentionOutcome]:
    days = company.retention.landing.by_source(company.sources.sources)
    location = LandingLocation(warehouse, company.sources, company.paths.landing)
    outcomes = []
    for old in remove_old_files(location, days, held=held, now=now):
        cutoff = now - timedelta(days=old.days)
        if old.failed:
            dg.get_dagster_logger().warning(
                f"{old.failed} old files of {old.source} may not be removed: give Candor write "
                "access to the landing folder, or take the source out of retention.yml"
            )
        name = f"landing/{old.source}"
        outcome = RetentionOutcome(name, cutoff, old.deleted, 0, old.held, rows_failed=old.failed)
        record_retention(
            warehouse, outcome, aged_by="received", days=old.days, now=now, run_id=run_id
        )
        outcomes.append(outcome)
    return outcomes


def _exports(
    company: Company, warehouse: Warehouse, held: pa.Table, *, now: datetime, run_id: str
) -> list[RetentionOutcome]:
    days = company.retention.exports_days
    if days is None:
        return []
    cutoff = now - timedelta(days=days)
    outcomes = []
    for old in remove_old_changes(
        warehouse,
        company.destinations,
        artifacts=company.paths.artifacts,
        before=cutoff,
        held=[row["value"] for row in held.to_pylist() if row["kind"] == "person_id"],
    ):
        if old.failed:
            dg.get_dagster_logger().warning(
                f"{old.failed} old files of destination {old.destination_key} may not be removed: "
                "give Candor write access to its folder"
            )
        name = f"exports/{old.destination_key}"
        outcome = RetentionOutcome(name, cutoff, old.deleted, 0, old.held, rows_failed=old.failed)
        record_retention(
            warehouse, outcome, aged_by="created_at", days=days, now=now, run_id=run_id
        )
        outcomes.append(outcome)
    return outcomes


def _runs(
    company: Company,
    warehouse: Warehouse,
    instance: dg.DagsterInstance,
    *,
    now: datetime,
    run_id: str,
) -> list[RetentionOutcome]:
    days = company.retention.runs_days
    if days is None:
        return []
    cutoff = now - timedelta(days=days)
    removed = remove_old_runs(instance, company.paths, before=cutoff)
    outcome = RetentionOutcome("dagster/runs", cutoff, removed, 0)
    record_retention(warehouse, outcome, aged_by="ended", days=days, now=now, run_id=run_id)
    return [outcome]


def _backups(
    company: Company, warehouse: Warehouse, *, now: datetime, run_id: str
) -> list[RetentionOutcome]:
    rule, folder = company.retention.backups, backup_folder(company)
    if rule is None or folder is None:
        return []
    # Each backup says itself when it ends: fewer days hold for those that are made from then on.
    outcome = RetentionOutcome("backups", now, folder.remove_expired(now), 0)
    record_retention(
        warehouse, outcome, aged_by="expires_at", days=rule.days, now=now, run_id=run_id
    )
    return [outcome]
