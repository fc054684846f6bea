"""The ``candor`` command."""

from __future__ import annotations

from orchestration.cli.app import main

__all__ = ["main"]
