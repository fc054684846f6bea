"""Judge two persons by all of their records, not by the two that happen to be most alike.

What identifiers join is a *part* of a person. Of six pairs of records between two parts one may
look like one person by chance, and whoever goes by the likeliest is misled the more often the more
records there are: father and son, each with a few records, are one person by the best of their
pairs. So two parts agree as their pairs do on average, in log odds; a pair that no key brought to
comparison counts as undecided, and one of a record without a name says nothing against them. A link joins its two parts only where they agree as well.

Source: average linkage, Sokal & Michener (1958), "A statistical method for evaluating systematic
relationships"; the mean of log odds as a pool of opinions: Genest & Zidek (1986), "Combining
Probability Distributions", sec. 3.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from identity.cluster import Edges, connect
from identity.collect import LINKS
from identity.match import DETERMINISTIC
from identity.prepare import RECORDS
from identity.weigh import JUDGED, Joined
from warehouse import Warehouse

Bools = npt.NDArray[np.bool_]

# Per pair of different parts that may be one person's: left_record, right_record, probability, one
# and other (the parts), agreement (of the parts), pairs (of records that they would join).
AGREED = "identity_agreed_pairs"
# Records that identifiers join with others: record, part, size.
PARTS = "identity_parts"
# How many of the pairs below are right all the same.
MISSED = "identity_missed_pairs"
_SETTLED = "identity_settled_pairs"
_KNOWN = "identity_pairs_of_identifiers"
# No pair says more than that it is one of ten thousand.
_SUREST = 1e-4


def weigh_parts(warehouse: Warehouse, *, lowest: float, most: int) -> None:
    """Fill the temporary table of agreements between what identifiers join.

    Args:
        warehouse: Holds the judged pairs, the deterministic links and the levels.
        lowest: Parts with no pair of this probability are left out.
        most: Records that one person may have; what identifiers join beyond them is taken apart.
    """
    links = f"(select left_record as one, right_record as other from {DETERMINISTIC})"
    weigh_joined(warehouse, links, lowest=lowest, into=AGREED)
    warehouse.execute(f"create or replace temp table {_KNOWN} as {_KNOWN_SQL.format(most=most)}")
    warehouse.execute(f"create or replace temp table {MISSED} as {_MISSED_SQL}")


def weigh_joined(warehouse: Warehouse, links: str, *, lowest: float, into: str) -> None:
    """Fill a temporary table of agreements between what links join.

    Args:
        warehouse: Holds the judged pairs.
        links: Relation of the links: one, other (nodes; those that are no records only join).
        lowest: Parts with no pair of this probability are left out.
        into: The table, as ``AGREED``.
    """
    rows = warehouse.read(f"select one, other from {links}")
    ends = [rows.column(name).to_numpy() for name in ("one", "other")]
    nodes, places = np.unique(np.concatenate(ends), return_inverse=True)
    left, right = places[: len(rows)], places[len(rows) :]
    firsts = connect(Edges(left, right, np.ones(len(rows))), nodes=len(nodes))
    parts = pa.table({"record": nodes, "part": nodes[firsts]})
    with warehouse.view("identity_arriving_parts", parts):
        warehouse.execute(
            f"create or replace temp table {PARTS} as "
            "select record, part, count(*) over (partition by part) as size, count(*) filter "
            "(first_name is not null and last_name is not null) over (partition by part) as named "
            f"from identity_arriving_parts join {RECORDS} using (record)"
        )
    warehouse.execute(f"create or replace temp table {into} as {_AGREED_SQL}", {"lowest": lowest})


def find_doubted(warehouse: Warehouse, *, threshold: float, lowest: float) -> Bools:
    """Return per link, in order, whether the other records of its two parts speak against it.

    Args:
        warehouse: Holds the placed links and the judged pairs.
        threshold: Parts that agree less are not joined by likeness.
        lowest: As in ``weigh_parts``.
    """
    links = (
        f"(select left_node as one, right_node as other from {LINKS} where kind <> 'probabilistic')"
    )
    weigh_joined(warehouse, links, lowest=lowest, into=_SETTLED)
    rows = warehouse.read(
        f"select link from {LINKS} join {_SETTLED} on left_record = left_node "
        "and right_record = right_node where kind = 'probabilistic' and agreement < $threshold",
        {"threshold": threshold},
    )
    is_doubted = np.zeros(int(warehouse.scalar(f"select count(*) from {LINKS}")), dtype=np.bool_)
    is_doubted[rows.column("link").to_numpy()] = True
    return is_doubted


def read_joined(warehouse: Warehouse) -> Joined:
    """Count what identifiers join; after ``weigh_parts``."""
    row = warehouse.read(f"select * from {_KNOWN}").to_pylist()[0]
    return Joined(row["pairs"], row["right_pairs"])


# Whole millionths, for sums of fractions depend on their order.
_LOG_ODDS = (
    f"(1e6 * ln(least(greatest(probability, {_SUREST}), 1 - {_SUREST}) "
    f"/ (1 - least(greatest(probability, {_SUREST}), 1 - {_SUREST}))))::bigint"
)
_AGREED_SQL = f"""
    with placed as (
        select left_record, right_record, probability, is_named,
            coalesce(mine.part, left_record) as mine, coalesce(theirs.part, right_record) as theirs,
            coalesce(mine.size, 1) * coalesce(theirs.size, 1) as pairs,
            greatest(coalesce(mine.named, 1) * coalesce(theirs.named, 1), 1) as named_pairs
        from {JUDGED}
        left join {PARTS} as mine on mine.record = left_record
        left join {PARTS} as theirs on theirs.record = right_record
        where probability >= $lowest or mine.part is not null or theirs.part is not null
    ),
    apart as (
        select left_record, right_record, probability, least(mine, theirs) as one,
            greatest(mine, theirs) as other, pairs, named_pairs,
            case when is_named then {_LOG_ODDS} else greatest({_LOG_ODDS}, 0) end as log_odds
        from placed where mine <> theirs
    ),
    agreeing as (
        select one, other,
            1 / (1 + exp(-sum(log_odds) / 1e6 / any_value(named_pairs))) as agreement
        from apart group by one, other having max(probability) >= $lowest
    )
    select left_record, right_record, probability, one, other, pairs, agreement
    from apart join agreeing using (one, other)
"""
_MISSED_SQL = f"""
    select coalesce(sum((1e6 * probability)::bigint), 0) / 1e6 as missed from {JUDGED}
    left join {PARTS} as mine on mine.record = left_record
    left join {PARTS} as theirs on theirs.record = right_record
    anti join {AGREED} using (left_record, right_record)
    where coalesce(mine.part, left_record) <> coalesce(theirs.part, right_record)
"""
# A record without a name has nothing to be judged by but the value that links it. Parts of which no
# pair can be judged are left out: neither right nor wrong, they make up for nothing.
_KNOWN_SQL = f"""
    with judged as (
        select part, avg((1e6 * probability)::bigint)::bigint as share
        from {DETERMINISTIC} join {JUDGED} using (left_record, right_record)
        join {PARTS} on record = left_record
        where is_named group by part
    ),
    joined as (
        select part, any_value(least(size, {{most}})) as size from {PARTS} group by part
    )
    select coalesce(sum(size * (size - 1) // 2), 0)::double as pairs,
        coalesce(sum(size * (size - 1) // 2 * share), 0) / 1e6 as right_pairs
    from joined join judged using (part)
"""
