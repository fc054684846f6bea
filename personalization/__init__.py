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
from personalization.persona_content import PersonaContentReport, write_persona_content
from personalization.policies import write_variant_policies
from personalization.readiness import Capability
from personalization.readiness_page import readiness_page
from personalization.readiness_report import (
    Plans,
    ReadinessReport,
    assess_readiness,
    summary_rows,
    write_readiness,
)
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
    "Capability",
    "ContentConfig",
    "EmailBlock",
    "EmailReport",
    "EmptyBlockError",
    "InvalidEmailBlockError",
    "PersonaContentReport",
    "PersonalizationError",
    "Plans",
    "RankedResult",
    "ReadinessReport",
    "RecommendationReport",
    "RerankRules",
    "SearchProfile",
    "SearchReport",
    "SearchResult",
    "UnknownEmailBlockError",
    "assess_readiness",
    "describe_results",
    "preview_arms",
    "preview_person",
    "preview_slots",
    "read_rerank_rules",
    "read_search_profile",
    "readiness_page",
    "recommend",
    "rerank",
    "summary_rows",
    "write_email_blocks",
    "write_persona_content",
    "write_readiness",
    "write_search_profiles",
    "write_variant_policies",
]
