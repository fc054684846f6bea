"""A picture of what an experiment says. PNG of aggregates, never a person's row."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any

from measurement.config import GLOBAL_SEGMENT
from measurement.report import Finding, LiftReport

COLOURS = {"helped": "#2e7d4f", "harmed": "#b03a2e", "cannot_tell": "#7a838c"}


def draw_lift(report: LiftReport) -> bytes:
    """Effect and 95 % interval of every comparison that has one and is told, in points.

    Args:
        report: One metric of one experiment; without persons the picture is empty.
    """
    findings = [f for f in report.findings if is_drawn(f)]
    figure, axes = _figure(height=1.4 + 0.3 * len(findings))
    axes.axvline(0, color="#9aa3ad", linewidth=1)
    for row, finding in enumerate(reversed(findings)):
        _draw(axes, row, finding)
    axes.set_yticks(range(len(findings)), labels(reversed(findings)), fontsize=8)
    axes.ticklabel_format(axis="x", style="plain", useOffset=False)
    is_share = all(finding.is_share for finding in findings)
    unit = "effect, points of 100" if is_share else "effect"
    axes.set(xlabel=unit, title=f"{report.experiment_key}: {report.metric}")
    target = io.BytesIO()
    figure.savefig(target, format="png", metadata={"Software": None})
    return target.getvalue()


def _draw(axes: Any, row: int, finding: Finding) -> None:
    interval, effect = finding.interval, finding.effect
    if interval is None or effect is None:
        return
    colour = COLOURS[finding.verdict]
    scale = 100 if finding.is_share else 1
    axes.plot([scale * interval.low, scale * interval.high], [row, row], color=colour)
    axes.plot([scale * effect], [row], "o", color=colour)


def is_drawn(finding: Finding) -> bool:
    """Whether it has an interval and may be told."""
    return finding.interval is not None and finding.is_told


def labels(findings: Iterable[Finding]) -> list[str]:
    """For whom, and which arm against which.

    Args:
        findings: In the order of the labels.
    """
    names = {GLOBAL_SEGMENT: "everybody"}
    return [f"{names.get(f.segment, f.segment)}: {f.arm} - {f.baseline_arm}" for f in findings]


def _figure(*, height: float) -> tuple[Any, Any]:
    # The object-oriented face of matplotlib: no global state, no display.
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - slow to import
    from matplotlib.figure import Figure  # noqa: PLC0415 - as above

    figure = Figure(figsize=(6.5, height), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots()
