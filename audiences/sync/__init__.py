"""Publish audiences: plan what is due, send it, remember what was acknowledged."""

from __future__ import annotations

from audiences.sync.config import Destinations, Sync, load_destinations
from audiences.sync.destinations import Destination, open_destination
from audiences.sync.erasure import DestinationEraser, ErasureEvidence
from audiences.sync.run import SuppressionCheck, SyncReport, run_sync

__all__ = [
    "Destination",
    "DestinationEraser",
    "Destinations",
    "ErasureEvidence",
    "SuppressionCheck",
    "Sync",
    "SyncReport",
    "load_destinations",
    "open_destination",
    "run_sync",
]
