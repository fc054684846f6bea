"""Run every sync; while publishing is held, let nothing out but what may not wait."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from audiences.sync import SyncReport, open_destination, run_sync
from identity import HeldChangesError, require_published
from orchestration.company import Company, utc_now
from orchestration.marts import build_marts
from orchestration.privacy_parts import erased_contacts
from orchestration.progress import announce
from warehouse import TableName, Warehouse

# What syncs read that a decision about consent changes.
_CONSENT = ("consent_current", "contact_points")


def publish(company: Company, warehouse: Warehouse, *, run_id: str) -> Sequence[SyncReport]:
    """Run every sync.

    Raises:
        HeldChangesError: Changes of persons wait for somebody's word; only withdrawals were sent.
    """
    try:
        require_published(warehouse)
    except HeldChangesError:
        _run_syncs(company, warehouse, run_id=run_id, only_withdrawals=True)
        raise
    return _run_syncs(company, warehouse, run_id=run_id)


def pass_withdrawals_on(company: Company, *, run_id: str) -> Sequence[SyncReport]:
    """Bring consent up to date for the persons that there are, and remove who withdrew it.

    Nobody is added or changed at a destination. The warehouse must not be open.

    Raises:
        DbtBuildError: Consent cannot be computed.
    """
    with company.open_warehouse() as warehouse:
        if not warehouse.exists(TableName("marts", _CONSENT[0])):
            return ()
    announce("Passing withdrawn consents on")
    build_marts(company, _CONSENT, target="withdrawals")
    with company.open_warehouse() as warehouse:
        return _run_syncs(company, warehouse, run_id=run_id, only_withdrawals=True)


def _run_syncs(
    company: Company, warehouse: Warehouse, *, run_id: str, only_withdrawals: bool = False
) -> Sequence[SyncReport]:
    """All destinations are opened first, so that a missing secret stops all."""
    syncs, settings = company.syncs, company.destinations.enabled
    destinations = {
        key: open_destination(
            key,
            settings[key],
            artifacts=company.paths.artifacts,
            environment=os.environ,
            clock=lambda: datetime.now(tz=UTC),
        )
        for key in dict.fromkeys(sync.destination for sync in syncs)
    }
    return [
        run_sync(
            warehouse,
            sync,
            destinations[sync.destination],
            run_id=run_id,
            now=utc_now(),
            sleep=time.sleep,
            suppression=erased_contacts(company, warehouse),
            only_withdrawals=only_withdrawals,
        )
        for sync in syncs
    ]
