"""The small company in memory."""

from __future__ import annotations

from tests.audiences.conftest import company

__all__ = ["company"]
