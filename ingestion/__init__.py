"""Formats to canonical rows; what is refused goes to quarantine with a reason."""

from __future__ import annotations

from ingestion.accounting import FileCount
from ingestion.config import EventSource, RecordSource, SourcesConfig
from ingestion.errors import (
    EmptySourceError,
    IngestionError,
    MissingSourceError,
    ReadOnlyLandingError,
    UnknownDayError,
    UnknownRetentionSourceError,
    UnknownRowError,
    UnknownSourceError,
    UnreadableFileError,
    WrongColumnError,
    WrongFilesError,
)
from ingestion.files import landing_files, refuse_missing_sources
from ingestion.inventory import TABLES
from ingestion.landing import LandingLocation
from ingestion.landing_retention import OldFiles, remove_old_files
from ingestion.load import IngestReport, SuppressionCheck, load_landing, new_files

__all__ = [
    "TABLES",
    "EmptySourceError",
    "EventSource",
    "FileCount",
    "IngestReport",
    "IngestionError",
    "LandingLocation",
    "MissingSourceError",
    "OldFiles",
    "ReadOnlyLandingError",
    "RecordSource",
    "SourcesConfig",
    "SuppressionCheck",
    "UnknownDayError",
    "UnknownRetentionSourceError",
    "UnknownRowError",
    "UnknownSourceError",
    "UnreadableFileError",
    "WrongColumnError",
    "WrongFilesError",
    "landing_files",
    "load_landing",
    "new_files",
    "refuse_missing_sources",
    "remove_old_files",
]
