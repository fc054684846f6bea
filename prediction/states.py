"""Models as arrays, texts and numbers, and back: what a model file holds (``docs/adr/0004``)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from prediction.boosting import BoostedModel, Trees, train_boosted
from prediction.logistic import Calibration, RidgeModel, Scaler, train
from prediction.sparse import train_sparse

RIDGE, SPARSE, BOOSTED = "ridge_logistic", "sparse_logistic", "boosted_trees"
# Who answers where no model does: the rule, or nothing.
RULE, NONE = "rule", "none"
Model = RidgeModel | BoostedModel
# How each kind is trained, the default first: where two predict alike, it is used.
TRAINERS: Mapping[str, Callable[..., Model]] = {
    RIDGE: train,
    SPARSE: train_sparse,
    BOOSTED: train_boosted,
}


def as_state(model: Model) -> dict[str, Any]:
    """A model as arrays, texts and numbers."""
    state = {
        "features": list(model.features),
        "calibration": model.calibration.kind,
        "knots": model.calibration.knots,
        "levels": model.calibration.levels,
    }
    if isinstance(model, BoostedModel):
        parts = {field.name: getattr(model.trees, field.name) for field in fields(Trees)}
        return {
            **state, "algorithm": BOOSTED, "trees": parts, "error_knots": model.knots,
            "errors": model.errors, "weights": model.weights,
        }  # fmt: skip
    return {
        **state,
        "algorithm": RIDGE,
        "columns": model.scaler.columns,
        "flagged": model.scaler.flagged,
        "logged": model.scaler.logged,
        "is_cut": model.scaler.is_cut,
        "means": model.scaler.means,
        "deviations": model.scaler.deviations,
        "weights": model.weights,
        "intercept": float(model.intercept),
        "covariance": model.covariance,
        "strength": float(model.strength),
    }


def from_state(state: Mapping[str, Any]) -> Model:
    """The model that ``as_state`` took apart."""
    features = tuple(state["features"])
    calibration = Calibration(state["calibration"], state["knots"], state["levels"])
    if state["algorithm"] == BOOSTED:
        return BoostedModel(
            features, Trees(**state["trees"]), calibration,
            state["error_knots"], state["errors"], state["weights"],
        )  # fmt: skip
    return RidgeModel(
        features=features,
        scaler=Scaler(
            state["columns"],
            state["flagged"],
            state["means"],
            state["deviations"],
            # Versions of an earlier Candor took the logarithm of every column, and 0 for less.
            state.get("logged", np.ones(len(state["columns"]), dtype=np.bool_)),
            state.get("is_cut", "logged" not in state),
        ),
        weights=state["weights"],
        intercept=state["intercept"],
        covariance=state["covariance"],
        calibration=calibration,
        strength=state["strength"],
    )
