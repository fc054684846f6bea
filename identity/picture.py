"""Draw what a resolution learned and found; numbers by field, level and source, never a value."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from identity.threshold import ThresholdCurve
from identity.train import FieldParameters

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_WIDTH_IN, _HEIGHT_IN, _DPI = 8.5, 4.0, 80
_FOR, _AGAINST, _PLAIN, _OTHER = "#2a7f62", "#b5483a", "#35618f", "#c9862b"
# Sources beyond these share one row: a picture with more says nothing.
_MOST_SOURCES = 10
# Persons of more records share one bar.
_MOST_RECORDS = 12


def as_png(figure: Figure) -> bytes:
    """Render small, for the UI's metadata."""
    return _rendered(figure, "png", dpi=_DPI)


def as_svg(figure: Figure) -> bytes:
    """Render for a page; the same figure gives the same bytes."""
    from matplotlib import rc_context  # noqa: PLC0415 - half a second that only a run needs

    with rc_context({"svg.hashsalt": "candor"}):
        return _rendered(figure, "svg", metadata={"Date": None, "Creator": None})


def draw_match_weights(fields: tuple[FieldParameters, ...]) -> Figure:
    """Draw what each level of each field weighs, in bits for or against one person."""
    weights = np.array([weight for item in fields for weight in item.weights])
    figure, axes = _levels_figure(fields, columns=1)
    places = _places(fields)
    axes[0].barh(places, weights, color=np.where(weights > 0, _FOR, _AGAINST))
    axes[0].axvline(0, color="black", linewidth=0.8)
    axes[0].set_xlabel("match weight, bits: log2(m / u); a rare name adds to it")
    figure.suptitle("What agreement weighs")
    return figure


def draw_m_and_u(fields: tuple[FieldParameters, ...]) -> Figure:
    """Draw how often pairs of one person (m) and of different persons (u) show each level."""
    figure, axes = _levels_figure(fields, columns=2)
    places = _places(fields)
    for axis, name, color, text in (
        (axes[0], "m", _FOR, "m: share of one person's pairs"),
        (axes[1], "u", _AGAINST, "u: share of different persons' pairs"),
    ):
        shares = [share for item in fields for share in getattr(item, name)]
        axis.barh(places, shares, color=color)
        axis.set_xlim(0, 1)
        axis.set_xticks([0, 0.25, 0.5, 0.75], ["0", "0.25", "0.5", "0.75"])
        axis.set_xlabel(text)
    figure.suptitle("How often fields agree")
    return figure


def draw_threshold(
    expected: ThresholdCurve, threshold: float, measured: ThresholdCurve | None = None
) -> Figure:
    """Draw precision and recall against the threshold, and the one that was chosen."""
    figure, axis = _figure()
    for curve, style, origin in ((expected, "-", "expected"), (measured, "--", "by the truth")):
        if curve is not None:
            axis.plot(
                curve.thresholds, curve.precision, style, color=_PLAIN, label=f"precision, {origin}"
            )
            axis.plot(curve.thresholds, curve.recall, style, color=_OTHER, label=f"recall, {origin}")  # fmt: skip
    if threshold <= 1:
        axis.axvline(threshold, color="black", linewidth=1, label=f"chosen: {threshold:.3f}")
    axis.set_ylim(0, 1.02)
    axis.set_xlabel("match probability from which pairs link")
    axis.set_ylabel("share")
    axis.legend(fontsize=8, loc="lower left")
    axis.set_title("Threshold: all pairs of records of one person")
    return figure


def draw_sizes(sizes: pa.Table, series: dict[str, str]) -> Figure:
    """Draw how many persons have how many records.

    Args:
        sizes: One row per number of records, ``records``, and a column of persons per series.
        series: Label of each column.
    """
    figure, axis = _figure()
    records = sizes.column("records").to_numpy()
    places = np.minimum(records, _MOST_RECORDS).astype(int)
    width = 0.8 / len(series)
    colors = (_PLAIN, _OTHER)
    for number, (column, label) in enumerate(series.items()):
        persons = np.bincount(places, sizes.column(column).to_numpy(), minlength=_MOST_RECORDS + 1)
        shift = (number - (len(series) - 1) / 2) * width
        axis.bar(np.arange(len(persons)) + shift, persons, width, color=colors[number], label=label)
    if len(series) > 1:
        axis.legend(fontsize=8)
    axis.set_yscale("symlog", linthresh=1)
    axis.set_ylim(bottom=0)
    labels = [*(str(number) for number in range(_MOST_RECORDS)), f"{_MOST_RECORDS} or more"]
    axis.set_xticks(range(_MOST_RECORDS + 1), labels)
    axis.set_xlim(min(places, default=0) - 0.6, max(places, default=1) + 0.6)
    axis.set_xlabel("source records of a person")
    axis.set_ylabel("persons")
    axis.set_title("Persons by number of records")
    return figure


def draw_link_sources(links: pa.Table) -> Figure:
    """Draw how many links join which two sources."""
    names, counts = _matrix(links)
    figure, axis = _figure(height=max(_HEIGHT_IN, 0.45 * len(names) + 1.2))
    shown = np.ma.masked_equal(counts, 0)
    axis.imshow(np.ma.log10(shown + 1), cmap="Blues", vmin=0)
    darkest = np.log10(counts.max(initial=1) + 1)
    for row, column in zip(*np.nonzero(counts), strict=True):
        dark = np.log10(counts[row, column] + 1) > 0.6 * darkest
        axis.text(column, row, f"{counts[row, column]:,}", ha="center", va="center", fontsize=8,
                  color="white" if dark else "black")  # fmt: skip
    axis.set_xticks(range(len(names)), names, rotation=30, ha="right", fontsize=8)
    axis.set_yticks(range(len(names)), names, fontsize=8)
    axis.set_title("Links by the sources of their two ends")
    return figure


def _rendered(figure: Figure, kind: str, **options: Any) -> bytes:
    picture = io.BytesIO()
    figure.savefig(picture, format=kind, **options)
    return picture.getvalue()


def _figure(*, height: float = _HEIGHT_IN) -> tuple[Figure, Any]:
    from matplotlib.figure import Figure  # noqa: PLC0415 - half a second that only a run needs

    figure = Figure(figsize=(_WIDTH_IN, height), layout="constrained")
    return figure, figure.subplots()


def _levels_figure(fields: tuple[FieldParameters, ...], *, columns: int) -> tuple[Figure, Any]:
    """Rows named by level, with the field's name where its levels begin."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - as above

    places = _places(fields)
    figure = Figure(figsize=(_WIDTH_IN, 0.19 * len(places) + 1.6), layout="constrained")
    axes = figure.subplots(1, columns, sharey=True, squeeze=False)[0]
    labels = [
        f"{item.name.replace('_', ' ')}:  {label}" if number == 0 else label
        for item in fields
        for number, label in enumerate(item.labels)
    ]
    axes[0].set_yticks(places, labels, fontsize=7)
    axes[0].set_ylim(places[-1] + 0.8, -0.8)
    for axis in axes:
        axis.grid(axis="x", color="#dddddd", linewidth=0.6)
        axis.set_axisbelow(True)
    return figure, axes


def _places(fields: tuple[FieldParameters, ...]) -> list[float]:
    """Heights of the rows: one each, and half a row between fields."""
    return [
        place + 0.6 * number
        for place, number in enumerate(
            number for number, item in enumerate(fields) for _ in item.labels
        )
    ]


def _matrix(links: pa.Table) -> tuple[list[str], Any]:
    """Link counts between sources, symmetric; sources with few links share the last row."""
    rows = links.to_pylist()
    totals: dict[str, int] = {}
    for row in rows:
        for name in {row["left_source"], row["right_source"]}:
            totals[name] = totals.get(name, 0) + row["links"]
    ranked = sorted(totals, key=lambda name: (-totals[name], name))
    kept = sorted(ranked[:_MOST_SOURCES])
    names = [*kept, "others"] if len(ranked) > _MOST_SOURCES else kept
    places = {name: kept.index(name) if name in kept else len(kept) for name in totals}
    counts = np.zeros((len(names), len(names)), dtype=np.int64)
    for row in rows:
        ends = sorted((places[row["left_source"]], places[row["right_source"]]), reverse=True)
        counts[ends[0], ends[1]] += row["links"]
    return names, counts
