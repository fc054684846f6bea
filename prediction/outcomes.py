"""Whether what was foretold came true: scores of a date whose horizon is over, against what people did.

A page says that the probabilities are surely wrong: those who did it are fewer than .8 or more
than 1.25 times as many as foretold, or the scores rank far worse than when the model was judged.
Both intervals know that the model itself was learnt from a limited number of people.

Sources: ratio of two Poisson counts by the F distribution, Przyborowski & Wilenski (1940); standard
error of an AUC, Hanley & McNeil (1982).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from prediction.config import PropensityConfig
from prediction.dataset import Flags, Floats
from prediction.drift import Kind, Movement, Status
from prediction.metrics import auc
from prediction.objecting import objecting_persons
from prediction.targets import target_values
from prediction.units import unit_of
from warehouse import Warehouse

ALLOWED = (0.8, 1.25)
# A page is sent on 99 % intervals; a label is a ticket at the same level against no change at all.
LEVEL = 0.01
# How much worse than when it was judged a model may rank before that is called a failure.
LOST_AUC = 0.05
# Below so many of a kind neither figure says anything.
FEWEST_OF_A_KIND = 10


@dataclass(frozen=True, slots=True)
class Matured:
    """Scores of one past date, and what the persons then did.

    Attributes:
        version: Who scored.
        scores: (n,), probabilities.
        outcomes: (n,), whether it was done within the horizon.
    """

    version: str
    scores: Floats
    outcomes: Flags


@dataclass(frozen=True, slots=True)
class Judged:
    """What a model was like when it was judged.

    Attributes:
        positives: Different persons it learnt from who did it.
        auc: At the later date.
        auc_error: Its standard error.
    """

    positives: int
    auc: float
    auc_error: float

    @classmethod
    def of(cls, metrics: Mapping[str, Any]) -> Judged:
        """From the metrics of a version."""
        interval = metrics["auc_interval"]
        error = (interval["high"] - interval["low"]) / (2 * 1.96)
        return cls(int(metrics["positives"]), float(metrics["auc"]), float(error))


def read_matured(
    warehouse: Warehouse, key: str, model: PropensityConfig, version: str, *, as_of: dt.datetime
) -> Matured | None:
    """The newest scores of a version whose horizon is over; None where there are none yet.

    Only of who has granted the purpose now: outcomes of others are not looked at.
    """
    ripe = as_of - dt.timedelta(days=model.gap_days + model.horizon_days)
    with objecting_persons(warehouse):
        rows = warehouse.read(
            unit_of(model).matured_sql(model),
            {
                "model_key": key, "version": version, "ripe": ripe, "as_of": as_of,
                "purpose": model.purpose, **target_values(model),
            },
        )  # fmt: skip
    if not len(rows):
        return None
    scores = rows["score"].to_numpy(zero_copy_only=False).astype(np.float64)
    outcomes = rows["outcome"].to_numpy(zero_copy_only=False).astype(np.bool_)
    return Matured(version, scores, outcomes)


def judge_outcomes(matured: Matured, judged: Judged) -> tuple[Movement, ...]:
    """Whether the probabilities came true, and whether they still rank."""
    return _labels(matured, judged), _ranking(matured, judged)


def ratio_of_counts(
    found: int, expected: float, learnt_from: int, level: float
) -> tuple[float, float]:
    """Interval of observed to expected, where what is expected comes from ``learnt_from`` cases."""
    scale = learnt_from / expected
    low = high = 0.0
    if found:
        at = stats.f.ppf(level / 2, 2 * found, 2 * (learnt_from + 1))
        low = float(found / (learnt_from + 1) * at)
    at = stats.f.ppf(1 - level / 2, 2 * (found + 1), 2 * learnt_from)
    high = float((found + 1) / learnt_from * at)
    return low * scale, high * scale


def auc_error(found: float, positives: int, negatives: int) -> float:
    """Standard error of an AUC."""
    both, either = found / (2 - found), 2 * found**2 / (1 + found)
    spread = (
        found * (1 - found)
        + (positives - 1) * (both - found**2)
        + (negatives - 1) * (either - found**2)
    )
    return float(np.sqrt(max(spread, 0.0) / (positives * negatives)))


def _labels(matured: Matured, judged: Judged) -> Movement:
    found, expected = int(matured.outcomes.sum()), float(matured.scores.sum())
    people = len(matured.scores)
    if expected < FEWEST_OF_A_KIND or judged.positives < FEWEST_OF_A_KIND:
        return _untested(Kind.LABELS, "observed_to_expected", people)
    low, high = ratio_of_counts(found, expected, judged.positives, LEVEL)
    # The same interval as a test: chance of a count as far off, learnt error included.
    share = expected / (expected + judged.positives)
    p_value = stats.binomtest(found, found + judged.positives, share).pvalue
    status = Status.MOVED if p_value < LEVEL else Status.STABLE
    if high < ALLOWED[0] or low > ALLOWED[1]:
        status = Status.FAILED
    return Movement(
        Kind.LABELS, "labels", "observed_to_expected", found / expected, low, high,
        np.nan, float(p_value), people, status,
    )  # fmt: skip


def _ranking(matured: Matured, judged: Judged) -> Movement:
    positives = int(matured.outcomes.sum())
    negatives, people = len(matured.outcomes) - positives, len(matured.scores)
    if min(positives, negatives) < FEWEST_OF_A_KIND:
        return _untested(Kind.RANKING, "auc", people)
    found = auc(matured.scores, matured.outcomes)
    own = auc_error(found, positives, negatives)
    error = float(np.hypot(own, judged.auc_error))
    lost = (judged.auc - found) / error
    surely = (judged.auc - found - LOST_AUC) / error > stats.norm.isf(LEVEL / 2)
    wide = stats.norm.isf(LEVEL / 2) * own
    return Movement(
        Kind.RANKING, "ranking", "auc", found, found - wide, found + wide,
        judged.auc - LOST_AUC, float(stats.norm.sf(lost)), people,
        Status.FAILED if surely else Status.STABLE,
    )  # fmt: skip


def _untested(kind: Kind, measure: str, people: int) -> Movement:
    none = np.nan
    return Movement(
        kind, str(kind), measure, none, none, none, none, none, people, Status.NOT_TESTED
    )
