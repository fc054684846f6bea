"""Show what a threshold costs and brings: precision and recall of all pairs of records.

Expected figures follow from the model's own probabilities: the mean of those of the pairs that are
made one person's is the share of them that is right, their sum over the sum of all is the share of
what there is to find. Measured figures count the same pairs by a truth.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from identity.agree import AGREED, MISSED, PARTS, read_joined
from identity.decide import DECISIONS
from identity.nodes import NODES
from identity.train import Floats
from identity.truth import TRUTH_RECORDS
from identity.weigh import JUDGED, Joined
from warehouse import Warehouse

# Lower edges of the bins in which probabilities are counted.
_BINS = 100


@dataclass(frozen=True, slots=True)
class ThresholdCurve:
    """Precision and recall of the pairs of one person, by identifiers and from each threshold on.

    Attributes:
        thresholds: Probabilities, falling, n of them.
        precision: Share of the pairs that are right, n; not a number where there is none.
        recall: Share of the right pairs that are found, n; expected ones only as far as they were
            compared.
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
    if not warehouse.scalar(f"select count(*) from {JUDGED}"):
        return None
    rows = warehouse.read(_binned("agreement * pairs", _PARTS_SQL))
    missed = float(warehouse.scalar(f"select missed from {MISSED}"))
    return _curve(rows, read_joined(warehouse), missed=missed)


def measured_curve(warehouse: Warehouse) -> ThresholdCurve | None:
    """What the truth says of the pairs whose records it knows; inside ``judging``."""
    if not warehouse.scalar(f"select count(*) from {JUDGED}"):
        return None
    warehouse.execute(f"create or replace temp table {_SHARES} as {_SHARES_SQL}")
    joined = warehouse.read(_TRUE_JOINED_SQL).to_pylist()[0]
    rows = warehouse.read(_binned("right_pairs", f"({_TRUE_SQL})"))
    found = Joined(joined["pairs"], joined["right_pairs"])
    right = found.right + sum(rows.column("right_pairs").to_pylist())
    return _curve(rows, found, missed=joined["true_pairs"] - right)


def expected_at(warehouse: Warehouse, threshold: float) -> tuple[float, float] | None:
    """Expected precision and recall at exactly that threshold; None where nothing is linked."""
    joined = read_joined(warehouse)
    row = warehouse.read(
        f"""
        select coalesce(sum(pairs) filter (agreement >= $threshold), 0)::double as pairs,
            coalesce(sum(agreement * pairs) filter (agreement >= $threshold), 0) as right_pairs,
            coalesce(sum(agreement * pairs), 0) + (select missed from {MISSED}) as findable
        from {_PARTS_SQL}
        """,
        {"threshold": threshold},
    ).to_pylist()[0]
    pairs, right = row["pairs"] + joined.pairs, row["right_pairs"] + joined.right
    return (right / pairs, right / (row["findable"] + joined.right)) if pairs else None


def _binned(right: str, parts: str) -> str:
    return f"""
        select least(floor(agreement * {_BINS}), {_BINS - 1})::bigint as bin,
            sum(pairs)::double as pairs, sum({right})::double as right_pairs
        from {parts} group by bin order by bin desc
    """


def _curve(rows: pa.Table, joined: Joined, *, missed: float) -> ThresholdCurve | None:
    found = rows.column("right_pairs").to_numpy()
    findable = found.sum() + joined.right + missed
    if not findable:
        return None
    pairs, right = np.zeros(_BINS), np.zeros(_BINS)
    places = _BINS - 1 - rows.column("bin").to_numpy()
    pairs[places], right[places] = rows.column("pairs").to_numpy(), found
    pairs, right = joined.pairs + np.cumsum(pairs), joined.right + np.cumsum(right)
    precision = np.divide(right, pairs, out=np.full(_BINS, np.nan), where=pairs > 0)
    return ThresholdCurve(np.arange(_BINS)[::-1] / _BINS, precision, right / findable)


# Parts with a decision between them are not for the threshold to join.
_PARTS_SQL = f"""
    (
        select distinct one, other, agreement, pairs from {AGREED}
        where (one, other) not in (
            select (one, other) from {AGREED}
            join {DECISIONS} on left_node = left_record and right_node = right_record
        )
    )
"""
# How many records of each true person a part has.
_SHARES = "identity_true_shares"
_SHARES_SQL = f"""
    select coalesce(part, node) as part, true_id, count(*) as records
    from {TRUTH_RECORDS} join {NODES} using (source, source_record_id)
    left join {PARTS} on record = node
    group by all
"""
_TRUE_JOINED_SQL = f"""
    select coalesce(sum(right_pairs), 0)::double as right_pairs,
        coalesce(sum(records * (records - 1) / 2), 0)::double as pairs,
        (
            select coalesce(sum(records * (records - 1) / 2), 0)::double
            from (select count(*) as records from {TRUTH_RECORDS} group by true_id)
        ) as true_pairs
    from (
        select sum(records) as records, sum(records * (records - 1) / 2) as right_pairs
        from {_SHARES} group by part
    )
"""
_TRUE_SQL = f"""
    with sizes as (select part, sum(records) as records from {_SHARES} group by part),
    shared as (
        select parts.one, parts.other, sum(mine.records * theirs.records) as right_pairs
        from {_PARTS_SQL} as parts
        join {_SHARES} as mine on mine.part = parts.one
        join {_SHARES} as theirs on theirs.part = parts.other and theirs.true_id = mine.true_id
        group by parts.one, parts.other
    )
    select agreement, mine.records * theirs.records as pairs,
        coalesce(right_pairs, 0) as right_pairs
    from {_PARTS_SQL} as parts
    join sizes as mine on mine.part = parts.one join sizes as theirs on theirs.part = parts.other
    left join shared using (one, other)
"""
