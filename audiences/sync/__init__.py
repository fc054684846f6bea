"""Publish audiences: plan what is due, send it, remember what was acknowledged."""

from __future__ import annotations

from audiences.sync.config import DestinationsConfig, Sync, resolve_syncs
from audiences.sync.destinations import Destination, open_destination
from audiences.sync.dry_run import SyncPlan, plan_sync
from audiences.sync.erasure import DestinationEraser, ErasureEvidence, open_eraser
from audiences.sync.guard import accept_removals
from audiences.sync.history import read_left_behind, read_row_errors, read_runs
from audiences.sync.old_changes import OldChanges, remove_old_changes
from audiences.sync.run import SyncReport, run_sync
from audiences.sync.settled import SettledGroups
from audiences.sync.suppression import SuppressionCheck
from audiences.sync.unopened import record_unopened
from audiences.sync.why import SyncAnswer, why_synced

__all__ = [
    "Destination",
    "DestinationEraser",
    "DestinationsConfig",
    "ErasureEvidence",
    "OldChanges",
    "SettledGroups",
    "SuppressionCheck",
    "Sync",
    "SyncAnswer",
    "SyncPlan",
    "SyncReport",
    "accept_removals",
    "open_destination",
    "open_eraser",
    "plan_sync",
    "read_left_behind",
    "read_row_errors",
    "read_runs",
    "record_unopened",
    "remove_old_changes",
    "resolve_syncs",
    "run_sync",
    "why_synced",
]
