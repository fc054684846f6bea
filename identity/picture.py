"""One picture of a resolution: what the fields weigh, and how many records persons have."""

from __future__ import annotations

import io

import numpy as np

from identity.cluster import Ints
from identity.train import FieldParameters

_WIDTH_IN, _HEIGHT_IN, _DPI = 11.0, 4.5, 90


def draw_resolution(fields: tuple[FieldParameters, ...], sizes: Ints, persons: Ints) -> bytes:
    """Draw match weights by field and level beside the sizes of persons; return a PNG.

    Args:
        fields: Parameters of the model.
        sizes: Numbers of records that persons have.
        persons: How many persons have each number.
    """
    from matplotlib.figure import Figure  # noqa: PLC0415 - half a second that only a run needs

    figure = Figure(figsize=(_WIDTH_IN, _HEIGHT_IN), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(2, 1))
    bars = [
        (f"{item.name.replace('_', ' ')}: {label}", weight)
        for item in fields
        for label, weight in zip(item.labels, item.weights, strict=True)
    ]
    weights = np.array([weight for _, weight in bars])
    left.barh(range(len(bars)), weights, color=np.where(weights > 0, "#2a7f62", "#b5483a"))
    left.set_yticks(range(len(bars)), [label for label, _ in bars], fontsize=6)
    left.invert_yaxis()
    left.set_title("What agreement weighs, bits")
    right.bar(sizes, persons, color="#35618f")
    right.set_yscale("log")
    right.set_title("Persons by number of records")
    right.set_xlabel("records")
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=_DPI)
    return picture.getvalue()
