"""Pictures of aggregates: calibration of a model, profile of personas. PNG, never a person's row."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np

from prediction.dataset import Floats
from prediction.metrics import Metrics

BLUE, GREY = "#2f5d8a", "#9aa3ad"


def draw_calibration(metrics: Metrics, *, title: str) -> bytes:
    """Predicted against observed share by tenth of the scores, with 95 % bars."""
    figure, axes = _figure(5.0, 4.4)
    predicted = np.array([part.predicted for part in metrics.bins])
    observed = np.array([part.observed for part in metrics.bins])
    people = np.array([part.people for part in metrics.bins])
    error = 1.96 * np.sqrt(np.maximum(observed * (1 - observed), 1e-12) / people)
    top = max(predicted.max(), (observed + error).max()) * 1.05
    axes.plot([0, top], [0, top], color=GREY, linewidth=1, label="exactly right")
    bars = np.vstack([np.minimum(error, observed), error])
    axes.errorbar(predicted, observed, yerr=bars, fmt="o", color=BLUE, capsize=2)
    axes.set(xlabel="predicted", ylabel="observed", title=title, xlim=(0, top), ylim=(0, top))
    axes.text(
        0.03, 0.96,
        f"AUC {metrics.auc:.3f} ({metrics.auc_interval.low:.3f} to {metrics.auc_interval.high:.3f})\n"
        f"calibration error {metrics.ece:.3f}\n{metrics.people:,} people, {metrics.positives:,} did it",
        transform=axes.transAxes, va="top", fontsize=8,
    )  # fmt: skip
    return _png(figure)


def draw_personas(names: Sequence[str], values: Sequence[str], lifts: Floats) -> bytes:
    """What each persona reads, in multiples of the average reader.

    Args:
        names: Of k personas.
        values: Of v properties of content.
        lifts: (k, v).
    """
    figure, axes = _figure(2.5 + 0.35 * len(values), 2.6 + 0.4 * len(names))
    shades = np.log2(np.clip(lifts, 0.25, 4))
    image = axes.imshow(shades, cmap="RdBu_r", vmin=-2, vmax=2, aspect="auto")
    axes.set_xticks(range(len(values)), values, rotation=90, fontsize=7)
    axes.set_yticks(range(len(names)), names, fontsize=7)
    bar = figure.colorbar(image, ax=axes, ticks=[-2, -1, 0, 1, 2])
    bar.ax.set_yticklabels(["1/4", "1/2", "as all", "x 2", "x 4"], fontsize=7)
    return _png(figure)


def _figure(width: float, height: float) -> tuple[Any, Any]:
    # The object-oriented face of matplotlib: no global state, no display.
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - slow to import
    from matplotlib.figure import Figure  # noqa: PLC0415 - as above

    figure = Figure(figsize=(width, height), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots()


def _png(figure: Any) -> bytes:
    target = io.BytesIO()
    figure.savefig(target, format="png", metadata={"Software": None})
    return target.getvalue()
