"""When a published model is trained anew: on schedule, or because it drifts; never twice in a row."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of the version that answers.

    Attributes:
        in_force_from: Since when it answers, in the time of the data.
        tried_at: When a version was last trained, refused ones included.
        is_configured: Whether it was made for the configuration as it is.
        is_chosen: Whether a person put it in force; then the configuration does not overrule that.
        alarms: What pages or is a ticket of this version.
    """

    in_force_from: dt.datetime
    tried_at: dt.datetime
    is_configured: bool
    is_chosen: bool
    alarms: Sequence[str]


def why_train(
    standing: Standing, *, as_of: dt.datetime, schedule: dt.timedelta, cooldown: dt.timedelta
) -> tuple[str, ...]:
    """Every reason to train anew; none means that the version stays.

    A version that was refused since counts as a try: it was looked into, and the next one has time.

    Args:
        standing: Of the version that answers.
        as_of: The moment up to which the warehouse knows.
        schedule: So long a version stays where nothing is wrong.
        cooldown: So long it stays although something is.
    """
    age = as_of - max(standing.in_force_from, standing.tried_at)
    reasons = []
    if not standing.is_configured and not standing.is_chosen:
        reasons.append("the configuration changed")
    if age < dt.timedelta(0):
        reasons.append("it was made from later data")
    if age >= schedule:
        reasons.append(f"it answers for {age.days} days")
    if standing.alarms and age >= cooldown:
        reasons.append(f"drift: {', '.join(standing.alarms)}")
    return tuple(reasons)
