"""Which content a person is shown."""

from __future__ import annotations

from personalization.config import Block, ContentConfig
from personalization.errors import EmptyBlockError, PersonalizationError
from personalization.recommend import RecommendationReport, recommend

__all__ = [
    "Block",
    "ContentConfig",
    "EmptyBlockError",
    "PersonalizationError",
    "RecommendationReport",
    "recommend",
]
