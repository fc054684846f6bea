"""Judge two persons by all of their records, not by the two that happen to be most alike.

What identifiers join is a *part* of a person. Of six pairs of records between two parts one may
look like one person by chance, and whoever goes by the likeliest is misled the more often the more
records there are: father and son, each with a few records, are one person by the best of their
pairs. So two parts agree as their pairs do on average, in log odds; a pair that no key brought to
comparison counts as undecided, and one of a record without a name says nothing against them. A link joins its two parts only where they agree as well.
Where links join three parts or more, and not each with each, ``assemble`` says which of them are one.

Source: average linkage, Sokal & Michener (1958), "A statistical method for evaluating systematic
relationships"; the mean of log odds as a pool of opinions: Genest & Zidek (1986), "Combining
Probability Distributions", sec. 3.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import pyarrow as pa

from identity.assemble import Likenesses, assemble
from identity.cluster import Bools, Edges, connect
from identity.collect import LINKS, PLACES
from identity.match import DETERMINISTIC
from identity.prepare import RECORDS
from identity.rivals import RIVALLED, find_rivalled
from identity.weigh import JUDGED, Joined
from warehouse import Warehouse

# Per pair of different parts that may be one person's: left_record, right_record, probability, one
# and other (the parts), agreement (of the parts), pairs (of records that they would join).
AGREED = "identity_agreed_pairs"
# Records that identifiers join with others: record, part, size.
PARTS = "identity_parts"
# How many of the pairs below are right all the same.
MISSED = "identity_missed_pairs"
_SETTLED = "identity_settled_pairs"
_KNOWN = "identity_pairs_of_identifiers"
# Parts of which links leave open who is one person: part, number in the order of seniority.
_OPEN = "identity_open_parts"
# No pair says more than that it is one of ten thousand.
_SUREST = 1e-4
_NOT_ONCE: Mapping[str, float] = MappingProxyType({})


def weigh_parts(warehouse: Warehouse, *, lowest: float, most: int) -> None:
    """Fill the temporary table of agreements between what identifiers join.

    Args:
        warehouse: Holds the judged pairs, the deterministic links and the levels.
        lowest: Parts with no pair of this probability are left out.
        most: Records that one person may have; what identifiers join beyond them is taken apart.
    """
    links = f"(select left_record as one, right_record as other from {DETERMINISTIC})"
    likely = f"(select left_record, right_record from {JUDGED} where probability >= {lowest!r})"
    weigh_joined(warehouse, links, likely=likely, into=AGREED)
    warehouse.execute(f"create or replace temp table {_KNOWN} as {_KNOWN_SQL.format(most=most)}")
    warehouse.execute(f"create or replace temp table {MISSED} as {_MISSED_SQL}")


def weigh_joined(warehouse: Warehouse, links: str, *, likely: str, into: str) -> None:
    """Fill a temporary table of agreements between what links join.

    Args:
        warehouse: Holds the judged pairs.
        links: Relation of the links: one, other (nodes; those that are no records only join).
        likely: Relation of pairs (left_record, right_record): parts with none of them are left out.
        into: The table, as ``AGREED``.
    """
    rows = warehouse.read(f"select one, other from {links}")
    ends = [rows.column(name).to_numpy() for name in ("one", "other")]
    nodes, places = np.unique(np.concatenate(ends), return_inverse=True)
    left, right = places[: len(rows)], places[len(rows) :]
    firsts = connect(Edges(left, right, np.ones(len(rows))), nodes=len(nodes))
    parts = pa.table({"record": nodes, "part": nodes[firsts]})
    with warehouse.view("identity_arriving_parts", parts):
        warehouse.execute(f"create or replace temp table {PARTS} as {_PARTS_SQL}")
    warehouse.execute(f"create or replace temp table {into} as {_AGREED_SQL.format(likely=likely)}")


def find_doubted(
    warehouse: Warehouse, *, threshold: float, once: Mapping[str, float] = _NOT_ONCE
) -> Bools:
    """Return per link, in order, whether other records speak against it.

    Those of its own two parts, or those of the parts that other links bring to them.

    Args:
        warehouse: Holds the placed links and the judged pairs.
        threshold: Parts that agree less are not joined by likeness.
        once: Bits that count against two records of a source because it has persons once.
    """
    links = (
        f"(select left_node as one, right_node as other from {LINKS} where kind <> 'probabilistic')"
    )
    likely = (
        "(select left_node as left_record, right_node as right_record "
        f"from {LINKS} where kind = 'probabilistic')"
    )
    weigh_joined(warehouse, links, likely=likely, into=_SETTLED)
    _part_chains(warehouse, threshold=threshold, once=once)
    rows = warehouse.read(_DOUBTED_SQL, {"threshold": threshold})
    is_doubted = np.zeros(int(warehouse.scalar(f"select count(*) from {LINKS}")), dtype=np.bool_)
    is_doubted[rows.column("link").to_numpy()] = True
    return is_doubted


def _part_chains(warehouse: Warehouse, *, threshold: float, once: Mapping[str, float]) -> None:
    """Fill the temporary table of groups of the parts that links leave open: part, found."""
    _find_open(warehouse, threshold=threshold)
    warehouse.execute(f"create or replace temp table {_HELD} as {_HELD_SQL}")
    parts = warehouse.read(
        f"select number, bool_or(is_named) as is_named from {_HELD} group by number order by number"
    )
    warehouse.execute(
        f"create or replace temp table {_ALIKE} as {_LIKENESSES_SQL}", {"threshold": threshold}
    )
    find_rivalled(warehouse, _HELD, _ALIKE, threshold=threshold, once=once)
    pairs = warehouse.read(_UNRIVALLED_SQL)
    found = assemble(
        Likenesses(
            pairs.column("one").to_numpy(),
            pairs.column("other").to_numpy(),
            pairs.column("log_odds").to_numpy(),
            pairs.column("may_join").to_numpy(zero_copy_only=False),
        ),
        is_named=parts.column("is_named").to_numpy(zero_copy_only=False),
        bar=_millionths(threshold),
        unlike=_millionths(0.0),
    )
    rows = pa.table({"number": np.arange(len(found)), "found": found})
    with warehouse.view("identity_arriving_groups", rows):
        warehouse.execute(
            f"create or replace temp table {_GROUPED} as "
            f"select part, found from {_OPEN} join identity_arriving_groups using (number)"
        )


def _find_open(warehouse: Warehouse, *, threshold: float) -> None:
    """Fill the temporary table of the parts that links join, though not each with each."""
    rows = warehouse.read(
        f"select distinct one, other from {_SETTLED} where agreement >= $threshold",
        {"threshold": threshold},
    )
    ends = [rows.column(name).to_numpy() for name in ("one", "other")]
    parts, places = np.unique(np.concatenate(ends), return_inverse=True)
    left, right = places[: len(rows)], places[len(rows) :]
    firsts = connect(Edges(left, right, np.ones(len(rows))), nodes=len(parts))
    sizes = np.bincount(firsts, minlength=len(parts))
    links = np.bincount(firsts[left], minlength=len(parts))
    is_open = (links < sizes * (sizes - 1) // 2)[firsts]
    arriving = pa.table({"part": parts[is_open], "component": parts[firsts[is_open]]})
    with warehouse.view("identity_arriving_parts", arriving):
        warehouse.execute(f"create or replace temp table {_OPEN} as {_OPEN_SQL}")


def _millionths(probability: float) -> int:
    """Log odds of a probability, no surer than a pair can be."""
    bounded = min(max(probability, _SUREST), 1 - _SUREST)
    return math.floor(1e6 * math.log(bounded / (1 - bounded)))


def read_joined(warehouse: Warehouse) -> Joined:
    """Count what identifiers join; after ``weigh_parts``."""
    row = warehouse.read(f"select * from {_KNOWN}").to_pylist()[0]
    return Joined(row["pairs"], row["right_pairs"])


# Counted once per part: a window over the records of one part takes time that grows with their square.
_PARTS_SQL = f"""
    with held as materialized (
        select record, part, first_name is not null and last_name is not null as is_named
        from identity_arriving_parts join {RECORDS} using (record)
    ),
    sizes as (
        select part, count(*) as size, count(*) filter (is_named) as named from held group by part
    )
    select record, part, size, named from held join sizes using (part)
"""
# Whole millionths, for sums of fractions depend on their order.
_LOG_ODDS = (
    f"(1e6 * ln(least(greatest(probability, {_SUREST}), 1 - {_SUREST}) "
    f"/ (1 - least(greatest(probability, {_SUREST}), 1 - {_SUREST}))))::bigint"
)
# Of all pairs few are between parts that may be one person's: the others are neither placed nor summed.
_AGREED_SQL = f"""
    with likely as materialized (
        select distinct least(mine, theirs) as one, greatest(mine, theirs) as other
        from (
            select coalesce(mine.part, left_record) as mine, coalesce(theirs.part, right_record) as theirs
            from {{likely}}
            left join {PARTS} as mine on mine.record = left_record
            left join {PARTS} as theirs on theirs.record = right_record
        )
        where mine <> theirs
    ),
    -- Who is in no part is one by itself, of its own number.
    held as materialized (
        select part, coalesce(record, part) as record, coalesce(size, 1) as size,
            coalesce(named, 1) as named
        from (select one as part from likely union select other from likely)
        left join {PARTS} using (part)
    ),
    placed as (
        select left_record, right_record, probability, least(mine.part, theirs.part) as one,
            greatest(mine.part, theirs.part) as other, mine.size * theirs.size as pairs,
            greatest(mine.named * theirs.named, 1) as named_pairs,
            case when is_named then {_LOG_ODDS} else greatest({_LOG_ODDS}, 0) end as log_odds
        from {JUDGED}
        join held as mine on mine.record = left_record
        join held as theirs on theirs.record = right_record
    )
    select left_record, right_record, probability, one, other, pairs,
        1 / (1 + exp(-sum(log_odds) over (partition by one, other) / 1e6 / named_pairs))
            as agreement
    from placed semi join likely using (one, other)
"""
_HELD, _GROUPED = "identity_open_records", "identity_grouped_parts"
_ALIKE = "identity_alike_parts"
_OPEN_SQL = f"""
    select part, component, row_number() over (order by min(place)) - 1 as number
    from identity_arriving_parts left join {PARTS} using (part)
    join {PLACES} on node = coalesce(record, part)
    group by part, component
"""
_HELD_SQL = f"""
    select number, component, coalesce(held.record, part) as record, coalesce(named, 1) as named,
        source, first_name is not null or last_name is not null as is_named
    from {_OPEN} left join {PARTS} as held using (part)
    join {RECORDS} as records on records.record = coalesce(held.record, part)
"""
_LIKENESSES_SQL = f"""
    with joined as (
        select one.number as one, other.number as other
        from (select distinct one, other from {_SETTLED} where agreement >= $threshold) as settled
        join {_OPEN} as one on one.part = settled.one
        join {_OPEN} as other on other.part = settled.other
    ),
    compared as (
        select least(mine.number, theirs.number) as one, greatest(mine.number, theirs.number) as other,
            greatest(any_value(mine.named * theirs.named), 1) as named_pairs,
            sum(case when judged.is_named then {_LOG_ODDS} else greatest({_LOG_ODDS}, 0) end) as log_odds
        from {JUDGED} as judged
        join {_HELD} as mine on mine.record = left_record
        join {_HELD} as theirs on theirs.record = right_record and theirs.component = mine.component
        where mine.number <> theirs.number
        group by all
    )
    select compared.one, compared.other, (log_odds / named_pairs)::bigint as log_odds,
        joined.one is not null as may_join
    from compared left join joined on compared.one = least(joined.one, joined.other)
        and compared.other = greatest(joined.one, joined.other)
"""
_UNRIVALLED_SQL = f"""
    select one, other, log_odds, may_join and rivalled.one is null as may_join
    from {_ALIKE} left join {RIVALLED} as rivalled using (one, other)
    order by one, other
"""
_DOUBTED_SQL = f"""
    select link from {LINKS} join {_SETTLED} as settled
    on left_record = left_node and right_record = right_node
    left join {_GROUPED} as mine on mine.part = one
    left join {_GROUPED} as theirs on theirs.part = other
    where kind = 'probabilistic'
        and (agreement < $threshold or coalesce(mine.found <> theirs.found, false))
"""
# All pairs but those within a part and those that were found, in whole millionths.
_MISSED_SQL = f"""
    select (
        (select coalesce(sum((1e6 * probability)::bigint), 0) from {JUDGED})
        - (
            select coalesce(sum((1e6 * probability)::bigint), 0) from {JUDGED}
            join {PARTS} as mine on mine.record = left_record
            join {PARTS} as theirs on theirs.record = right_record and theirs.part = mine.part
        )
        - (select coalesce(sum((1e6 * probability)::bigint), 0) from {AGREED})
    ) / 1e6 as missed
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
