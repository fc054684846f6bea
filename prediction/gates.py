"""Whether there is enough to learn from, and whether a model may be published; pure decisions."""

from __future__ import annotations

from dataclasses import dataclass

from prediction.metrics import Interval, Metrics
from settings import counted

# Segment's minimum; in simulation the spread of AUC falls from .012 to .004 at 100 positives.
ENOUGH = 100
# Who answers by a model keeps it down to 80 %, so that a count around 100 does not flap.
ENOUGH_TO_STAY = 80
MIN_AUC = 0.60
SLOPES = (0.80, 1.25)
MAX_ECE = 0.03
# Of a rare outcome .03 would be no bound at all: there the error beyond chance is held to a fifth.
RARE = 0.05
MAX_RARE_ECE_SHARE = 0.20
# Of what most people do, even a perfect top tenth has less: half of what could be gained is wanted then.
MIN_LIFT, MIN_LIFT_SHARE = 1.5, 0.5


@dataclass(frozen=True, slots=True)
class Evidence:
    """How much there is to learn from.

    Attributes:
        positives: Different persons, or accounts, who did it.
        negatives: Those who did not.
        judged_positives: Those at the judging date who then did it.
        judged_negatives: Those who did not.
        trained_positives: Those at earlier dates who did it.
        missing_days: Days of history that are still wanted.
        had_model: Whether a model answered so far.
        units: What is counted, in the plural: persons or accounts.
    """

    positives: int
    negatives: int
    judged_positives: int
    judged_negatives: int
    trained_positives: int
    missing_days: int
    had_model: bool
    units: str = "persons"


@dataclass(frozen=True, slots=True)
class Signals:
    """What is known of a model before it is published.

    Attributes:
        metrics: At the later date.
        gain_over_rule: Interval of its AUC less that of the rule; None without a rule.
        leaks: Why features may have been made from the outcome, in words.
    """

    metrics: Metrics
    gain_over_rule: Interval | None
    leaks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """All reasons against; none means yes."""

    reasons: tuple[str, ...]

    @property
    def allowed(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.reasons


def judge_evidence(evidence: Evidence) -> Verdict:
    """Whether there is enough to learn from."""
    enough = ENOUGH_TO_STAY if evidence.had_model else ENOUGH
    reasons = []
    if evidence.missing_days:
        reasons.append(f"needs {counted(evidence.missing_days, 'more days of history')}")
    if evidence.positives < enough:
        more = counted(enough - evidence.positives, f"more {evidence.units} who did it")
        reasons.append(f"needs {more}")
    if evidence.negatives < enough:
        more = counted(enough - evidence.negatives, f"more {evidence.units} who did not")
        reasons.append(f"needs {more}")
    if not evidence.missing_days and not _can_judge(evidence):
        reasons.append("needs more history: nothing earlier to learn from and later to judge at")
    return Verdict(tuple(reasons))


def judge_model(signals: Signals) -> Verdict:
    """Whether the model may be published."""
    metrics = signals.metrics
    reasons = list(signals.leaks)
    if not metrics.tells_apart:
        reasons.append(
            "all who were judged have the same score, so that it ranks nobody and its calibration slope "
            "cannot be told"
        )
    elif metrics.auc_interval.low <= MIN_AUC:
        reasons.append(
            f"AUC {metrics.auc:.3f} may be as low as {metrics.auc_interval.low:.3f}; "
            f"more than {MIN_AUC:.2f} is wanted"
        )
    if (
        metrics.tells_apart
        and signals.gain_over_rule is not None
        and signals.gain_over_rule.low <= 0
    ):
        reasons.append("it does not rank surely better than the rule")
    if not _is_slope_right(metrics):
        reasons.append(
            f"calibration slope {metrics.slope:.2f} is surely outside "
            f"{SLOPES[0]:.2f} to {SLOPES[1]:.2f}"
        )
    reasons += _calibration_reasons(metrics)
    wanted = min(MIN_LIFT, 1 + MIN_LIFT_SHARE * (1 / metrics.base_rate - 1))
    if metrics.tells_apart and metrics.lift_interval.low <= wanted:
        reasons.append(
            f"the top tenth's lift {metrics.lift:.1f} may be as low as "
            f"{metrics.lift_interval.low:.1f}; more than {wanted:.3g} is wanted"
        )
    return Verdict(tuple(reasons))


def _can_judge(evidence: Evidence) -> bool:
    return bool(
        evidence.trained_positives and evidence.judged_positives and evidence.judged_negatives
    )


def _is_slope_right(metrics: Metrics) -> bool:
    """Whether its interval meets the band: of 100 positives a slope of 1 may show as .75."""
    return metrics.slope_interval.low <= SLOPES[1] and metrics.slope_interval.high >= SLOPES[0]


def _calibration_reasons(metrics: Metrics) -> list[str]:
    if metrics.ece > MAX_ECE:
        chance = f"; chance alone would give {metrics.ece_by_chance:.3f} of so few judged"
        is_chance = metrics.ece_by_chance > MAX_ECE
        return [
            f"calibration error {metrics.ece:.3f} is more than {MAX_ECE}{chance if is_chance else ''}"
        ]
    allowed = MAX_RARE_ECE_SHARE * metrics.base_rate
    beyond = metrics.ece - metrics.ece_by_chance
    if metrics.base_rate < RARE and beyond > allowed:
        return [f"calibration error {beyond:.4f} beyond chance is more than {allowed:.4f}"]
    return []
