"""Honest measurement: assignment, exposures, outcomes, lift."""

from __future__ import annotations

from measurement.config import GLOBAL_SEGMENT, Experiment, ExperimentsConfig, Metric, Segment
from measurement.errors import InvalidExperimentError, InvalidSharesError, MeasurementError
from measurement.lift import Counts, Interval
from measurement.measure import measure_experiments
from measurement.pictures import draw_lift
from measurement.report import WRONG_SIZES, ComparisonReport, Finding, LiftReport

__all__ = [
    "GLOBAL_SEGMENT",
    "WRONG_SIZES",
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
    "draw_lift",
    "measure_experiments",
]
