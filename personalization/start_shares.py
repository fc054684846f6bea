"""How often arms are shown before anything is learnt of them. Pure; no warehouse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from measurement import Experiment, Variants
from personalization.pauses import State


def start_shares(
    asked: Mapping[str, float], states: Mapping[str, State], variants: Variants
) -> dict[str, float]:
    """By arm, together 1: as asked, but for those that are paused or tried; the others share the rest.

    Args:
        asked: By arm; at least the baseline is neither paused nor tried.
        states: Of arms that are not just shown.
        variants: The floor and the guard.
    """
    held = {arm: _held(states[arm], len(asked), variants) for arm in asked if arm in states}
    fixed = {arm: share for arm, share in held.items() if share is not None}
    open_arms = sum(share for arm, share in asked.items() if arm not in fixed)
    rest = (1 - sum(fixed.values())) / open_arms
    return {arm: fixed.get(arm, share * rest) for arm, share in asked.items()}


def asked_shares(arms: Sequence[str], experiment: Experiment) -> dict[str, float]:
    """What is written in ``shares``, without who is held out; where nothing is, alike. Together 1."""
    shares = {arm: experiment.shares.get(arm, 0.0) if experiment.shares else 1.0 for arm in arms}
    return {arm: share / sum(shares.values()) for arm, share in shares.items()}


def _held(state: State, arms: int, variants: Variants) -> float | None:
    """What an arm in this state is shown to; None: as much as there is."""
    guard = variants.guard
    if guard and state == "paused":
        return min(guard.paused_share, variants.floor, 1 / arms)
    return min(guard.trial_share, 1 / arms) if guard and state == "on_trial" else None
