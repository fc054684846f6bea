"""What experiments say, as one page for whoever decides about content; no statistics needed."""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path

import jinja2

from measurement.beside import Beside
from measurement.breadth import BreadthFinding
from measurement.config import GLOBAL_SEGMENT, HELD_OUT, ExperimentsConfig, Metric
from measurement.pictures import draw_lift, is_drawn, labels
from measurement.report import ComparisonReport, Finding, LiftReport, in_words
from measurement.waiting import NOBODY, Pace, Waiting, read_paces, waiting
from measurement.withheld import WithheldArm
from settings import plain_number
from warehouse import Warehouse

_TEMPLATE = Path(__file__).parent / "templates" / "lift.html"
_DAYS_OF_A_MONTH = 30.4
# What each measure of breadth says, and its subject.
_MEASURES: Mapping[str, str] = {
    "topics_per_reader readings": "topics that somebody reads of in four weeks",
    "exposure_gini readings": "how unevenly readers spread over content: 0 all alike, near 1 all on one item",
    "exposure_gini shown": "how unevenly content is shown: 0 all alike, near 1 one item alone",
    "discovery_yield pages": "share of draws on pages that are read within a week",
    "discovery_yield mailings": "share of draws in mailings that are read within a week",
}


def lift_page(  # noqa: PLR0913 - each is something that only the caller knows
    warehouse: Warehouse,
    reports: Sequence[LiftReport],
    *,
    now: dt.datetime,
    experiments: ExperimentsConfig | None = None,
    breadth: Sequence[BreadthFinding] = (),
    withheld: Sequence[WithheldArm] = (),
    besides: Sequence[Beside] = (),
) -> str:
    """The page as HTML that needs nothing else and no network; aggregates only.

    Args:
        warehouse: Holds the exposures.
        reports: What to tell of.
        now: The moment up to which they know, UTC.
        experiments: Says what counts as success; without it the page names the metric alone.
        breadth: How much of the content people meet; none: the page does not say.
        withheld: Arms that are paused or switched off.
        besides: Of each report what those did who were known before; none: the page does not say.
    """
    paces = read_paces(warehouse)
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    environment.filters["amount"] = _amount
    environment.filters["change"] = _change
    environment.filters["duration"] = duration
    environment.filters["plain"] = plain_number
    page = environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))
    told = [
        {
            **_told(report, paces.get(report.experiment_key, NOBODY), now, experiments),
            "beside": beside,
        }
        for report, beside in zip(reports, besides or [Beside()] * len(reports), strict=True)
    ]
    return page.render(now=now, told=told, withheld=withheld, breadth=breadth, measures=_MEASURES)


def duration(days: int) -> str:
    """About how many days, as people say it."""
    if days < 14:
        return f"about {max(days, 1)} day{'s' if days > 1 else ''}"
    if days < 2 * _DAYS_OF_A_MONTH:
        return f"about {round(days / 7)} weeks"
    if days < 2 * 365:
        return f"about {round(days / _DAYS_OF_A_MONTH)} months"
    return "more than two years"


def _told(
    report: LiftReport, pace: Pace, now: dt.datetime, experiments: ExperimentsConfig | None
) -> Mapping[str, object]:
    png = base64.b64encode(draw_lift(report)).decode("ascii")
    has_picture = any(is_drawn(f) for f in report.findings)
    experiment = experiments.experiments.get(report.experiment_key) if experiments else None
    comparisons = [_compared(comparison, pace) for comparison in report.comparisons]
    return {
        "report": report,
        "control": (experiment.held_out if experiment else None) or HELD_OUT,
        "is_global_too": bool(
            experiment and experiment.exposure.slot and experiments and experiments.holdout
        ),
        "success": _success(report, experiments),
        "picture": f"data:image/png;base64,{png}" if has_picture else None,
        "not_drawn": labels(f for f in report.findings if not is_drawn(f)),
        "ended": pace.ended(now),
        "comparisons": comparisons,
        "tells_how_long": any(compared["tells_how_long"] for compared in comparisons),
    }


def _compared(comparison: ComparisonReport, pace: Pace) -> Mapping[str, object]:
    (everybody,) = (f for f in comparison.findings if f.segment == GLOBAL_SEGMENT)
    segments = [f for f in comparison.findings if f.segment != GLOBAL_SEGMENT]
    of_all, *waits = (_wait(finding, pace) for finding in (everybody, *segments))
    return {
        "everybody": everybody,
        "segments": list(zip(segments, waits, strict=True)),
        "named": {
            verdict: [f.segment for f in segments if f.verdict == verdict]
            for verdict in ("helped", "harmed", "cannot_tell")
        },
        "do_segments_differ": _differ(comparison.heterogeneity_p),
        "waiting": of_all,
        "tells_how_long": any(wait and wait.days for wait in (of_all, *waits)),
    }


def _wait(finding: Finding, pace: Pace) -> Waiting | None:
    """How long it takes; None of a verdict, and where it would tell how few of a few people did it."""
    if finding.verdict != "cannot_tell" or not finding.is_told:
        return None
    return waiting(finding, pace)


def _success(report: LiftReport, experiments: ExperimentsConfig | None) -> str | None:
    """What the metric counts, in words."""
    if experiments is None or report.experiment_key not in experiments.experiments:
        return None
    metric = experiments.experiments[report.experiment_key].metrics[report.metric]
    wanted = "Less is better." if metric.better == "lower" else ""
    return f"{_counted(metric)} within {metric.within_days} days after they first met it. {wanted}"


def _counted(metric: Metric) -> str:
    per = f"per {metric.per}" if metric.per else "per person"
    if metric.is_share:
        return f"Success is: {metric.event}"
    if metric.summed_property:
        return f"Counted is {metric.summed_property} of {metric.event}, {per},"
    return f"Counted is {metric.event}, {per},"


def _differ(p_value: float | None) -> str:
    if p_value is None:
        return "There are too few segments with enough people to say whether they differ."
    if p_value < 0.05:
        chance = f"{p_value:.1%}" if p_value >= 0.001 else "less than 0.1%"
        return f"Segments differ: so much spread arises by chance with {chance} only."
    return f"Nothing shows that segments differ: chance alone spreads so much with {p_value:.0%}."


def _amount(value: float, finding: Finding) -> str:
    return f"{100 * value:.1f} %" if finding.is_share else plain_number(value)


def _change(effect: float, finding: Finding) -> str:
    return in_words(effect, is_share=finding.is_share)
