"""Honest measurement: assignment, exposures, outcomes, lift."""

from __future__ import annotations

from measurement.config import Experiment, ExperimentsConfig, Metric, Segment
from measurement.errors import InvalidExperimentError, InvalidSharesError, MeasurementError
from measurement.lift import Counts, Interval
from measurement.measure import measure_experiments
from measurement.report import ComparisonReport, Finding, LiftReport

__all__ = [
    "ComparisonReport",
    "Counts",
    "Experiment",
    "ExperimentsConfig",
    "Finding",
    "Interval",
    "InvalidExperimentError",
    "InvalidSharesError",
    "LiftReport",
    "MeasurementError",
    "Metric",
    "Segment",
    "measure_experiments",
]
