"""Which content a person is shown, and how often each variant."""

from __future__ import annotations

from personalization.artefact import Artefact, decide
from personalization.config import Block, ContentConfig
from personalization.decide import Decision, DecisionRequest
from personalization.decision_log import (
    DecisionLog,
    LogReport,
    decide_and_log,
    load_decisions,
    recompute,
)
from personalization.errors import (
    EmptyBlockError,
    MissingArtefactError,
    PersonalizationError,
    SlotKeyTwiceError,
    UnknownSlotError,
)
from personalization.policies import write_variant_policies
from personalization.policy_values import write_policy_values
from personalization.publish import PublishReport, publish_artefact
from personalization.recommend import RecommendationReport, recommend
from personalization.serving_files import ServingFiles

__all__ = [
    "Artefact",
    "Block",
    "ContentConfig",
    "Decision",
    "DecisionLog",
    "DecisionRequest",
    "EmptyBlockError",
    "LogReport",
    "MissingArtefactError",
    "PersonalizationError",
    "PublishReport",
    "RecommendationReport",
    "ServingFiles",
    "SlotKeyTwiceError",
    "UnknownSlotError",
    "decide",
    "decide_and_log",
    "load_decisions",
    "publish_artefact",
    "recommend",
    "recompute",
    "write_policy_values",
    "write_variant_policies",
]
