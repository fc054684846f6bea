"""What experiments say, as one page for whoever decides about content; no statistics needed."""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2

from measurement.config import GLOBAL_SEGMENT
from measurement.pictures import draw_lift
from measurement.report import ComparisonReport, Finding, LiftReport, in_words
from warehouse import Warehouse

# The difference of which the page says when it would be known: a tenth of the baseline's rate.
WORTH_KNOWING = 0.1
_TEMPLATE = Path(__file__).parent / "templates" / "lift.html"
_PACE = """
    select experiment_key, count(*) / greatest(date_diff('day', min(first_exposed_at),
        max(first_exposed_at)), 1) as per_day
    from measurement.exposures group by experiment_key
"""


@dataclass(frozen=True, slots=True)
class Waiting:
    """How long until a difference worth knowing would be seen.

    Attributes:
        people: Persons needed in each of the two arms, about.
        days: Days more at the pace so far; None where nobody comes.
    """

    people: int
    days: int | None


def lift_page(warehouse: Warehouse, reports: Sequence[LiftReport], *, now: dt.datetime) -> str:
    """The page as HTML that needs nothing else and no network; aggregates only.

    Args:
        warehouse: Holds the exposures.
        reports: What to tell of.
        now: When it is written, UTC.
    """
    pace = _read_pace(warehouse)
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    environment.filters["amount"] = _amount
    environment.filters["change"] = _change
    page = environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))
    return page.render(now=now, told=[_told(report, pace) for report in reports])


def waiting(finding: Finding, *, per_day: float) -> Waiting | None:
    """When a difference of a tenth of the baseline would be seen; None where that is unknown.

    The error of a difference falls with the square root of the number of people.

    Args:
        finding: Of everybody.
        per_day: People who meet the experiment, all arms together.
    """
    wanted = WORTH_KNOWING * finding.baseline.rate
    if not wanted or finding.minimum_detectable is None:
        return None
    growth = (finding.minimum_detectable / wanted) ** 2
    people = min(finding.counts.n, finding.baseline.n) * growth
    missing = max(people - min(finding.counts.n, finding.baseline.n), 0.0)
    share = min(finding.counts.n, finding.baseline.n) / (finding.counts.n + finding.baseline.n)
    return Waiting(round(people), round(missing / (per_day * share)) if per_day else None)


def _read_pace(warehouse: Warehouse) -> Mapping[str, float]:
    found = warehouse.read(_PACE)
    return dict(zip(found["experiment_key"].to_pylist(), found["per_day"].to_pylist(), strict=True))


def _told(report: LiftReport, pace: Mapping[str, float]) -> Mapping[str, object]:
    png = base64.b64encode(draw_lift(report)).decode("ascii")
    return {
        "report": report,
        "picture": f"data:image/png;base64,{png}",
        "comparisons": [
            _compared(comparison, pace.get(report.experiment_key, 0.0))
            for comparison in report.comparisons
        ],
    }


def _compared(comparison: ComparisonReport, per_day: float) -> Mapping[str, object]:
    (everybody,) = (f for f in comparison.findings if f.segment == GLOBAL_SEGMENT)
    return {
        "everybody": everybody,
        "segments": [f for f in comparison.findings if f.segment != GLOBAL_SEGMENT],
        "do_segments_differ": _differ(comparison.heterogeneity_p),
        "waiting": waiting(everybody, per_day=per_day),
    }


def _differ(p_value: float | None) -> str:
    if p_value is None:
        return "There are too few segments with enough people to say whether they differ."
    if p_value < 0.05:
        chance = f"{p_value:.1%}" if p_value >= 0.001 else "less than 0.1%"
        return f"Segments differ: so much spread arises by chance with {chance} only."
    return f"Nothing shows that segments differ: chance alone spreads so much with {p_value:.0%}."


def _amount(value: float, finding: Finding) -> str:
    return f"{100 * value:.1f} %" if finding.is_share else f"{value:.3g}"


def _change(effect: float, finding: Finding) -> str:
    return in_words(effect, is_share=finding.is_share)
