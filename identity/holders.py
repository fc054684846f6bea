"""Learn how often the records that hold one value are one person's, where their names tell.

A card with a telephone and nothing else is taken for whoever has that telephone. Whether it is theirs
cannot be seen of the card, but of records with names: of those that hold one telephone as many
show two people as there are families with one. Where each source holds a value once, they seldom
do. Where a source holds it twice, and its names differ then, that source has everybody once, so that
the value is of two people. So the share is learned apart for the values that a source holds twice,
and there for pairs of one source and of two. One person's names clash too, where they are misspelt or
stand in another order: in as many pairs as of records that hold an e-mail address and a telephone in
common. What agrees is divided by what agrees there.

Source: the share of a sample, with as many answers as a reviewed band needs; see ``calibrate``.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from identity.share import IDENTIFIERS
from warehouse import Warehouse

# Values that a source holds twice: identifier_type, identifier_value.
DOUBLED = "identity_doubled_values"
# As ``HeldShare``, in columns.
SHARES = "identity_held_shares"
# With fewer pairs the share is known to no better than ten points or so.
_LEAST_PAIRS = 20


@dataclass(frozen=True, slots=True)
class HeldShare:
    """Pairs of named records that hold one value.

    Attributes:
        identifier_type: Of the value: email or phone.
        is_doubled: Whether a source holds the value twice.
        is_within: Whether both records are of one source.
        share: How many of the pairs are one person's.
    """

    identifier_type: str
    is_doubled: bool
    is_within: bool
    share: float


def find_doubled(warehouse: Warehouse) -> None:
    """Fill the temporary table of the values that a source holds twice."""
    warehouse.execute(f"create or replace temp table {DOUBLED} as {_DOUBLED_SQL}")


def learn_shares(warehouse: Warehouse, pairs: str) -> tuple[HeldShare, ...]:
    """Measure the shares of all kinds of values of which enough pairs are named.

    Args:
        warehouse: Holds the pairs.
        pairs: Relation of identifier_type, is_doubled, is_within, holds_both, is_nameless and clash.
    """
    rows = warehouse.read(_SHARES_SQL.format(pairs=pairs))
    return tuple(HeldShare(**row) for row in rows.to_pylist())


def keep_shares(warehouse: Warehouse, shares: tuple[HeldShare, ...]) -> None:
    """Fill the temporary table of shares."""
    rows = pa.table(
        {name: [getattr(item, name) for item in shares] for name in _TYPES},
        pa.schema(list(_TYPES.items())),
    )
    with warehouse.view("identity_arriving_shares", rows):
        warehouse.execute(f"create or replace temp table {SHARES} as from identity_arriving_shares")


_TYPES = {
    "identifier_type": pa.string(),
    "is_doubled": pa.bool_(),
    "is_within": pa.bool_(),
    "share": pa.float64(),
}
_SHARES_SQL = f"""
    with named as (select * from {{pairs}} where not is_nameless),
    spelled as (
        select identifier_type, count(*) filter (not clash) / count(*) as agreeing
        from named where holds_both group by all having count(*) >= {_LEAST_PAIRS}
    ),
    shares as (
        select identifier_type, is_doubled, is_within,
            count(*) filter (not clash) / count(*) as agreeing
        from named group by all having count(*) >= {_LEAST_PAIRS}
    )
    select identifier_type, is_doubled, is_within,
        shares.agreeing / greatest(coalesce(spelled.agreeing, 1), shares.agreeing, 1e-9) as share
    from shares left join spelled using (identifier_type) order by all
"""
_DOUBLED_SQL = f"""
    select distinct identifier_type, identifier_value from (
        select identifier_type, identifier_value, record_source from {IDENTIFIERS}
        where not is_shared group by all having count(*) > 1
    )
"""
