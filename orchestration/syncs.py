"""Run every sync; while publishing is held, let nothing out but what may not wait."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from audiences import AudienceError, InvalidAudienceError
from audiences.sync import (
    Destination,
    Sync,
    SyncReport,
    open_destination,
    record_unopened,
    run_sync,
)
from identity import HeldChangesError, require_published
from orchestration.company import Company, utc_now
from orchestration.errors import DbtProjectError
from orchestration.marts import build_marts
from orchestration.names_check import NamesCheck
from orchestration.privacy_parts import erased_contacts, refresh_objections
from orchestration.progress import announce
from orchestration.sensitive_traits import require_sensitive_uses
from settings import MissingSecretError, SettingsError
from warehouse import TableName, Warehouse

# What syncs read that a decision about consent changes.
_CONSENT = ("consent_current", "contact_points")


def publish(
    company: Company, warehouse: Warehouse, *, run_id: str, only: Collection[str] | None = None
) -> Sequence[SyncReport]:
    """Run every sync.

    Args:
        company: Whose syncs.
        warehouse: Its warehouse, open.
        run_id: The run to record.
        only: Keys of the syncs to run; None for all.

    Raises:
        HeldChangesError: Changes of persons wait for somebody's word; only withdrawals were sent.
        InvalidAudienceError: What is sensitive is used and nobody says what for; as above.
        DbtProjectError: dbt cannot parse the project, in which sensitive columns are found; as above.
    """
    try:
        require_published(warehouse)
        require_sensitive_uses(company)
    except (HeldChangesError, InvalidAudienceError, DbtProjectError):
        _run_syncs(company, warehouse, run_id=run_id, only_withdrawals=True)
        raise
    return _run_syncs(company, warehouse, run_id=run_id, only=only)


def pass_withdrawals_on(company: Company, *, run_id: str) -> Sequence[SyncReport]:
    """Bring consent up to date for the persons that there are, and remove who withdrew it.

    Nobody is added or changed at a destination. The warehouse must not be open.

    Raises:
        DbtBuildError: Consent cannot be computed.
    """
    with company.open_warehouse() as warehouse:
        if not warehouse.exists(TableName("marts", _CONSENT[0])):
            return ()
        refresh_objections(company, warehouse, now=utc_now())
    announce("Passing withdrawn consents on")
    build_marts(company, _CONSENT, target="withdrawals")
    with company.open_warehouse() as warehouse:
        return _run_syncs(company, warehouse, run_id=run_id, only_withdrawals=True)


def _run_syncs(
    company: Company,
    warehouse: Warehouse,
    *,
    run_id: str,
    only_withdrawals: bool = False,
    only: Collection[str] | None = None,
) -> Sequence[SyncReport]:
    """One that cannot run fails, and the others go on."""
    opened = _Opened(company, NamesCheck(company))
    return [
        _run(company, warehouse, sync, opened, run_id=run_id, only_withdrawals=only_withdrawals)
        for sync in company.syncs
        if only is None or sync.key in only
    ]


@dataclass(slots=True)
class _Opened:
    """Destinations by key, each opened when a sync needs it and shared by its syncs."""

    company: Company
    names: NamesCheck
    found: dict[str, Destination] = field(default_factory=dict)

    def of(self, key: str) -> Destination:
        """The destination of a key; keeps what it knows of the pace that was asked for."""
        if key not in self.found:
            self.found[key] = open_destination(
                key,
                self.company.destinations.enabled[key],
                artifacts=self.company.paths.artifacts,
                environment=os.environ,
                clock=lambda: datetime.now(tz=UTC),
            )
        return self.found[key]

    def unchosen(self, sync_key: str) -> tuple[str, ...]:
        """What a sync sends of models and blocks that no file declares; empty values would overwrite."""
        try:
            return self.names.unchosen(sync_key)
        except SettingsError as error:
            return (str(error),)


def _run(
    company: Company,
    warehouse: Warehouse,
    sync: Sync,
    opened: _Opened,
    *,
    run_id: str,
    only_withdrawals: bool,
) -> SyncReport:
    try:
        destination = opened.of(sync.destination)
    except (MissingSecretError, InvalidAudienceError) as error:
        announce(f"Sync {sync.key} cannot run: {error}")
        code = "missing_secret" if isinstance(error, MissingSecretError) else "invalid_secret"
        return record_unopened(warehouse, sync, code, run_id=run_id, now=utc_now())
    try:
        report = run_sync(
            warehouse,
            sync,
            destination,
            run_id=run_id,
            now=utc_now(),
            sleep=time.sleep,
            suppression=erased_contacts(company, warehouse),
            only_withdrawals=only_withdrawals,
            unfit=opened.unchosen(sync.key),
        )
    except AudienceError as error:
        announce(f"Sync {sync.key} cannot run: {error}")
        return record_unopened(warehouse, sync, "invalid_sync", run_id=run_id, now=utc_now())
    if report.problems:
        announce(
            f"Sync {sync.key} adds and changes nobody until this is mended; {report.removed} who "
            f"had to go were removed: {'; '.join(report.problems)}"
        )
    return report
