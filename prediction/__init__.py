"""Propensity scores and personas that know what they do not know."""

from __future__ import annotations

from prediction.config import PersonasConfig, PredictionsConfig, PropensityConfig
from prediction.drift import read_drift
from prediction.errors import (
    BrokenModelError,
    MissingRelationError,
    NoEarlierVersionError,
    PredictionError,
    RefusedVersionError,
    SensitiveFeatureError,
    SensitiveTargetError,
    TooFewPurchasesError,
    UnfitVersionError,
    UnknownFeatureError,
    UnknownGroupError,
    UnknownModelError,
    UnknownTraitError,
    UnknownVersionError,
    UntrustedModelError,
)
from prediction.fairness import without_sensitive
from prediction.learnt import LearntVersion, TrainedModels
from prediction.named_columns import NamedColumn, named_columns
from prediction.personas import PersonaReport, group_readers
from prediction.predict import Moment, ScoreReport, predict_all
from prediction.promotion import Order, promote, read_changes, roll_back
from prediction.purchases import Purchases, RepeatModel, fit_repeats
from prediction.registry import (
    Decision,
    count_scored,
    list_models,
    list_versions,
    read_cards,
    require_model,
)
from prediction.shared_scores import SharedScores
from prediction.spine import SpineReport, write_spine

__all__ = [
    "BrokenModelError",
    "Decision",
    "LearntVersion",
    "MissingRelationError",
    "Moment",
    "NamedColumn",
    "NoEarlierVersionError",
    "Order",
    "PersonaReport",
    "PersonasConfig",
    "PredictionError",
    "PredictionsConfig",
    "PropensityConfig",
    "Purchases",
    "RefusedVersionError",
    "RepeatModel",
    "ScoreReport",
    "SensitiveFeatureError",
    "SensitiveTargetError",
    "SharedScores",
    "SpineReport",
    "TooFewPurchasesError",
    "TrainedModels",
    "UnfitVersionError",
    "UnknownFeatureError",
    "UnknownGroupError",
    "UnknownModelError",
    "UnknownTraitError",
    "UnknownVersionError",
    "UntrustedModelError",
    "count_scored",
    "fit_repeats",
    "group_readers",
    "list_models",
    "list_versions",
    "named_columns",
    "predict_all",
    "promote",
    "read_cards",
    "read_changes",
    "read_drift",
    "require_model",
    "roll_back",
    "without_sensitive",
    "write_spine",
]
