"""Look at the version that answers: at whom it scores, what it says, and what came of it."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prediction.config import PropensityConfig
from prediction.dataset import Asked, Floats
from prediction.drift import Movement, Profile, compare_features, compare_scores
from prediction.files import REFERENCE
from prediction.outcomes import Judged, judge_outcomes, read_matured
from prediction.registry import Decision, read_version_file
from warehouse import Warehouse


@dataclass(frozen=True, slots=True)
class Reference:
    """How features and scores were spread when a version was judged.

    Attributes:
        score: Of the scores.
        features: Of each feature.
    """

    score: Profile
    features: Mapping[str, Profile]


def watch(
    warehouse: Warehouse,
    config: PropensityConfig,
    decision: Decision,
    people: tuple[Asked, Floats],
    *,
    artifacts: Path,
    as_of: dt.datetime,
) -> tuple[Movement, ...]:
    """Compare who is scored now, and how, with the judging date; and old scores with what happened.

    Args:
        warehouse: With scores and events.
        config: Of the model.
        decision: The version that answers, a model.
        people: Who is scored now, and their scores.
        artifacts: Folder below which model files lie.
        as_of: The moment of the data.
    """
    found: list[Movement] = []
    asked, scores = people
    if reference := read_reference(artifacts, decision):
        found.append(compare_scores(reference.score, scores))
        found += compare_features(reference.features, asked.features, asked.values)
    matured = read_matured(
        warehouse, decision.model_key, config, decision.model_version, as_of=as_of
    )
    if matured:
        found += judge_outcomes(matured, Judged.of(decision.metrics))
    return tuple(found)


def read_reference(artifacts: Path, decision: Decision) -> Reference | None:
    """What was written beside a model; None beside one of an older Candor."""
    content = read_version_file(artifacts, decision, REFERENCE)
    if content is None:
        return None
    found: dict[str, Any] = json.loads(content)
    features = {name: Profile.from_dict(spread) for name, spread in found["features"].items()}
    return Reference(Profile.from_dict(found["score"]), features)
