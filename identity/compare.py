"""Say for every candidate pair how its fields agree, as small level numbers.

The same levels that Splink weighs, computed once, so that rules, training and review read them
without Splink, and companies too small for a model are served by rules alone.
"""

from __future__ import annotations

from identity.block import PAIRS
from identity.model import COMPARISONS, Comparison
from identity.prepare import RECORDS
from warehouse import Warehouse

COMPARED = "identity_compared"

_COMPARED_COLUMNS = (
    "first_name", "first_name_count", "given_name", "initial", "middle_name", "last_name", "birth_date", "email",
    "mailbox", "mailbox_names_owner", "phone", "house_number", "street", "city", "postal_code",
    "company", "email_is_shared", "phone_is_shared",
)  # fmt: skip


def compare_pairs(warehouse: Warehouse) -> None:
    """Fill the temporary table of levels: one row per candidate pair, one column per field.

    -1 is unknown, 0 is different, higher is closer; the numbers are those of ``model.level``.
    """
    sides = ", ".join(
        f"{side}.{column} as {column}_{suffix}"
        for column in _COMPARED_COLUMNS
        for side, suffix in (("left_side", "l"), ("right_side", "r"))
    )
    levels = ", ".join(f"{level_case(item)} as {item.name}" for item in COMPARISONS)
    warehouse.execute(
        f"""
        create or replace temp table {COMPARED} as
        with pairs as (
            select left_record, right_record, {sides}
            from {PAIRS}
            join {RECORDS} as left_side on left_side.record = left_record
            join {RECORDS} as right_side on right_side.record = right_record
        )
        select left_record, right_record, {levels},
            mailbox_names_owner_l or mailbox_names_owner_r as is_personal_mailbox
        from pairs
        """
    )


def level_case(comparison: Comparison) -> str:
    """SQL of a pair's level in one field, over columns ``…_l`` and ``…_r``."""
    cases = "".join(
        f" when {level.sql} then {len(comparison.levels) - index}"
        for index, level in enumerate(comparison.levels)
    )
    return f"cast(case when {comparison.unknown} then -1{cases} else 0 end as tinyint)"
