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

from identity.agree import AGREED, read_joined
from identity.decide import DECISIONS, Origin
from identity.inventory import DECISIONS as DECISIONS_TABLE
from identity.train import Floats
from identity.weigh import Parting, choose_threshold
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
    """Choose the threshold over the parts of persons that it joins or leaves; see ``agree``.

    Parts with a decision between them are not for the threshold to join.

    Args:
        warehouse: Holds the agreements and the decisions.
        min_precision: Share of the pairs of records of one person that must be right.
        floor: Never link below this.
    """
    rows = warehouse.read(_REVIEWED_SQL)
    reviews = Reviews(
        rows.column("agreement").to_numpy(), rows.column("is_right").to_numpy(zero_copy_only=False)
    )
    undecided = warehouse.read(_UNDECIDED_SQL)
    agreement = undecided.column("agreement").to_numpy()
    parts = Parting(
        agreement, expected_right(agreement, reviews), undecided.column("pairs").to_numpy()
    )
    return choose_threshold(parts, read_joined(warehouse), min_precision=min_precision, floor=floor)


def reviewed_until(warehouse: Warehouse) -> datetime | None:
    """When the last review was answered or revoked; None before the first."""
    latest: datetime | None = warehouse.scalar(
        f"select max(greatest(decided_at, coalesce(revoked_at, decided_at))) "
        f"from {DECISIONS_TABLE.name.sql} where origin = '{Origin.REVIEW}'"
    )
    return latest


_REVIEWED_SQL = f"""
    select agreement, decision = 'must_link' as is_right
    from {AGREED}
    join {DECISIONS} on left_node = left_record and right_node = right_record
    where is_reviewed order by all
"""
_UNDECIDED_SQL = f"""
    with decided as (
        select distinct one, other from {AGREED}
        join {DECISIONS} on left_node = left_record and right_node = right_record
    )
    select agreement, pairs from (select distinct one, other, agreement, pairs::double as pairs from {AGREED})
    anti join decided using (one, other)
    order by agreement, pairs
"""


def _band(probabilities: Floats) -> npt.NDArray[np.int64]:
    return np.minimum((probabilities * _BANDS).astype(np.int64), _BANDS - 1)
