"""Leave a link undecided where its record is as well like somebody else, and can be of one only.

A record without a birth date is like the father and like the son, whose own birth dates tell them
apart. Each pair by itself is likely, but the two are rivals for the record: that it is of the one
and that it is of the other cannot both be likelier than not. Beside its strongest rival a pair has
the probability o / (1 + o + r), o its odds and r the rival's. Where the record has a birth date and
is like both all the same, one of theirs is likelier a slip; and whom no key brought to comparison,
nothing tells apart.

Two records of one source are rivals too where all that they hold likens them and only that the
source has nobody twice tells them apart: two namesakes of whom it has each once. A record of
another source is as like the one as the other. With the probability q that the two are one person
all the same, a link has q + (1 - q) * o / (1 + o + r).

Source: the likelihood of a record's links that exclude each other: Sadinle (2017), "Bayesian
Estimation of Bipartite Matchings for Record Linkage", sec. 3.
"""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from identity.compare import COMPARED
from identity.model import DIFFERENT
from identity.prepare import RECORDS
from identity.weigh import JUDGED
from warehouse import Warehouse

# Linked parts that a rival leaves open: one < other, their numbers.
RIVALLED = "identity_rivalled_parts"
# Parts without a birth date, each with two that it is linked to and that are not linked themselves.
_COURTING = "identity_courting_parts"
_APART = "identity_parts_told_apart"
# Parts that are two namesakes of one source, and the probability that they are one person all the same.
_NAMESAKES = "identity_namesake_parts"


def find_rivalled(
    warehouse: Warehouse, held: str, alike: str, *, threshold: float, once: Mapping[str, float]
) -> None:
    """Fill the temporary table of linked parts whose probability beside a rival is too low.

    Args:
        warehouse: Holds the levels and probabilities of all compared pairs.
        held: Table of the records of the parts: number, component, record, source.
        alike: Table of compared parts: one < other, log_odds in millionths, may_join.
        threshold: The least probability of a link.
        once: Bits that count against two records of a source because it has persons once.
    """
    sources = pa.table(
        {
            "source": pa.array(once.keys(), pa.string()),
            "bits": pa.array(once.values(), pa.float64()),
        }
    )
    with warehouse.view("identity_arriving_sources", sources):
        warehouse.execute(
            f"create or replace temp table {_NAMESAKES} as "
            f"{_NAMESAKES_SQL.format(held=held, alike=alike)}",
            {"threshold": min(threshold, _SUREST)},
        )
    warehouse.execute(
        f"create or replace temp table {_COURTING} as {_COURTING_SQL.format(held=held, alike=alike)}"
    )
    warehouse.execute(f"create or replace temp table {_APART} as {_APART_SQL.format(held=held)}")
    warehouse.execute(
        f"create or replace temp table {RIVALLED} as {_RIVALLED_SQL.format(alike=alike)}",
        {"threshold": threshold},
    )


# Probabilities beyond which no two are surely one person, or surely two: their log odds are finite.
_SUREST, _LEAST = 1 - 1e-9, 1e-12
_NAMESAKES_SQL = f"""
    with told as (
        select least(mine.number, theirs.number) as one, greatest(mine.number, theirs.number) as other,
            max(probability) as same
        from {JUDGED}
        join {{held}} as mine on mine.record = left_record
        join {{held}} as theirs on theirs.record = right_record
            and theirs.component = mine.component and theirs.source = mine.source
        join identity_arriving_sources as sources on sources.source = mine.source
        where mine.number <> theirs.number and probability < $threshold
            and ln(greatest(probability, {_LEAST}) / (1 - probability)) + bits * ln(2) >= 0
        group by all
    )
    select * from told semi join (select one, other from {{alike}} where not may_join)
    using (one, other)
"""
_COURTING_SQL = f"""
    with lacking as (
        select number from {{held}} join {RECORDS} using (record)
        group by number having count(birth_date) = 0
    ),
    linked as (
        select one, other, exp(log_odds / 1e6) as odds from {{alike}} where may_join
    ),
    courted as (
        select one as number, other as courted, odds from linked semi join lacking on number = one
        union all
        select other, one, odds from linked semi join lacking on number = other
    )
    select mine.number, mine.courted as one, mine.odds as odds, theirs.courted as other,
        theirs.odds as other_odds
    from courted as mine
    join courted as theirs on theirs.number = mine.number and theirs.courted > mine.courted
    semi join (select one, other from {{alike}} where not may_join) as unlike
        on unlike.one = mine.courted and unlike.other = theirs.courted
"""
_APART_SQL = f"""
    with wanted as (select distinct one, other from {_COURTING}),
    held as materialized (
        select number, record from {{held}}
        where number in (select one from wanted union all select other from wanted)
    )
    select least(mine.number, theirs.number) as one, greatest(mine.number, theirs.number) as other
    from {COMPARED}
    join held as mine on mine.record = left_record
    join held as theirs on theirs.record = right_record
    where mine.number <> theirs.number
    group by all having max(birth_date) = {DIFFERENT}
"""
_RIVALLED_SQL = f"""
    with linked as (
        select one as number, other as courted, exp(log_odds / 1e6) as odds
        from {{alike}} where may_join
        union all select other, one, exp(log_odds / 1e6) from {{alike}} where may_join
    ),
    rivals as (
        select number, one, odds, other, other_odds, 0.0 as same
        from {_COURTING} semi join {_APART} using (one, other)
        union all
        select mine.number, one, mine.odds, other, theirs.odds, same
        from {_NAMESAKES} join linked as mine on mine.courted = one
        join linked as theirs on theirs.courted = other and theirs.number = mine.number
    )
    select distinct least(number, courted) as one, greatest(number, courted) as other
    from (
        select number, one as courted, odds, other_odds as rival, same from rivals
        union all select number, other, other_odds, odds, same from rivals
    )
    where same + (1 - same) * odds / (1 + odds + rival) < $threshold
"""
