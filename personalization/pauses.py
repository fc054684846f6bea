"""When an arm is paused in a segment, tried again there, and switched off. Pure; no warehouse.

    shown --probable harm--> paused --the day of review--> on_trial --50 people since--> shown
                               ^                               |
                               +--- probable harm, or too few -+     proven harm: switched_off

A pause is likelier where chance was against an arm, and what chance did would go on counting. So a
trial counts those alone who met either arm since it began. Each pause of the same arm lasts twice as
long as the one before, so that what harms is tried ever more seldom.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from measurement import Counts, Guard
from personalization.variants import HARMFUL, ArmBelief

State = Literal["shown", "paused", "on_trial", "switched_off"]
# A segment and one of the arms.
Cell = tuple[str, str]
NOTHING_KNOWN = ArmBelief(effect=0.0, p_best=0.0, p_harmful=0.0, p_harmful_alone=None)


@dataclass(frozen=True, slots=True)
class Standing:
    """How an arm stands in a segment after a run.

    Attributes:
        state: What is done, not what is claimed: paused is a precaution.
        since: Since when in this state, UTC; None: shown.
        judged_from: The guard heeds those alone who met an arm from then on; None: everybody.
        pauses: How often it was paused so far.
        is_by_its_own: Whether enough people of the segment met it to judge by them.
    """

    state: State = "shown"
    since: dt.datetime | None = None
    judged_from: dt.datetime | None = None
    pauses: int = 0
    is_by_its_own: bool = True


@dataclass(frozen=True, slots=True)
class History:
    """What is remembered of the runs before.

    Attributes:
        now: The moment up to which the warehouse knows, UTC; None: nothing is reviewed.
        standings: Of arms that are not just shown, or were paused before.
        since: By segment and arm: counts of all arms there since it is judged anew.
    """

    now: dt.datetime | None = None
    standings: Mapping[Cell, Standing] = field(default_factory=dict)
    since: Mapping[Cell, Mapping[str, Counts]] = field(default_factory=dict)


def next_standing(
    before: Standing, belief: ArmBelief, guard: Guard | None, *, now: dt.datetime | None
) -> Standing:
    """Off where harm is proven, paused where it is probable, for a time, and tried again after it.

    Whom an arm probably harms is asked of the segment's own people: that it helps others is no
    reason to go on. Proof leans on all.

    Args:
        before: How it stood.
        belief: ``p_harmful_alone`` is by those since ``before.judged_from``.
        guard: None: nothing is paused, and what was is forgotten.
        now: The moment up to which is known, UTC.
    """
    alone = belief.p_harmful_alone
    if belief.p_harmful >= HARMFUL:
        off = replace(before, is_by_its_own=alone is not None)
        return _become("switched_off", off, before, now)
    if guard is None:
        return Standing()
    if before.state == "on_trial":
        return _tried(before, alone, guard, now)
    end = tried_again_at(before, guard)
    if end and now and now >= end:
        return Standing("on_trial", now, now, before.pauses)
    return _guarded(before, alone, guard, now)


def unjudged(before: Standing, guard: Guard | None, *, now: dt.datetime | None) -> Standing:
    """The same where too little is counted to believe anything: what was withheld is so until its review.

    Proof that is not known any more proves nothing, so what was switched off is paused.
    """
    return next_standing(replace(before, is_by_its_own=True), NOTHING_KNOWN, guard, now=now)


def _guarded(
    before: Standing, alone: float | None, guard: Guard, now: dt.datetime | None
) -> Standing:
    # Too few are left, or met it while it was tried: the day of review is to come.
    if alone is None and before.state == "paused":
        return before
    is_first = before.state == "paused" and not before.judged_from  # made by its own, if long ago
    is_own = is_first or before.is_by_its_own
    is_withheld = before.state in ("paused", "switched_off") and is_own
    if alone is None and is_withheld:
        return _become("paused", before, before, now)  # what proved the harm is not known any more
    bar = guard.ends_below if is_withheld else guard.harm_probability
    if alone is None or alone < bar:
        return Standing(judged_from=before.judged_from, pauses=before.pauses)
    return _become("paused", replace(before, is_by_its_own=True), before, now)


def tried_again_at(standing: Standing, guard: Guard | None) -> dt.datetime | None:
    """When a pause is over unless it ends before, UTC; None: of what is not paused, or never."""
    if standing.state != "paused" or not standing.since or not guard:
        return None
    if guard.review_after_days is None:
        return None
    # No calendar reaches further than this, and nobody waits for it.
    doubled = min(max(standing.pauses - 1, 0), 10)
    return standing.since + dt.timedelta(days=guard.review_after_days * 2**doubled)


def _tried(
    before: Standing, alone: float | None, guard: Guard, now: dt.datetime | None
) -> Standing:
    """Its trial goes on until enough people met it, for no longer than a first pause."""
    if alone is None:
        days = guard.review_after_days
        is_over = not days or (
            now and before.since and now >= before.since + dt.timedelta(days=days)
        )
        return _become("paused", before, before, now) if is_over else before
    if alone >= guard.harm_probability:
        return _become("paused", before, before, now)
    return Standing(judged_from=before.judged_from, pauses=before.pauses)


def _become(
    state: State, standing: Standing, before: Standing, now: dt.datetime | None
) -> Standing:
    if before.state == state:
        return replace(standing, state=state)
    pauses = standing.pauses + (state == "paused")
    return replace(standing, state=state, since=now, pauses=pauses)
