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
from personalization.rerank import (
    RankedResult,
    RerankRules,
    SearchProfile,
    SearchResult,
    rerank,
)
from personalization.search_profiles import (
    SearchReport,
    describe_results,
    read_rerank_rules,
    read_search_profile,
    write_search_profiles,
)

__all__ = [
    "Block",
    "ContentConfig",
    "EmailBlock",
    "EmailReport",
    "EmptyBlockError",
    "InvalidEmailBlockError",
    "PersonalizationError",
    "RankedResult",
    "RecommendationReport",
    "RerankRules",
    "SearchProfile",
    "SearchReport",
    "SearchResult",
    "UnknownEmailBlockError",
    "describe_results",
    "preview_arms",
    "preview_person",
    "preview_slots",
    "read_rerank_rules",
    "read_search_profile",
    "recommend",
    "rerank",
    "write_email_blocks",
    "write_search_profiles",
    "write_variant_policies",
]
