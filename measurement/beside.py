"""Tell beside each effect what it is of those who were known before they met the experiment.

The verdict is everybody's and stays so: who signs in is not chosen by chance, and what an arm does
to them need not be what it does to others. But arms are drawn alike among them, and as their
outcomes are seen more completely, the effect is less diluted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from measurement.config import GLOBAL_SEGMENT, ExperimentsConfig
from measurement.lift import FEWEST_TOLD, Counts, Interval, difference_interval, give_away
from measurement.measure import count_table
from measurement.report import Finding, LiftReport
from warehouse import Warehouse

# Where fewer of those who met it were known, effects are told to be diluted.
_MOSTLY_KNOWN = 0.5
_COUNTS = """
    select coalesce(exposures.segment, '') as segment, exposures.arm,
           count(*) as n, count(*) filter (where outcomes.has_converted) as converted
    from measurement.exposures as exposures
    inner join measurement.outcomes as outcomes
        on exposures.experiment_key = outcomes.experiment_key
        and exposures.person_id = outcomes.person_id
    where exposures.experiment_key = $experiment_key and outcomes.metric = $metric
      and outcomes.is_mature and exposures.is_known_before
    group by all
    order by all
"""
_SHARE = """
    select count(is_known_before) as marked, count(*) filter (where is_known_before) as known
    from measurement.exposures where experiment_key = $experiment_key
"""
_Table = Mapping[str, Mapping[str, Counts]]


@dataclass(frozen=True, slots=True)
class KnownEffect:
    """A difference of two arms among those who were known before.

    Attributes:
        counts: Those of the arm.
        baseline: Those of the baseline.
        interval: The 95 % interval.
    """

    counts: Counts
    baseline: Counts
    interval: Interval

    @property
    def effect(self) -> float:
        """The difference, as a share."""
        return self.counts.rate - self.baseline.rate


@dataclass(frozen=True, slots=True)
class Beside:
    """What is told beside one metric of one experiment.

    Attributes:
        met: Persons who met it, of whom it is told whether they were known.
        known: Those of them who were known before.
        effects: By segment, arm and baseline; what would tell of fewer than ten people is not there.
    """

    met: int = 0
    known: int = 0
    effects: Mapping[tuple[str, str, str], KnownEffect] | None = None

    def of(self, finding: Finding) -> KnownEffect | None:
        """The effect among the known that belongs to a finding."""
        return (self.effects or {}).get((finding.segment, finding.arm, finding.baseline_arm))

    @property
    def warning(self) -> str | None:
        """In words, where most of those who met it were known by nothing but a browser.

        Of fewer than ten in all nothing is told, and no share where some, but fewer than ten, were known.
        """
        if self.met < FEWEST_TOLD or self.known >= _MOSTLY_KNOWN * self.met:
            return None
        share = (
            f"{1 - self.known / self.met:.0%}"
            if self.known == 0 or self.known >= FEWEST_TOLD
            else "Most"
        )
        return (
            f"{share} of those who met it were browsers on which nobody had signed in "
            "or left an address by then. Each counts as a person: one human may be several, and what they do "
            "on another browser is not seen, so effects look smaller than they are. See those of whoever was "
            "known before."
        )


def read_beside(
    warehouse: Warehouse, reports: Sequence[LiftReport], experiments: ExperimentsConfig
) -> tuple[Beside, ...]:
    """What is told beside each report, in their order.

    Effects are told of shares of persons alone, where no looks are planned; where shares of arms are
    learnt, not of everybody, who would have to be weighed.
    """
    return tuple(_read(warehouse, report, experiments) for report in reports)


def _read(warehouse: Warehouse, report: LiftReport, experiments: ExperimentsConfig) -> Beside:
    experiment = experiments.experiments[report.experiment_key]
    metric = experiment.metrics[report.metric]
    values = {"experiment_key": report.experiment_key}
    (found,) = warehouse.read(_SHARE, values).to_pylist()
    if experiment.unit != "person" or not found["marked"]:
        return Beside()
    beside = Beside(found["marked"], found["known"])
    is_plain = metric.is_share and not metric.before_days
    if not is_plain or experiment.looks:
        return beside
    table = count_table(warehouse.read(_COUNTS, {**values, "metric": report.metric}))
    is_weighed = bool(experiment.variants and experiment.segments)
    told = {
        key: effect
        for key, effect in _told(report, table).items()
        if not (is_weighed and key[0] == GLOBAL_SEGMENT)
    }
    return Beside(beside.met, beside.known, told)


def _told(report: LiftReport, table: _Table) -> dict[tuple[str, str, str], KnownEffect]:
    """The differences that tell of no group of fewer than ten, by subtraction neither."""
    told = {
        (f.segment, f.arm, f.baseline_arm): (f, _of(table, f.segment, f.arm), _of(table, f.segment, f.baseline_arm))
        for f in report.findings
        if f.is_told
    }  # fmt: skip
    told = {
        key: (finding, arm, baseline)
        for key, (finding, arm, baseline) in told.items()
        if _is_safe(arm, finding.counts.n) and _is_safe(baseline, finding.baseline.n)
    }
    sizes = [
        (kind, name, finding.segment, n)
        for finding, arm, baseline in told.values()
        for name, known, everybody in (
            (finding.arm, arm, finding.counts.n),
            (finding.baseline_arm, baseline, finding.baseline.n),
        )
        for kind, n in (("known", known.n), ("unknown", everybody - known.n))
    ]
    hidden = give_away(sizes, everybody=GLOBAL_SEGMENT)
    return {
        key: KnownEffect(arm, baseline, difference_interval(arm, baseline))
        for key, (finding, arm, baseline) in told.items()
        if not {(finding.arm, finding.segment), (finding.baseline_arm, finding.segment)} & hidden
    }


def _is_safe(known: Counts, everybody: int) -> bool:
    left = everybody - known.n
    return known.n >= FEWEST_TOLD and (left == 0 or left >= FEWEST_TOLD)


def _of(table: _Table, segment: str, arm: str) -> Counts:
    return table.get(segment, {}).get(arm, Counts(0, 0))
