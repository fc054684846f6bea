"""What a company is ready for, as one page for whoever decides where to start."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import jinja2

from personalization.readiness import Capability
from personalization.readiness_report import ContentGap, ReadinessReport
from settings import counted

_TEMPLATE = Path(__file__).parent / "templates" / "readiness.html"
TITLES = {
    "identity": "Who is who",
    "propensity": "Propensity",
    "personas": "Personas",
    "recommendations": "Recommendations on pages",
    "hero": "Hero and call to action",
    "search": "Search",
    "email": "E-mail blocks",
    "segments": "Whom it helped, by segment",
    "holdout": "What a hold-out can detect",
}


def readiness_page(report: ReadinessReport) -> str:
    """The page as HTML that needs nothing else and no network; aggregates only."""
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    page = environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))
    stages = list(dict.fromkeys(gap.funnel_stage for gap in report.gaps))
    return page.render(
        report=report,
        sections=[(title, _of(report, name)) for name, title in TITLES.items()],
        titles=TITLES,
        counted=counted,
        stages=stages,
        personas=[
            (name, [_cell(report.gaps, name, stage) for stage in stages])
            for name in dict.fromkeys(gap.persona_name for gap in report.gaps)
        ],
        lacking=[gap for gap in report.gaps if gap.status != "covered"],
    )


def _of(report: ReadinessReport, name: str) -> list[Capability]:
    return [one for one in report.capabilities if one.capability == name]


def _cell(gaps: Sequence[ContentGap], persona: str, stage: str) -> ContentGap:
    return next(g for g in gaps if (g.persona_name, g.funnel_stage) == (persona, stage))
