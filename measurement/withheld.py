"""An arm that is not shown as it was meant to be, told for people who decide about content."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from measurement.config import GLOBAL_SEGMENT
from measurement.lift import Verdict

# What the comparison says of the same arm and segment, beside a pause.
_BESIDE: Mapping[Verdict | None, str] = {
    None: "That is no proof.",
    "cannot_tell": "That is no proof, so the verdict stays that we cannot tell yet.",
    "harmed": "The verdict there is the same: it harmed.",
    "helped": "The verdict there is another: it helped; look at both.",
}


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
        p_harmful: How probable harm is, 0..1; of a paused arm by the segment's own people alone; None:
            too few met it to tell.
        since: Since when, UTC.
        ends_below: A pause ends where harm is less probable than this; None: the guard is off now.
        verdict: What the comparison says there; None where it compares others.
        tried_again_at: When a pause is over unless it ends before, UTC; None: never.
        has_segments: Whether the experiment has any; else ``global`` is everybody.
    """

    experiment_key: str
    segment: str
    arm: str
    baseline_arm: str
    is_paused: bool
    share: float
    p_harmful: float | None
    since: dt.datetime
    ends_below: float | None
    verdict: Verdict | None = None
    tried_again_at: dt.datetime | None = None
    has_segments: bool = True

    @property
    def sentence(self) -> str:
        """What was done and why, in plain words."""
        whom = self._whom
        sure = "" if self.p_harmful is None else in_percent(self.p_harmful, digits=1)
        if not self.is_paused:
            return (
                f"{self.arm} is no longer shown to {whom}, since {self.since:%Y-%m-%d}: it is worse than "
                f"{self.baseline_arm} there{f', of which we are {sure} sure' if sure else ''}."
            )
        probably = f" ({in_percent(self.p_harmful)})" if self.p_harmful is not None else ""
        return (
            f"{self.arm} is paused for {whom}, since {self.since:%Y-%m-%d}, as a precaution: it is probably "
            f"worse than {self.baseline_arm} there{probably}. {_BESIDE[self.verdict]} {self._few} of 100 are "
            f"still shown it, so that we may notice if this is wrong; the pause ends {self._end}."
        )

    @property
    def _whom(self) -> str:
        if self.segment != GLOBAL_SEGMENT:
            return self.segment
        return "people in no segment" if self.has_segments else "everybody"

    @property
    def _few(self) -> str:
        return "Less than 1" if self.share < 0.01 else f"About {100 * self.share:.0f}"

    @property
    def _end(self) -> str:
        if self.ends_below is None:
            return "with the next run, as the guard is off now"
        again = (
            f", or is tried again on {self.tried_again_at:%Y-%m-%d}" if self.tried_again_at else ""
        )
        return f"when harm is less probable than {self.ends_below:.0%}{again}"


def in_percent(probability: float, *, digits: int = 0) -> str:
    """A probability in words that claims no certainty.

    Args:
        probability: 0..1.
        digits: After the point.
    """
    text, most = f"{probability:.{digits}%}", 100 - 10**-digits
    if text == f"{1:.{digits}%}":
        return f"more than {most:.{digits}f}%"
    return f"less than {100 - most:.{digits}f}%" if text == f"{0:.{digits}%}" else text
