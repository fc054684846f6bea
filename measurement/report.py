"""Turn counts per segment and arm into findings with a verdict and its reason. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from measurement.config import GLOBAL_SEGMENT, Experiment, Metric
from measurement.lift import (
    FEWEST,
    SIGNIFICANCE,
    Counts,
    Interval,
    Verdict,
    corrected,
    difference_interval,
    difference_p_value,
    difference_variance,
    is_ratio_broken,
    minimum_detectable,
    shrink,
)

WRONG_SIZES = "the arms do not have the intended sizes: find out why first"

# Persons by segment and arm.
Table = Mapping[str, Mapping[str, Counts]]


@dataclass(frozen=True, slots=True)
class Finding:
    """One comparison of two arms in one segment.

    The interval is honest for few persons too; a test of few is not made (``p_value`` is None).
    """

    segment: str
    arm: str
    baseline_arm: str
    counts: Counts
    baseline: Counts
    effect: float | None = None
    interval: Interval | None = None
    p_value: float | None = None
    q_value: float | None = None
    shrunken_effect: float | None = None
    shrunken: Interval | None = None
    minimum_detectable: float | None = None
    verdict: Verdict = "cannot_tell"
    reason: str = ""


@dataclass(frozen=True, slots=True)
class LiftReport:
    """What one metric of one experiment says.

    Attributes:
        experiment_key: The experiment.
        metric: The outcome.
        comparisons: Treatments with the baseline, then every arm with the held-out one.
        exposed: Persons who met the experiment.
        immature: Persons left out because their window had not closed.
        crossovers: Persons who met several arms; they count in the first one.
        sample_ratio_p: Of the intended shares; None where none are given.
    """

    experiment_key: str
    metric: str
    comparisons: tuple[ComparisonReport, ...]
    exposed: int
    immature: int
    crossovers: int
    sample_ratio_p: float | None

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings of all comparisons, in order."""
        return tuple(f for comparison in self.comparisons for f in comparison.findings)

    @property
    def is_sample_ratio_broken(self) -> bool:
        """Whether the arms' sizes say that assignment or logging went wrong."""
        return is_ratio_broken(self.sample_ratio_p)


@dataclass(frozen=True, slots=True)
class ComparisonReport:
    """One pair of arms.

    Attributes:
        findings: Everybody, then the segments in the order of their names.
        heterogeneity_p: Of no difference between segments; None with fewer than two to judge.
    """

    findings: tuple[Finding, ...]
    heterogeneity_p: float | None


def arm_pairs(
    arms: Sequence[str], *, baseline: str, held_out: str | None
) -> tuple[tuple[str, str], ...]:
    """Who is compared with whom: treatments with the baseline, then all with the held-out."""
    treatments = sorted(set(arms) - {baseline, held_out})
    pairs = [(arm, baseline) for arm in treatments if baseline in arms]
    if held_out in arms and held_out is not None:
        pairs += [(arm, held_out) for arm in (baseline, *treatments) if arm in arms]
    return tuple(pairs)


def compare_all(
    table: Table, experiment: Experiment, *, metric: Metric, is_sample_ratio_broken: bool = False
) -> tuple[ComparisonReport, ...]:
    """Judge every pair of arms that the experiment compares."""
    arms = sorted(table[GLOBAL_SEGMENT])
    pairs = arm_pairs(arms, baseline=experiment.baseline, held_out=experiment.held_out)
    return tuple(
        compare(table, pair, metric=metric, is_sample_ratio_broken=is_sample_ratio_broken)
        for pair in pairs
    )


def compare(
    table: Table, pair: tuple[str, str], *, metric: Metric, is_sample_ratio_broken: bool = False
) -> ComparisonReport:
    """Judge one pair of arms for everybody and in each segment.

    Args:
        table: Counts by segment, ``global`` among them, and arm.
        pair: The arm and the arm that it is compared with.
        metric: Tells which direction is good.
        is_sample_ratio_broken: No verdict is given where the arms are not what was drawn.
    """
    findings = [_measured(segment, arms, pair) for segment, arms in table.items()]
    everybody = [f for f in findings if f.segment == GLOBAL_SEGMENT]
    segments, heterogeneity_p = _shrunken([f for f in findings if f.segment != GLOBAL_SEGMENT])
    judged = (
        _judged(finding, metric=metric, is_broken=is_sample_ratio_broken)
        for finding in (*everybody, *segments)
    )
    return ComparisonReport(tuple(judged), heterogeneity_p)


def _measured(segment: str, arms: Mapping[str, Counts], pair: tuple[str, str]) -> Finding:
    arm, baseline = (arms.get(name, Counts(0, 0)) for name in pair)
    finding = Finding(segment, *pair, arm, baseline)
    if not (arm.n and baseline.n):
        return finding
    is_enough = arm.is_enough and baseline.is_enough
    return replace(
        finding,
        effect=arm.rate - baseline.rate,
        interval=difference_interval(arm, baseline),
        p_value=difference_p_value(arm, baseline) if is_enough else None,
        minimum_detectable=minimum_detectable(arm, baseline),
    )


def _shrunken(findings: Sequence[Finding]) -> tuple[list[Finding], float | None]:
    """Correct and shrink the segments that can be judged; leave the others as they are."""
    judged = [f for f in findings if f.p_value is not None]
    if not judged:
        return list(findings), None
    q_values = corrected([f.p_value for f in judged if f.p_value is not None])
    effects = [f.counts.rate - f.baseline.rate for f in judged]
    found = shrink(effects, [difference_variance(f.counts, f.baseline) for f in judged])
    better = {
        f.segment: replace(f, q_value=q, shrunken_effect=effect, shrunken=interval)
        for f, q, effect, interval in zip(
            judged, q_values, found.effects, found.intervals, strict=True
        )
    }
    heterogeneity_p = found.heterogeneity_p if len(judged) > 1 else None
    return [better.get(f.segment, f) for f in findings], heterogeneity_p


def _judged(finding: Finding, *, metric: Metric, is_broken: bool) -> Finding:
    verdict, reason = _verdict(finding, metric=metric, is_broken=is_broken)
    return replace(finding, verdict=verdict, reason=reason)


def _verdict(finding: Finding, *, metric: Metric, is_broken: bool) -> tuple[Verdict, str]:
    interval, effect = finding.interval, finding.effect
    if is_broken:
        return "cannot_tell", WRONG_SIZES
    chance = finding.p_value if finding.q_value is None else finding.q_value
    if chance is None or interval is None or effect is None:
        return "cannot_tell", f"fewer than {FEWEST} persons with or without the outcome in an arm"
    if chance > SIGNIFICANCE or interval.low <= 0 <= interval.high:
        return "cannot_tell", f"no difference is among the likely ones{_smallest(finding)}"
    verdict: Verdict = "helped" if (effect > 0) == (metric.better == "higher") else "harmed"
    return verdict, f"95 % sure of {_points(interval.low)} to {_points(interval.high)} points"


def _smallest(finding: Finding) -> str:
    if not finding.minimum_detectable:
        return ""
    return f"; so many persons reveal effects from {100 * finding.minimum_detectable:.1f} points"


def _points(share: float) -> str:
    return f"{100 * share:+.1f}"
