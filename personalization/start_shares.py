"""How often arms are shown before anything is learnt of them. Pure; no warehouse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from measurement import Variants
from personalization.pauses import State


def start_shares(
    arms: Sequence[str], states: Mapping[str, State], variants: Variants
) -> dict[str, float]:
    """By arm, together 1: alike, but for those that are paused or tried; the others share the rest.

    Args:
        arms: All that are shown; at least the baseline is neither paused nor tried.
        states: Of arms that are not just shown.
        variants: The floor and the guard.
    """
    held = {arm: _held(states[arm], len(arms), variants) for arm in arms if arm in states}
    fixed = {arm: share for arm, share in held.items() if share is not None}
    rest = (1 - sum(fixed.values())) / (len(arms) - len(fixed))
    return {arm: fixed.get(arm, rest) for arm in arms}


def _held(state: State, arms: int, variants: Variants) -> float | None:
    """What an arm in this state is shown to; None: as much as there is."""
    guard = variants.guard
    if guard and state == "paused":
        return min(guard.paused_share, variants.floor, 1 / arms)
    return min(guard.trial_share, 1 / arms) if guard and state == "on_trial" else None
