"""When an arm is paused, tried again after it, and for how long."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from measurement import Guard
from personalization.pauses import Standing, next_standing, tried_again_at
from personalization.variants import ArmBelief

BEGUN = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)
GUARD = Guard(review_after_days=56)
DOUBTED = ArmBelief(effect=-0.1, p_best=0.1, p_harmful=0.9, p_harmful_alone=0.95)
PAUSED = Standing("paused", BEGUN, pauses=1)
TRIED = Standing("on_trial", BEGUN, BEGUN, 1)


def after(
    days: int, before: Standing, belief: ArmBelief = DOUBTED, guard: Guard | None = GUARD
) -> Standing:
    return next_standing(before, belief, guard, now=BEGUN + dt.timedelta(days=days))


def test_a_pause_ends_in_a_trial_however_probable_harm_was() -> None:
    assert after(55, PAUSED) == PAUSED
    assert after(56, PAUSED) == Standing(
        "on_trial", BEGUN + dt.timedelta(days=56), BEGUN + dt.timedelta(days=56), 1
    )


def test_without_a_day_of_review_only_what_comes_in_ends_a_pause() -> None:
    assert after(900, PAUSED, guard=Guard(review_after_days=None)) == PAUSED


@pytest.mark.parametrize(("pauses", "days"), [(1, 56), (2, 112), (3, 224)])
def test_each_pause_lasts_twice_as_long_as_the_one_before(pauses: int, days: int) -> None:
    assert tried_again_at(replace(PAUSED, pauses=pauses), GUARD) == BEGUN + dt.timedelta(days=days)


def test_proven_harm_is_not_tried_again() -> None:
    proven = replace(DOUBTED, p_harmful=0.98)

    assert after(56, PAUSED, proven).state == "switched_off"
    assert after(3, TRIED, proven).state == "switched_off"
    assert after(400, after(56, PAUSED, proven), proven).state == "switched_off"


def test_a_trial_ends_by_those_who_came_since_and_not_before_they_are_enough() -> None:
    few, worse, alike = (replace(DOUBTED, p_harmful_alone=p) for p in (None, 0.9, 0.89))

    assert after(55, TRIED, few) == TRIED
    assert (after(7, TRIED, worse).state, after(7, TRIED, worse).pauses) == ("paused", 2)
    assert after(7, TRIED, alike) == Standing(judged_from=BEGUN, pauses=1)


def test_a_trial_that_too_few_met_ends_in_a_pause_that_lasts() -> None:
    few = replace(DOUBTED, p_harmful_alone=None)
    paused = after(56, TRIED, few)

    assert (paused.state, paused.pauses) == ("paused", 2)
    assert after(63, paused, few) == paused
    assert after(56 + 112, paused, few).state == "on_trial"


def test_a_first_pause_does_not_end_because_people_were_erased() -> None:
    few = replace(DOUBTED, p_harmful_alone=None)

    assert after(7, PAUSED, few) == PAUSED
    assert after(56, PAUSED, few).state == "on_trial"
    assert after(900, PAUSED, few, Guard(review_after_days=None)) == PAUSED
    # Rows do not keep that it was made by the segment's own: it ends at the same bar as before.
    assert (
        after(7, replace(PAUSED, is_by_its_own=False), replace(DOUBTED, p_harmful_alone=0.8)).state
        == "paused"
    )


def test_what_own_people_proved_is_paused_when_they_were_erased() -> None:
    few = replace(DOUBTED, p_harmful_alone=None)

    assert after(7, Standing("switched_off", BEGUN), few).state == "paused"
    assert after(7, Standing("switched_off", BEGUN, is_by_its_own=False), few).state == "shown"
