"""Which content a person is shown, and how often each variant."""

from __future__ import annotations

from personalization.config import Block, ContentConfig
from personalization.errors import EmptyBlockError, PersonalizationError
from personalization.policies import write_variant_policies
from personalization.recommend import RecommendationReport, recommend

__all__ = [
    "Block",
    "ContentConfig",
    "EmptyBlockError",
    "PersonalizationError",
    "RecommendationReport",
    "recommend",
    "write_variant_policies",
]
