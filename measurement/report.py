"""Turn counts per segment and arm into findings with a verdict and its reason. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from measurement.config import GLOBAL_SEGMENT, Experiment, Metric
from measurement.lift import (
    FEWEST_TOLD,
    SIGNIFICANCE,
    Counts,
    Interval,
    Verdict,
    corrected,
    difference_interval,
    difference_p_value,
    difference_variance,
    give_away,
    is_ratio_broken,
    minimum_detectable,
    shrink,
)
from measurement.looks import Look
from measurement.samples import Sample, difference, lack_of
from settings import plain_number

WRONG_SIZES_HERE = "in this segment the arms do not have the intended sizes: find out why first"
NOT_FINITE = (
    "the outcome of an arm adds up to no finite number: look for impossible values in the events"
)
GIVES_AWAY = "not shown: figures of fewer than {} people would follow by subtraction, in arm {}"
_NUMBERLESS = "property {!r} of {!r} holds no numbers: sum another one up, or `measure: count`"
WRONG_SIZES = "the arms do not have the intended sizes: find out why first"

# What each arm did, by segment and arm: persons counted, or sums over what was drawn.
Arm = Counts | Sample
Table = Mapping[str, Mapping[str, Arm]]


@dataclass(frozen=True, slots=True)
class Rules:
    """How findings are judged.

    Attributes:
        metric: Tells which direction is good.
        significance: The level of the latest look; of the only one without a plan.
        is_sample_ratio_broken: No verdict is given where the arms are not what was drawn.
        wrong_segments: Segments of which the same holds.
        waits_for: The first planned look, where it has not come yet.
        numberless: Metrics that sum a property up which holds no number in any event.
    """

    metric: Metric
    significance: float = SIGNIFICANCE
    is_sample_ratio_broken: bool = False
    wrong_segments: tuple[str, ...] = ()
    waits_for: dt.datetime | None = None
    numberless: Collection[Metric] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """One comparison of two arms in one segment.

    The interval is honest for few persons too; a test of few is not made (``p_value`` is None).
    ``kept_variance`` is the share that the adjustment for the time before left; 1 without one.
    ``gives_away`` names the arms of which whoever takes it from everybody is left with fewer than 10.
    """

    segment: str
    arm: str
    baseline_arm: str
    counts: Arm
    baseline: Arm
    is_share: bool = True
    variance: float | None = None
    kept_variance: float = 1.0
    effect: float | None = None
    interval: Interval | None = None
    p_value: float | None = None
    q_value: float | None = None
    shrunken_effect: float | None = None
    shrunken: Interval | None = None
    minimum_detectable: float | None = None
    verdict: Verdict = "cannot_tell"
    reason: str = ""
    gives_away: tuple[str, ...] = ()

    @property
    def is_told(self) -> bool:
        """Whether its figures are shown: those of an arm of fewer than 10 would tell of each."""
        return min(self.counts.n, self.baseline.n) >= FEWEST_TOLD and not self.gives_away


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
        wrong_segments: Segments whose arms do not have the intended sizes.
        look: Where the plan of looks stands; None without one.
        is_primary: Whether the experiment is decided by this metric.
    """

    experiment_key: str
    metric: str
    comparisons: tuple[ComparisonReport, ...]
    exposed: int
    immature: int
    crossovers: int
    sample_ratio_p: float | None
    wrong_segments: tuple[str, ...] = ()
    look: Look | None = None
    is_primary: bool = True

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


@dataclass(frozen=True, slots=True)
class MetricTable:
    """One metric of an experiment, to be judged.

    Attributes:
        table: What each arm did, by segment, ``global`` among them, and arm.
        pairs: The arms and the arms that they are compared with.
        rules: How to judge.
        is_primary: Whether the experiment is decided by it.
        told: What is told of each arm elsewhere, by segment and arm: of variants, how many met them.
    """

    table: Table
    pairs: tuple[tuple[str, str], ...]
    rules: Rules
    is_primary: bool = True
    told: Table = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        table: Table,
        experiment: Experiment,
        rules: Rules,
        *,
        name: str,
        counted: Table,
    ) -> MetricTable:
        """Every pair of arms that it compares; ``counted`` is ``table`` before it is weighed."""
        arms = sorted(table[GLOBAL_SEGMENT])
        pairs = arm_pairs(arms, baseline=experiment.baseline, held_out=experiment.held_out)
        by = experiment.variants.metric if experiment.variants else None
        told = counted if name == by else {}
        rules = replace(rules, metric=experiment.metrics[name])
        return cls(table, pairs, rules, name == experiment.primary_metric, told)


def compare(table: Table, pair: tuple[str, str], rules: Rules) -> ComparisonReport:
    """Judge one pair of arms for everybody and in each segment by the primary metric."""
    return compare_metrics([MetricTable(table, (pair,), rules)])[0][0]


def compare_metrics(metrics: Sequence[MetricTable]) -> tuple[tuple[ComparisonReport, ...], ...]:
    """Judge the pairs of arms of one experiment by each of its metrics, in their order.

    Each comparison is one more chance to be wrong, so those that would be acted upon alike are
    corrected together: the segments of all pairs of the primary metric; of all secondary metrics
    everybody, and their segments. What the primary metric says of everybody was asked beforehand
    and stands alone.
    """
    found = [
        [
            _measured(segment, arms, pair, metric.rules)
            for pair in metric.pairs
            for segment, arms in metric.table.items()
        ]
        for metric in metrics
    ]
    families: dict[tuple[bool, bool], list[tuple[int, int]]] = {}
    for number, (metric, findings) in enumerate(zip(metrics, found, strict=True)):
        for place, finding in enumerate(findings):
            is_global = finding.segment == GLOBAL_SEGMENT
            if _is_told(finding) and not (metric.is_primary and is_global):
                families.setdefault((metric.is_primary, is_global), []).append((number, place))
    for family in families.values():
        told = [found[number][place] for number, place in family]
        q_values = corrected([f.p_value for f in told if f.p_value is not None])
        for (number, place), finding, q in zip(family, told, q_values, strict=True):
            found[number][place] = replace(finding, q_value=q)
    return tuple(
        _kept_back(
            [
                _compared([f for f in findings if (f.arm, f.baseline_arm) == pair], metric.rules)
                for pair in metric.pairs
            ],
            metric.told,
        )
        for metric, findings in zip(metrics, found, strict=True)
    )


def _compared(findings: Sequence[Finding], rules: Rules) -> ComparisonReport:
    """One pair, whose segments were corrected."""
    everybody = [f for f in findings if f.segment == GLOBAL_SEGMENT]
    segments, heterogeneity_p = _shrunken([f for f in findings if f.segment != GLOBAL_SEGMENT])
    judged = (_judged(finding, rules) for finding in (*everybody, *segments))
    return ComparisonReport(tuple(judged), heterogeneity_p)


def _kept_back(
    comparisons: Sequence[ComparisonReport], elsewhere: Table
) -> tuple[ComparisonReport, ...]:
    """Without the figures from which those of fewer than 10 people would follow.

    One decision for all that is told of an experiment: what this hides, another table may tell.
    """
    told = [f for comparison in comparisons for f in comparison.findings if f.is_told]
    hidden = give_away(
        [("here", f.arm, f.segment, f.counts.n) for f in told]
        + [("here", f.baseline_arm, f.segment, f.baseline.n) for f in told]
        + [
            ("elsewhere", arm, segment, found.n)
            for segment, arms in elsewhere.items()
            for arm, found in arms.items()
            if found.n >= FEWEST_TOLD
        ],
        everybody=GLOBAL_SEGMENT,
    )
    return tuple(
        replace(comparison, findings=tuple(_without(f, hidden) for f in comparison.findings))
        for comparison in comparisons
    )


def _without(finding: Finding, hidden: Collection[tuple[str, str]]) -> Finding:
    pair = (finding.arm, finding.baseline_arm)
    arms = tuple(arm for arm in pair if (arm, finding.segment) in hidden)
    why = GIVES_AWAY.format(FEWEST_TOLD, " and ".join(arms))
    reason = why if arms and finding.is_told else finding.reason
    return replace(finding, gives_away=arms, reason=reason)


def _is_told(finding: Finding) -> bool:
    return finding.p_value is not None and bool(finding.variance)


def _measured(
    segment: str, arms: Mapping[str, Arm], pair: tuple[str, str], rules: Rules
) -> Finding:
    arm, baseline = (arms.get(name, Counts(0, 0)) for name in pair)
    finding = Finding(segment, *pair, arm, baseline, is_share=rules.metric.is_share)
    if not (arm.n and baseline.n) or not rules.significance:
        return finding
    if isinstance(arm, Sample) and isinstance(baseline, Sample):
        return _measured_sums(finding, arm, baseline, rules.significance)
    if isinstance(arm, Counts) and isinstance(baseline, Counts):
        return _measured_counts(finding, arm, baseline, rules.significance)
    return finding


def _measured_counts(
    finding: Finding, arm: Counts, baseline: Counts, significance: float
) -> Finding:
    is_enough = arm.is_enough and baseline.is_enough
    return replace(
        finding,
        variance=difference_variance(arm, baseline),
        effect=arm.rate - baseline.rate,
        interval=difference_interval(arm, baseline, significance),
        p_value=difference_p_value(arm, baseline) if is_enough else None,
        minimum_detectable=minimum_detectable(arm, baseline),
    )


def _measured_sums(finding: Finding, arm: Sample, baseline: Sample, significance: float) -> Finding:
    if not (arm.is_enough and baseline.is_enough and arm.is_finite and baseline.is_finite):
        return finding
    found = difference(arm, baseline)
    return replace(
        finding,
        variance=found.error**2,
        kept_variance=found.kept,
        effect=found.effect,
        interval=found.interval(significance),
        p_value=found.p_value,
        minimum_detectable=found.minimum_detectable,
    )


def _shrunken(findings: Sequence[Finding]) -> tuple[list[Finding], float | None]:
    """Shrink the segments that can be judged; leave the others as they are."""
    judged = [f for f in findings if _is_told(f)]
    if not judged:
        return list(findings), None
    found = shrink([f.effect or 0.0 for f in judged], [f.variance or 0.0 for f in judged])
    better = {
        f.segment: replace(f, shrunken_effect=effect, shrunken=interval)
        for f, effect, interval in zip(judged, found.effects, found.intervals, strict=True)
    }
    heterogeneity_p = found.heterogeneity_p if len(judged) > 1 else None
    return [better.get(f.segment, f) for f in findings], heterogeneity_p


def _judged(finding: Finding, rules: Rules) -> Finding:
    verdict, reason = _verdict(finding, rules)
    return replace(finding, verdict=verdict, reason=reason)


def _verdict(finding: Finding, rules: Rules) -> tuple[Verdict, str]:
    interval, effect = finding.interval, finding.effect
    refused = _refused(finding, rules)
    if refused is not None:
        return "cannot_tell", refused
    chance = finding.p_value if finding.q_value is None else finding.q_value
    if chance is None or interval is None or effect is None:
        return "cannot_tell", _too_few(finding)
    if interval.low <= 0 <= interval.high:
        return "cannot_tell", f"no difference is among the likely ones{_smallest(finding)}"
    if chance > rules.significance:
        return "cannot_tell", f"among so many comparisons it may be chance{_smallest(finding)}"
    verdict: Verdict = "helped" if (effect > 0) == (rules.metric.better == "higher") else "harmed"
    low, high = (in_words(end, is_share=finding.is_share) for end in (interval.low, interval.high))
    return verdict, f"95 % sure of {low} to {high}{' points' if finding.is_share else ''}"


def _refused(finding: Finding, rules: Rules) -> str | None:
    """Why nothing is concluded, whatever the numbers are."""
    if rules.is_sample_ratio_broken:
        return WRONG_SIZES
    if finding.segment in rules.wrong_segments:
        return WRONG_SIZES_HERE
    if rules.metric in rules.numberless:
        return _NUMBERLESS.format(rules.metric.summed_property, rules.metric.event)
    if rules.waits_for is not None:
        return f"the first look is on {rules.waits_for:%Y-%m-%d}"
    if not rules.significance:
        return "nobody's days were over at the latest look"
    return None


def _too_few(finding: Finding) -> str:
    samples = [arm for arm in (finding.counts, finding.baseline) if isinstance(arm, Sample)]
    if not all(sample.is_finite for sample in samples):
        return NOT_FINITE
    arms = ((finding.arm, finding.counts), (finding.baseline_arm, finding.baseline))
    lacking = [f"{name} has {lack}" for name, arm in arms if (lack := lack_of(arm))]
    return f"too few yet: {', '.join(lacking)}"


def _smallest(finding: Finding) -> str:
    if not finding.minimum_detectable:
        return ""
    smallest = in_words(finding.minimum_detectable, is_share=finding.is_share).lstrip("+")
    unit = " points" if finding.is_share else ""
    return f"; so many persons reveal effects from {smallest}{unit}"


def in_words(effect: float, *, is_share: bool) -> str:
    """An effect with its sign: of shares in points of 100, else its whole part or three digits."""
    return f"{100 * effect:+.1f}" if is_share else plain_number(effect, sign="+")
