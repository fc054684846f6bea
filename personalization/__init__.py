"""Which content a person is shown, and how often each variant."""

from __future__ import annotations

from personalization.config import Block, ContentConfig
from personalization.email_blocks import EmailReport, write_email_blocks
from personalization.email_config import EmailBlock
from personalization.email_preview import preview_arms, preview_person, preview_slots
from personalization.errors import (
    EmptyBlockError,
    InvalidEmailBlockError,
    PersonalizationError,
    UnknownEmailBlockError,
)
from personalization.policies import write_variant_policies
from personalization.recommend import RecommendationReport, recommend

__all__ = [
    "Block",
    "ContentConfig",
    "EmailBlock",
    "EmailReport",
    "EmptyBlockError",
    "InvalidEmailBlockError",
    "PersonalizationError",
    "RecommendationReport",
    "UnknownEmailBlockError",
    "preview_arms",
    "preview_person",
    "preview_slots",
    "recommend",
    "write_email_blocks",
    "write_variant_policies",
]
