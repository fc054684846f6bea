"""Who is in which audience, since when and why; ``audiences.sync`` publishes them."""

from __future__ import annotations

from audiences.compare import AudienceDiff, diff_runs, members_at, overlaps, tell_isolation
from audiences.config import Audience, find_audience, load_audiences, readable_audiences
from audiences.errors import (
    AudienceError,
    DestinationError,
    DestinationRefusedError,
    DestinationUnavailableError,
    InvalidAudienceError,
    NothingToAcceptError,
    UnknownIdError,
    UnsafeAddress,
    UnsafeAddressError,
)
from audiences.examine import doubts, misnamed
from audiences.list_files import ListFiles
from audiences.membership import AudienceReport, compute_memberships
from audiences.preview import AudiencePreview, Reached, preview, why
from audiences.references import require_known_names
from audiences.sensitive import missing_uses, used_columns

__all__ = [
    "Audience",
    "AudienceDiff",
    "AudienceError",
    "AudiencePreview",
    "AudienceReport",
    "DestinationError",
    "DestinationRefusedError",
    "DestinationUnavailableError",
    "InvalidAudienceError",
    "ListFiles",
    "NothingToAcceptError",
    "Reached",
    "UnknownIdError",
    "UnsafeAddress",
    "UnsafeAddressError",
    "compute_memberships",
    "diff_runs",
    "doubts",
    "find_audience",
    "load_audiences",
    "members_at",
    "misnamed",
    "missing_uses",
    "overlaps",
    "preview",
    "readable_audiences",
    "require_known_names",
    "tell_isolation",
    "used_columns",
    "why",
]
