"""What a company is ready for, for whoever decides where to start: as one page, and in a few lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import jinja2

from personalization.readiness import LEVELS, Capability
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
_LEVELS = {"full": "a full model", "hybrid": "a hybrid", "rules": "rules", "not_yet": "not yet"}
# What is told and not chosen by a model.
_TOLD = ("segments", "holdout")
_TOLD_LEVELS = {"full": "enough", "hybrid": "in part", "rules": "too few", "not_yet": "not yet"}


def readiness_page(report: ReadinessReport) -> str:
    """The page as HTML that needs nothing else and no network; aggregates only."""
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    page = environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))
    stages = list(dict.fromkeys(gap.funnel_stage for gap in report.gaps))
    return page.render(
        report=report,
        sections=[(title, _of(report, name)) for name, title in TITLES.items()],
        titles=TITLES,
        level_words=_level_words,
        counted=counted,
        stages=stages,
        personas=[
            (name, [_cell(report.gaps, name, stage) for stage in stages])
            for name in dict.fromkeys(gap.persona_name for gap in report.gaps)
        ],
        lacking=[gap for gap in report.gaps if gap.status != "covered"],
    )


def overview_rows(report: ReadinessReport) -> list[dict[str, str]]:
    """One row per capability: its levels in words, and what is missing first where there is least."""
    sections = ((title, _of(report, name)) for name, title in TITLES.items())
    return [
        {"capability": title, "level": _levels(found), "missing first": _missing_first(found)}
        for title, found in sections
        if found
    ]


def _levels(found: Sequence[Capability]) -> str:
    """The level of all its subjects; where they differ, how many have which, the lowest first."""
    counts = Counter(one.level for one in found)
    words = [(_level_words(found[0], level), counts[level]) for level in LEVELS if counts[level]]
    return words[0][0] if len(words) == 1 else ", ".join(f"{word} ({n})" for word, n in words)


def _missing_first(found: Sequence[Capability]) -> str:
    lacking = [one for one in found if one.missing]
    if not lacking:
        return "-"
    least = min(lacking, key=lambda one: LEVELS.index(one.level))
    of = f"{least.subject}: " if least.subject and len(found) > 1 else ""
    return f"{of}{least.missing[0]}"


def _level_words(one: Capability, level: str) -> str:
    return (_TOLD_LEVELS if one.capability in _TOLD else _LEVELS)[level]


def _of(report: ReadinessReport, name: str) -> list[Capability]:
    return [one for one in report.capabilities if one.capability == name]


def _cell(gaps: Sequence[ContentGap], persona: str, stage: str) -> ContentGap:
    return next(g for g in gaps if (g.persona_name, g.funnel_stage) == (persona, stage))
