"""Which content a person is shown, and how often each variant."""

from __future__ import annotations

from personalization.artefact import Artefact, decide
from personalization.breadth import describe_breadth, read_breadth, write_breadth
from personalization.config import Block, ContentConfig
from personalization.decide import Decision, DecisionRequest
from personalization.decision_log import (
    DecisionLog,
    LogReport,
    decide_and_log,
    load_decisions,
    recompute,
)
from personalization.draw_units import write_draw_units
from personalization.email_blocks import EmailReport, write_email_blocks
from personalization.email_config import EmailBlock
from personalization.email_people import unfit_rules
from personalization.email_preview import preview_arms, preview_person, preview_slots
from personalization.email_sends import SendLimits
from personalization.errors import (
    InvalidEmailBlockError,
    MissingArtefactError,
    PersonalizationError,
    SlotKeyTwiceError,
    UnknownEmailBlockError,
    UnknownSlotError,
)
from personalization.persona_content import PersonaContentReport, write_persona_content
from personalization.policies import write_variant_policies
from personalization.policy_values import write_policy_values
from personalization.publish import PublishReport, publish_artefact
from personalization.readiness import Capability
from personalization.readiness_page import overview_rows, readiness_page
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
from personalization.serving_files import ServingFiles
from personalization.variant_report import ToldVariant, read_variants, read_withheld

__all__ = [
    "Artefact",
    "Block",
    "Capability",
    "ContentConfig",
    "Decision",
    "DecisionLog",
    "DecisionRequest",
    "EmailBlock",
    "EmailReport",
    "InvalidEmailBlockError",
    "LogReport",
    "MissingArtefactError",
    "PersonaContentReport",
    "PersonalizationError",
    "Plans",
    "PublishReport",
    "RankedResult",
    "ReadinessReport",
    "RecommendationReport",
    "RerankRules",
    "SearchProfile",
    "SearchReport",
    "SearchResult",
    "SendLimits",
    "ServingFiles",
    "SlotKeyTwiceError",
    "ToldVariant",
    "UnknownEmailBlockError",
    "UnknownSlotError",
    "assess_readiness",
    "decide",
    "decide_and_log",
    "describe_breadth",
    "describe_results",
    "load_decisions",
    "overview_rows",
    "preview_arms",
    "preview_person",
    "preview_slots",
    "publish_artefact",
    "read_breadth",
    "read_rerank_rules",
    "read_search_profile",
    "read_variants",
    "read_withheld",
    "readiness_page",
    "recommend",
    "recompute",
    "rerank",
    "summary_rows",
    "unfit_rules",
    "write_breadth",
    "write_draw_units",
    "write_email_blocks",
    "write_persona_content",
    "write_policy_values",
    "write_readiness",
    "write_search_profiles",
    "write_variant_policies",
]
