"""Honest measurement: assignment, exposures, outcomes, lift."""

from __future__ import annotations

from measurement.assignment import BUCKETS, bucket
from measurement.beside import Beside, KnownEffect, read_beside
from measurement.breadth import (
    BreadthFinding,
    ReadersOfContent,
    compare_gini,
    compare_means,
    gini,
)
from measurement.config import (
    GLOBAL_SEGMENT,
    HELD_OUT,
    Experiment,
    ExperimentsConfig,
    Guard,
    Holdout,
    Metric,
    Segment,
    Variants,
)
from measurement.errors import (
    InvalidExperimentError,
    InvalidSharesError,
    MeasurementError,
    UnknownExperimentError,
)
from measurement.exposures import explain_unmet, standing_segments
from measurement.lift import FEWEST_TOLD, Counts, Interval, give_away
from measurement.measure import (
    count_table,
    measure_experiments,
    read_arms,
    read_counts,
    read_lift,
    read_samples,
)
from measurement.off_policy import LoggedDecisions, PolicyValue, expect_rewards, judge_policy
from measurement.page import lift_page
from measurement.pictures import draw_lift
from measurement.report import (
    WRONG_SIZES,
    WRONG_SIZES_HERE,
    ComparisonReport,
    Finding,
    LiftReport,
    in_words,
)
from measurement.samples import FEWEST_UNITS, Sample, design_effect, sample_of
from measurement.segments import unfit_segments
from measurement.withheld import WithheldArm, in_percent

__all__ = [
    "BUCKETS",
    "FEWEST_TOLD",
    "FEWEST_UNITS",
    "GLOBAL_SEGMENT",
    "HELD_OUT",
    "WRONG_SIZES",
    "WRONG_SIZES_HERE",
    "Beside",
    "BreadthFinding",
    "ComparisonReport",
    "Counts",
    "Experiment",
    "ExperimentsConfig",
    "Finding",
    "Guard",
    "Holdout",
    "Interval",
    "InvalidExperimentError",
    "InvalidSharesError",
    "KnownEffect",
    "LiftReport",
    "LoggedDecisions",
    "MeasurementError",
    "Metric",
    "PolicyValue",
    "ReadersOfContent",
    "Sample",
    "Segment",
    "UnknownExperimentError",
    "Variants",
    "WithheldArm",
    "bucket",
    "compare_gini",
    "compare_means",
    "count_table",
    "design_effect",
    "draw_lift",
    "expect_rewards",
    "explain_unmet",
    "gini",
    "give_away",
    "in_percent",
    "in_words",
    "judge_policy",
    "lift_page",
    "measure_experiments",
    "read_arms",
    "read_beside",
    "read_counts",
    "read_lift",
    "read_samples",
    "sample_of",
    "standing_segments",
    "unfit_segments",
]
