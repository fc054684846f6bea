"""Say for every candidate pair how its fields agree, as small level numbers.

The same levels that Splink trains on, computed once: rules, training, weighing and review all read
them. Splink measures chance agreement and runs expectation maximisation; its scoring would compare
every pair a second time to arrive at sums of weights that follow from these levels.
"""

from __future__ import annotations

from identity.block import PAIRS
from identity.model import COMPARISONS, Comparison
from identity.prepare import RECORDS
from warehouse import Warehouse

COMPARED = "identity_compared"

COMPARED_COLUMNS = (
    "source", "first_name", "first_name_count", "given_name", "initial", "middle_name", "last_name", "last_name_count",
    "birth_date", "email",
    "mailbox", "local_part", "mailbox_digits", "mailbox_names_owner", "email_domain", "mailbox_is_free", "phone", "house_number", "street", "city", "postal_code",
    "company", "email_is_shared", "phone_is_shared", "first_name_rarity", "given_name_rarity",
    "last_name_rarity", "birth_date_rarity",
)  # fmt: skip


def compare_pairs(warehouse: Warehouse, *, records: str = RECORDS) -> None:
    """Fill the temporary table of levels: one row per candidate pair, one column per field.

    -1 is unknown, 0 is different, higher is closer; the numbers are those of ``model.level``.
    ``…_rarity`` holds the bits that a rare value adds to an agreement; see ``frequencies``.

    Args:
        warehouse: Holds the pairs.
        records: Table of the records that are compared.
    """
    warehouse.execute(f"create or replace temp table {COMPARED} as {_levels_sql(PAIRS, records)}")


def compare_more(warehouse: Warehouse, pairs: str) -> None:
    """Add the levels of further pairs.

    Args:
        warehouse: Holds the levels of the pairs before.
        pairs: Relation of left_record and right_record.
    """
    warehouse.execute(f"insert into {COMPARED} {_levels_sql(pairs, RECORDS)}")


def _levels_sql(pairs: str, records: str) -> str:
    sides = ", ".join(
        f"{side}.{column} as {column}_{suffix}"
        for column in COMPARED_COLUMNS
        for side, suffix in (("left_side", "l"), ("right_side", "r"))
    )
    levels = ", ".join(f"{level_case(item)} as {item.name}" for item in COMPARISONS)
    rarities = ", ".join(f"{_rarity(item)} as {item.name}_rarity" for item in COMPARISONS)
    return f"""
        with pairs as (
            select left_record, right_record, {sides}
            from {pairs}
            join {records} as left_side on left_side.record = left_record
            join {records} as right_side on right_side.record = right_record
        )
        select left_record, right_record, {levels}, {rarities},
            mailbox_names_owner_l or mailbox_names_owner_r as is_personal_mailbox,
            {sources_hash("source_l", "source_r")} as sources
        from pairs
    """


def sources_hash(one: str, other: str) -> str:
    """SQL of a number that stands for two sources in whatever order, or for one with itself."""
    return f"case when {one} = {other} then hash({one}) else xor(hash({one}), hash({other})) end"


def drop_levels(warehouse: Warehouse) -> None:
    """Free the memory of the levels, once all pairs have their probability."""
    warehouse.execute(f"drop table {COMPARED}")


def level_case(comparison: Comparison) -> str:
    """SQL of a pair's level in one field, over columns ``…_l`` and ``…_r``."""
    cases = "".join(
        f" when {level.sql} then {len(comparison.levels) - index}"
        for index, level in enumerate(comparison.levels)
    )
    return f"cast(case when {comparison.unknown} then -1{cases} else 0 end as tinyint)"


def _rarity(comparison: Comparison) -> str:
    """SQL of the bits that an agreement gains by a rare value, over columns ``…_l``."""
    size = len(comparison.levels)
    cases = "".join(
        f" when {size - index} then {item.frequency_of}_rarity_l"
        for index, item in enumerate(comparison.levels)
        if item.frequency_of
    )
    return f"cast(case {comparison.name}{cases} else 0 end as float)" if cases else "0::float"
