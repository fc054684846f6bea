"""Let reviewed pairs say how right the model is where they were reviewed.

Reviewers answer for pairs of the review queue, the surest first: their answers are a sample of a
narrow band of probabilities, not of all pairs. So they speak for their own band only: where a band
of a tenth holds enough of them, what is expected of the band is the mean of a beta distribution
whose prior is the model's own account and whose data are the answers. All other bands keep the
model's account. Decisions of a split, a merge or by hand do not count here: they were looked for
because something was wrong.

Source: the beta-binomial model, Gelman et al. (2013), "Bayesian Data Analysis", ch. 2.4.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt

from identity.decide import DECISIONS, Origin
from identity.inventory import DECISIONS as DECISIONS_TABLE
from identity.match import DETERMINISTIC
from identity.train import Floats
from identity.weigh import JUDGED, choose_threshold
from warehouse import Warehouse

# With fewer answers the share that is right is known to no better than ten points or so.
LEAST_REVIEWS = 20
# What the model says weighs as much as ten answers.
_PRIOR_PAIRS = 10.0
_BANDS = 10


@dataclass(frozen=True, slots=True)
class Reviews:
    """Pairs that somebody answered for: the model's probability, and whether they are one person."""

    probabilities: Floats
    are_right: npt.NDArray[np.bool_]


def expected_right(probabilities: Floats, reviews: Reviews) -> Floats:
    """Return what share of pairs such as each of these is expected to be right.

    Args:
        probabilities: Of pairs, by the model.
        reviews: What was answered.
    """
    expected = probabilities.copy()
    bands, answered = _band(probabilities), _band(reviews.probabilities)
    for band in np.unique(answered).tolist():
        inside = answered == band
        if inside.sum() < LEAST_REVIEWS:
            continue
        prior = float(reviews.probabilities[inside].mean()) * _PRIOR_PAIRS
        right = float(reviews.are_right[inside].sum())
        expected[bands == band] = (prior + right) / (_PRIOR_PAIRS + float(inside.sum()))
    return expected


def judge_threshold(warehouse: Warehouse, *, min_precision: float, floor: float) -> float:
    """Choose the threshold over the pairs that it decides: no identifier's, nobody's decision.

    Args:
        warehouse: Holds the judged pairs and the decisions.
        min_precision: Share of links that must be right.
        floor: Never link below this.
    """
    rows = warehouse.read(_PAIRS_SQL)
    probabilities = np.asarray(rows.column("probability").to_numpy(), dtype=np.float64)
    decisions = np.asarray(rows.column("decision").to_pylist(), dtype=object)
    reviewed = rows.column("is_reviewed").to_numpy(zero_copy_only=False).astype(bool)
    reviews = Reviews(probabilities[reviewed], decisions[reviewed] == "must_link")
    undecided = probabilities[decisions == ""]
    return choose_threshold(
        undecided, expected_right(undecided, reviews), min_precision=min_precision, floor=floor
    )


def reviewed_until(warehouse: Warehouse) -> datetime | None:
    """When the last review was answered or revoked; None before the first."""
    latest: datetime | None = warehouse.scalar(
        f"select max(greatest(decided_at, coalesce(revoked_at, decided_at))) "
        f"from {DECISIONS_TABLE.name.sql} where origin = '{Origin.REVIEW}'"
    )
    return latest


_PAIRS_SQL = f"""
    select probability, coalesce(decision, '') as decision,
        coalesce(is_reviewed, false) as is_reviewed
    from {JUDGED}
    anti join {DETERMINISTIC} using (left_record, right_record)
    left join {DECISIONS} on left_node = left_record and right_node = right_record
    order by all
"""


def _band(probabilities: Floats) -> npt.NDArray[np.int64]:
    return np.minimum((probabilities * _BANDS).astype(np.int64), _BANDS - 1)
