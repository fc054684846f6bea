"""One evaluation: all that is said of the persons of a warehouse, with a truth or without."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from identity.evaluate import Accuracy, measure_accuracy
from identity.misses import count_misses
from identity.pictures import Findings
from identity.quality import PersonQuality, linked_sources, measure_persons
from identity.threshold import expected_at, expected_curve, measured_curve
from identity.train import FieldParameters
from identity.truth import judging
from warehouse import Warehouse


@dataclass(frozen=True, slots=True)
class Truth:
    """A truth that was read: its rows, and where from."""

    rows: pa.Table
    path: Path


@dataclass(frozen=True, slots=True)
class Model:
    """What weighs pairs: no fields and no threshold where rules alone decide."""

    fields: tuple[FieldParameters, ...] = ()
    threshold: float | None = None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What is said of the persons.

    Attributes:
        persons: What needs no truth.
        findings: What is drawn.
        accuracy: What the truth says; None without one.
        misses: True pairs that were missed, by cause; None without a truth.
        expected: Precision and recall that the model expects of all pairs of records that are made
            one person's, by identifiers too; None without a model or where nothing is linked.
        seconds: How long each step took; empty where the persons were there already.
    """

    persons: PersonQuality
    findings: Findings
    accuracy: Accuracy | None
    misses: pa.Table | None
    expected: tuple[float, float] | None
    seconds: Mapping[str, float]


def evaluate(
    warehouse: Warehouse,
    model: Model,
    *,
    truth: Truth | None,
    seconds: Mapping[str, float],
) -> Evaluation:
    """Say all that can be said.

    Args:
        warehouse: Holds the persons, and the temporary tables of ``compare_again``.
        model: What weighed the pairs.
        truth: Who is who in truth, if somebody knows.
        seconds: How long each step took, if it was measured.

    Raises:
        TruthFileError: The truth fits no record.
    """
    accuracy = misses = measured = None
    with ExitStack() as stack:
        if truth is not None:
            stack.enter_context(judging(warehouse, truth.rows, truth.path))
            accuracy = measure_accuracy(warehouse)
            misses, measured = count_misses(warehouse), measured_curve(warehouse)
        persons = measure_persons(warehouse)
        findings = Findings(
            fields=model.fields,
            threshold=model.threshold,
            expected=expected_curve(warehouse),
            sizes=persons.sizes,
            links=linked_sources(warehouse),
            measured=measured,
            true_sizes=accuracy.sizes if accuracy else None,
        )
        expected = None if model.threshold is None else expected_at(warehouse, model.threshold)
    return Evaluation(persons, findings, accuracy, misses, expected, seconds)
