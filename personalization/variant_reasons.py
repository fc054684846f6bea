"""Why an arm is shown as often as it is, in words that give no few people away. Pure."""

from __future__ import annotations

from measurement import GLOBAL_SEGMENT, Experiment, Guard, in_percent
from personalization.pauses import Standing, tried_again_at
from personalization.two_arms import FEWEST_HERE
from personalization.variants import FEWEST_CONVERTED, FEWEST_PERSONS, HARMFUL, ArmBelief


def too_few(experiment: Experiment) -> str:
    """Of an arm where nothing is believed of any."""
    shown = "each is shown as often as shares says" if experiment.shares else "all are shown alike"
    return f"fewer than two arms have {FEWEST_PERSONS} persons and {FEWEST_CONVERTED} conversions: {shown}"


def not_met(experiment: Experiment) -> str:
    """Of an arm that hardly anybody met, where something is believed of others."""
    finds_out = "its share in shares" if experiment.shares else "an equal share"
    return f"fewer than {FEWEST_HERE} people have met it yet: {finds_out} finds out"


def of_whom(segment: str, experiment: Experiment, *, is_met: bool) -> str:
    """Whom a belief is of; ``is_met``: the segment's own people, who met two of the arms."""
    if segment != GLOBAL_SEGMENT:
        return (
            "here" if is_met else "of all segments together, as fewer than two arms were met here"
        )
    if not experiment.segments:
        return "of everybody"
    if is_met:
        return "of people in no segment"
    return "of all segments together, as everybody who counts is in one"


def why(belief: ArmBelief, standing: Standing, guard: Guard | None, *, is_many: bool) -> str:
    """The reason of one arm in one segment.

    Args:
        belief: What is believed of it.
        standing: What is done.
        guard: When a pause ends.
        is_many: Whether how sure we are may be told in numbers.
    """
    if standing.state == "switched_off":
        sure = in_percent(belief.p_harmful, digits=1) if is_many else f"{HARMFUL:.1%} or more"
        return f"switched off: worse than the baseline with {sure}"
    if guard and standing.state == "paused":
        return f"paused: {_why_paused(belief, standing, guard)}"
    if standing.state == "on_trial":
        return f"tried again: judged by those who met it since {standing.since:%Y-%m-%d}"
    if not is_many:
        return "as often as it is likely the best"
    return f"the best with {in_percent(belief.p_best)}"


def _why_paused(belief: ArmBelief, standing: Standing, guard: Guard) -> str:
    day = tried_again_at(standing, guard)
    again = f", to be tried again on {day:%Y-%m-%d}" if day else ""
    if belief.p_harmful_alone is None:
        since = f" since {standing.judged_from:%Y-%m-%d}" if standing.judged_from else ""
        return f"too few are counted{since} to judge by{again}"
    sure = in_percent(belief.p_harmful_alone)
    return (
        f"probably harmful ({sure} by who met it), a precaution and no proof, "
        f"until that falls below {guard.ends_below:.0%}{again}"
    )
