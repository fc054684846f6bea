"""Who is in which audience, since when and why; ``audiences.sync`` publishes them."""

from __future__ import annotations

from audiences.config import Audience, find_audience, load_audiences
from audiences.errors import (
    AudienceError,
    DestinationError,
    DestinationRefusedError,
    DestinationUnavailableError,
    InvalidAudienceError,
    UnsafeAddressError,
)
from audiences.membership import AudienceReport, compute_memberships
from audiences.preview import AudiencePreview, preview, why

__all__ = [
    "Audience",
    "AudienceError",
    "AudiencePreview",
    "AudienceReport",
    "DestinationError",
    "DestinationRefusedError",
    "DestinationUnavailableError",
    "InvalidAudienceError",
    "UnsafeAddressError",
    "compute_memberships",
    "find_audience",
    "load_audiences",
    "preview",
    "why",
]
