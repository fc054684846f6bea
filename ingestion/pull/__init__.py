"""APIs and databases become landing files, from where they are loaded like any other file."""

from __future__ import annotations

from ingestion.pull.columns import ColumnChanges
from ingestion.pull.run import PullReport, forget_pulls, pull_sources, pulled_sources

__all__ = ["ColumnChanges", "PullReport", "forget_pulls", "pull_sources", "pulled_sources"]
