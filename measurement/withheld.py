"""An arm that is not shown as it was meant to be, told for people who decide about content."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from measurement.config import GLOBAL_SEGMENT


@dataclass(frozen=True, slots=True)
class WithheldArm:
    """An arm that is paused in a segment as a precaution, or switched off as harm is proven.

    Attributes:
        experiment_key: The experiment.
        segment: The segment; ``global``: whom no segment fits.
        arm: The arm.
        baseline_arm: What it is worse than.
        is_paused: Whether harm is probable only.
        share: Of the segment, who is still shown it, 0..1.
        p_harmful: How probable harm is, 0..1; of a paused arm by the segment's own people alone.
        since: Since when, UTC.
        ends_below: A pause ends where harm is less probable than this.
    """

    experiment_key: str
    segment: str
    arm: str
    baseline_arm: str
    is_paused: bool
    share: float
    p_harmful: float
    since: dt.datetime
    ends_below: float

    @property
    def sentence(self) -> str:
        """What was done and why, in plain words."""
        whom = "people in no segment" if self.segment == GLOBAL_SEGMENT else self.segment
        if not self.is_paused:
            return (
                f"{self.arm} is no longer shown to {whom}, since {self.since:%Y-%m-%d}: it is worse than "
                f"{self.baseline_arm} there, of which we are {self.p_harmful:.1%} sure."
            )
        return (
            f"{self.arm} is paused for {whom}, since {self.since:%Y-%m-%d}, as a precaution: it is probably "
            f"worse than {self.baseline_arm} there ({self.p_harmful:.0%}). That is no proof, so the verdict "
            f"stays what it is. About {100 * self.share:.0f} of 100 are still shown it, so that we notice if "
            f"this is wrong; the pause ends when harm is less probable than {self.ends_below:.0%}."
        )
