"""The pictures of a resolution, for whoever shows them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from identity.picture import (
    draw_link_sources,
    draw_m_and_u,
    draw_match_weights,
    draw_sizes,
    draw_threshold,
)
from identity.threshold import ThresholdCurve
from identity.train import FieldParameters

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_CAPTIONS: Mapping[str, str] = {
    "match_weights": "Match weights by field and level",
    "m_and_u": "m and u by field and level",
    "threshold": "Precision and recall against the threshold",
    "person_sizes": "Persons by number of records",
    "link_sources": "Links by source",
}
NAMES = tuple(_CAPTIONS)


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture.

    Attributes:
        name: What it is of, one of ``NAMES``.
        caption: The same in words.
        figure: The drawing.
    """

    name: str
    caption: str
    figure: Figure


@dataclass(frozen=True, slots=True)
class Findings:
    """What is drawn.

    Attributes:
        fields: The model's parameters; empty where rules alone decide.
        threshold: Probability from which pairs link; None without a model.
        expected: What the model expects of each threshold; None without a model.
        sizes: Persons by number of records.
        links: Links by sources.
        measured: What a truth says of each threshold; None without one.
        true_sizes: Persons found and in truth by number of records; None without a truth.
    """

    fields: tuple[FieldParameters, ...]
    threshold: float | None
    expected: ThresholdCurve | None
    sizes: pa.Table
    links: pa.Table
    measured: ThresholdCurve | None = None
    true_sizes: pa.Table | None = None


def draw_findings(findings: Findings, only: Collection[str] = NAMES) -> Iterator[Picture]:
    """Draw all that is wanted and that there is something to draw of."""
    for name in NAMES:
        figure = _DRAWN[name](findings) if name in only else None
        if figure is not None:
            yield Picture(name, _CAPTIONS[name], figure)


def _draw_match_weights(findings: Findings) -> Figure | None:
    return draw_match_weights(findings.fields) if findings.fields else None


def _draw_m_and_u(findings: Findings) -> Figure | None:
    return draw_m_and_u(findings.fields) if findings.fields else None


def _draw_threshold(findings: Findings) -> Figure | None:
    if findings.expected is None or findings.threshold is None:
        return None
    return draw_threshold(findings.expected, findings.threshold, findings.measured)


def _draw_sizes(findings: Findings) -> Figure | None:
    if findings.true_sizes is not None:
        series = {"found_persons": "found", "true_persons": "in truth"}
        return draw_sizes(findings.true_sizes, series)
    return draw_sizes(findings.sizes, {"persons": "persons"}) if len(findings.sizes) else None


def _draw_link_sources(findings: Findings) -> Figure | None:
    return draw_link_sources(findings.links) if len(findings.links) else None


_DRAWN: Mapping[str, Callable[[Findings], Figure | None]] = {
    "match_weights": _draw_match_weights,
    "m_and_u": _draw_m_and_u,
    "threshold": _draw_threshold,
    "person_sizes": _draw_sizes,
    "link_sources": _draw_link_sources,
}
