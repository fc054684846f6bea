"""Propensity scores and personas that know what they do not know."""

from __future__ import annotations

from prediction.config import PersonasConfig, PredictionsConfig, PropensityConfig
from prediction.drift import read_drift
from prediction.errors import (
    BrokenModelError,
    MissingRelationError,
    PredictionError,
    TooFewPurchasesError,
    UnknownFeatureError,
    UnknownModelError,
    UntrustedModelError,
)
from prediction.personas import PersonaReport, group_readers
from prediction.predict import Moment, ScoreReport, predict_all
from prediction.purchases import Purchases, RepeatModel, fit_repeats
from prediction.registry import list_models, read_cards
from prediction.spine import SpineReport, write_spine

__all__ = [
    "BrokenModelError",
    "MissingRelationError",
    "Moment",
    "PersonaReport",
    "PersonasConfig",
    "PredictionError",
    "PredictionsConfig",
    "PropensityConfig",
    "Purchases",
    "RepeatModel",
    "ScoreReport",
    "SpineReport",
    "TooFewPurchasesError",
    "UnknownFeatureError",
    "UnknownModelError",
    "UntrustedModelError",
    "fit_repeats",
    "group_readers",
    "list_models",
    "predict_all",
    "read_cards",
    "read_drift",
    "write_spine",
]
