"""Show what a threshold costs and brings: precision and recall of the pairs from it on.

Expected figures follow from the model's own probabilities: the mean probability of the pairs from
a threshold on is the share of them that is right, their sum over the sum of all is the share of
what there is to find. Measured figures count the same pairs by a truth.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from identity.nodes import NODES
from identity.train import Floats
from identity.truth import TRUTH_RECORDS
from identity.weigh import UNDECIDED_SQL
from warehouse import Warehouse

# Lower edges of the bins in which probabilities are counted.
_BINS = 100


@dataclass(frozen=True, slots=True)
class ThresholdCurve:
    """Precision and recall of the pairs that no identifier links, from each threshold on.

    Attributes:
        thresholds: Probabilities, falling, n of them.
        precision: Share of the pairs from there on that are right, n; not a number where none is.
        recall: Share of the right pairs among all compared ones that lie there, n.
    """

    thresholds: Floats
    precision: Floats
    recall: Floats

    def at(self, threshold: float) -> tuple[float, float] | None:
        """Precision and recall at the bin that holds a threshold; None where nothing is linked."""
        places = np.flatnonzero(self.thresholds <= threshold)
        if threshold > 1 or not len(places):
            return None
        place = places[0]
        return float(self.precision[place]), float(self.recall[place])


def expected_curve(warehouse: Warehouse) -> ThresholdCurve | None:
    """What the model expects; None where no pair was weighed."""
    return _curve(warehouse.read(_binned("probability", f"({UNDECIDED_SQL})")))


def measured_curve(warehouse: Warehouse) -> ThresholdCurve | None:
    """What the truth says of the pairs whose records it knows; inside ``judging``."""
    return _curve(warehouse.read(_binned("is_right::double", _TRUE_SQL)))


def expected_at(warehouse: Warehouse, threshold: float) -> tuple[float, float] | None:
    """Expected precision and recall at exactly that threshold; None where nothing is linked."""
    row = warehouse.read(
        f"""
        select avg(probability) filter (probability >= $threshold) as precision,
            sum(probability) filter (probability >= $threshold) / sum(probability) as recall
        from ({UNDECIDED_SQL})
        """,
        {"threshold": threshold},
    ).to_pylist()[0]
    return None if row["precision"] is None else (row["precision"], row["recall"])


def _binned(right: str, pairs: str) -> str:
    return f"""
        select least(floor(probability * {_BINS}), {_BINS - 1})::bigint as bin, count(*) as pairs,
            sum({right}) as right_pairs
        from {pairs} group by bin order by bin desc
    """


def _curve(rows: pa.Table) -> ThresholdCurve | None:
    found = rows.column("right_pairs").to_numpy()
    if not len(rows) or not found.sum():
        return None
    pairs, right = np.zeros(_BINS), np.zeros(_BINS)
    places = _BINS - 1 - rows.column("bin").to_numpy()
    pairs[places], right[places] = rows.column("pairs").to_numpy(), found
    pairs, right = np.cumsum(pairs), np.cumsum(right)
    precision = np.divide(right, pairs, out=np.full(_BINS, np.nan), where=pairs > 0)
    return ThresholdCurve(np.arange(_BINS)[::-1] / _BINS, precision, right / right[-1])


_TRUE_SQL = f"""
    (
        with nodes as (
            select node, true_id from {TRUTH_RECORDS} join {NODES} using (source, source_record_id)
        )
        select probability, one.true_id = other.true_id as is_right
        from ({UNDECIDED_SQL})
        join nodes as one on one.node = left_record
        join nodes as other on other.node = right_record
    )
"""
