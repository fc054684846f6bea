"""Honest measurement: assignment, exposures, outcomes, lift."""

from __future__ import annotations

from measurement.config import (
    GLOBAL_SEGMENT,
    Experiment,
    ExperimentsConfig,
    Metric,
    Segment,
    Variants,
)
from measurement.errors import InvalidExperimentError, InvalidSharesError, MeasurementError
from measurement.lift import Counts, Interval
from measurement.measure import measure_experiments, read_counts, read_lift
from measurement.page import lift_page
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
    "Variants",
    "draw_lift",
    "lift_page",
    "measure_experiments",
    "read_counts",
    "read_lift",
]
