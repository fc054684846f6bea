"""Keep rows, landing files and runs no longer than retention.yml allows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import dagster as dg
import pyarrow as pa

from audiences.sync import remove_old_changes
from ingestion import LandingLocation, remove_old_files
from orchestration.company import Company, utc_now
from orchestration.instance import open_instance
from orchestration.old_runs import count_old_runs, remove_old_runs
from orchestration.privacy_parts import backup_folder, declared_tables, open_holds
from orchestration.run_lock import hold_run_lock
from privacy import (
    RetentionOutcome,
    enforce_retention,
    record_retention,
    remove_expired_archives,
)
from settings import Paths
from warehouse import Warehouse


@dataclass(frozen=True, slots=True)
class _Pass:
    """One pass over the rules.

    Attributes:
        company: Whose data.
        warehouse: Its warehouse, open.
        instance: The instance that recorded its runs.
        held: Keys of persons under a legal hold.
        now: The moment from which age is counted, UTC without a zone.
        run_id: The run to record; None to tell what would go, and to change nothing.
    """

    company: Company
    warehouse: Warehouse
    instance: dg.DagsterInstance
    held: pa.Table
    now: datetime
    run_id: str | None

    @property
    def is_dry(self) -> bool:
        return self.run_id is None

    def noted(self, outcome: RetentionOutcome, *, aged_by: str, days: int) -> RetentionOutcome:
        """Write an outcome down, but for that of a dry run."""
        if self.run_id is not None:
            record_retention(
                self.warehouse,
                outcome,
                aged_by=aged_by,
                days=days,
                now=self.now,
                run_id=self.run_id,
            )
        return outcome

    def warn(self, why: str) -> None:
        """Tell a person that something stays which should go."""
        dg.get_dagster_logger().warning(why)


def enforce_everything(
    company: Company,
    warehouse: Warehouse,
    instance: dg.DagsterInstance,
    *,
    now: datetime,
    run_id: str | None,
) -> Sequence[RetentionOutcome]:
    """Enforce every rule of retention.yml; each is recorded with its counts.

    Args:
        company: Whose data.
        warehouse: Its warehouse, open.
        instance: The instance that recorded its runs.
        now: The moment from which age is counted, UTC without a zone.
        run_id: The run to record, which is not forgotten itself; None to tell what would go, and to
            change nothing.

    Raises:
        RetentionRuleError: A rule names something that is not there; nothing was deleted.
        UnknownRetentionSourceError: A source is named that does not exist; no file was removed.
    """
    holds = open_holds(company, warehouse, now=now)
    if run_id is not None:
        holds.end_expired()
    work = _Pass(company, warehouse, instance, holds.held_keys(dry_run=run_id is None), now, run_id)
    tables = enforce_retention(
        warehouse,
        company.retention,
        declared_tables(company.paths),
        now=now,
        run_id=run_id,
        held=work.held,
    )
    rest = (_archives, _landing, _exports, _runs, _backups)
    return [*tables, *(outcome for enforce in rest for outcome in enforce(work))]


def what_would_go(paths: Paths) -> Sequence[RetentionOutcome]:
    """What every rule of retention.yml would delete or anonymise now; nothing is changed.

    Raises:
        RetentionRuleError, UnknownRetentionSourceError: As ``enforce_everything``.
    """
    company = Company(paths)
    company.require_warehouse()
    with (
        hold_run_lock(paths.home),
        company.open_warehouse() as warehouse,
        open_instance(paths) as instance,
    ):
        return enforce_everything(company, warehouse, instance, now=utc_now(), run_id=None)


def _archives(work: _Pass) -> list[RetentionOutcome]:
    days = work.company.retention.archive_days
    old = remove_expired_archives(
        work.warehouse,
        work.company.paths.home,
        work.company.retention,
        now=work.now,
        dry_run=work.is_dry,
    )
    if old.failed:
        work.warn(
            f"{len(old.failed)} old archives may not be removed: let Candor write in archives/"
        )
    if not (old.request_ids or old.failed):
        return []
    outcome = RetentionOutcome(
        "archives", work.now - timedelta(days=days), len(old.request_ids), 0,
        rows_failed=len(old.failed), names=old.request_ids,
    )  # fmt: skip
    return [work.noted(outcome, aged_by="completed_at", days=days)]


def _landing(work: _Pass) -> list[RetentionOutcome]:
    company = work.company
    days = company.retention.landing.by_source(company.sources.sources)
    location = LandingLocation(work.warehouse, company.sources, company.paths.landing)
    outcomes = []
    for old in remove_old_files(location, days, held=work.held, now=work.now, dry_run=work.is_dry):
        if old.failed:
            work.warn(
                f"{old.failed} old files of {old.source} may not be removed: give Candor write "
                "access to the landing folder, or take the source out of retention.yml"
            )
        outcome = RetentionOutcome(
            f"landing/{old.source}", work.now - timedelta(days=old.days), old.deleted, 0, old.held,
            rows_failed=old.failed,
        )  # fmt: skip
        outcomes.append(work.noted(outcome, aged_by="received", days=old.days))
    return outcomes


def _exports(work: _Pass) -> list[RetentionOutcome]:
    days = work.company.retention.exports_days
    if days is None:
        return []
    cutoff = work.now - timedelta(days=days)
    outcomes = []
    for old in remove_old_changes(
        work.warehouse,
        work.company.destinations,
        artifacts=work.company.paths.artifacts,
        before=cutoff,
        held=[row["value"] for row in work.held.to_pylist() if row["kind"] == "person_id"],
        dry_run=work.is_dry,
    ):
        if old.failed:
            work.warn(
                f"{old.failed} old files of destination {old.destination_key} may not be removed: "
                "give Candor write access to its folder"
            )
        name = f"exports/{old.destination_key}"
        outcome = RetentionOutcome(name, cutoff, old.deleted, 0, old.held, rows_failed=old.failed)
        outcomes.append(work.noted(outcome, aged_by="created_at", days=days))
    return outcomes


def _runs(work: _Pass) -> list[RetentionOutcome]:
    days = work.company.retention.runs_days
    if days is None:
        return []
    cutoff = work.now - timedelta(days=days)
    if work.is_dry:
        removed = count_old_runs(work.instance, before=cutoff)
    else:
        removed = remove_old_runs(work.instance, work.company.paths, before=cutoff)
    outcome = RetentionOutcome("dagster/runs", cutoff, removed, 0)
    return [work.noted(outcome, aged_by="ended", days=days)]


def _backups(work: _Pass) -> list[RetentionOutcome]:
    rule, folder = work.company.retention.backups, backup_folder(work.company)
    if rule is None or folder is None:
        return []
    # Each backup says itself when it ends: fewer days hold for those that are made from then on.
    old = folder.remove_expired(work.now, dry_run=work.is_dry)
    for why in old.failed:
        work.warn(why)
    outcome = RetentionOutcome(
        "backups", work.now, len(old.names), 0, rows_failed=len(old.failed), names=old.names
    )
    return [work.noted(outcome, aged_by="expires_at", days=rule.days)]
