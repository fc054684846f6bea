"""Whether a version that passed its gates can still answer, as features and configuration are now."""

from __future__ import annotations

from pathlib import Path

from prediction.config import PropensityConfig
from prediction.dataset import known_features
from prediction.registry import Decision, read_version_state
from prediction.states import RULE, TRAINERS, from_state
from prediction.units import ACCOUNT, unit_of
from warehouse import Warehouse


def why_unfit(
    warehouse: Warehouse, artifacts: Path, decision: Decision, config: PropensityConfig | None
) -> tuple[str, ...]:
    """Every reason why this version cannot answer; none means that it can.

    Args:
        warehouse: With the marts.
        artifacts: Folder below which model files lie.
        decision: The version.
        config: Of the model as it is, sensitive features left out; None where predictions.yml does not name it.

    Raises:
        MissingRelationError: The marts are not built.
        BrokenModelError: Its file is missing or not one that Candor wrote.
    """
    if decision.algorithm == RULE and config is not None and config.rule is None:
        return ("predictions.yml has no rule for it any more",)
    if decision.algorithm not in TRAINERS:
        return ()
    model = from_state(read_version_state(artifacts, decision))
    # What is not configured may be of either; accounts have every feature that persons have.
    unit = unit_of(config) if config else ACCOUNT
    gone = sorted(set(model.features) - set(known_features(warehouse, unit)))
    barred = sorted(set(model.used) & set(config.leave_out if config else ()))
    found = {"features that it learnt from are gone": gone, "it uses what must be left out": barred}
    return tuple(f"{what}: {', '.join(names)}" for what, names in found.items() if names)
