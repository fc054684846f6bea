"""Look at what the current send of an e-mail block holds, before it goes out."""

from __future__ import annotations

from collections.abc import Collection

import pyarrow as pa

from personalization.errors import UnknownEmailBlockError
from personalization.inventory_email import EMAIL_BLOCKS
from warehouse import Warehouse

_CURRENT = f"""
    select * from {EMAIL_BLOCKS.name.sql} as sends
    where block = $block and send_date = (
        select max(send_date) from {EMAIL_BLOCKS.name.sql} where block = $block
    )
"""
_BY_ARM = """
    select arm, is_randomised as drawn, max(arm_probability) as share,
        count(distinct person_id) as persons,
        count(*) filter (where fallback_level = 'rule') as by_rule,
        count(*) filter (where fallback_level = 'block') as by_block,
        count(*) filter (where fallback_level in ('usual', 'popular')) as for_all,
        count(*) filter (where fallback_level = 'default') as defaults,
        count(*) filter (where is_discovery) as drawn_slots
    from ({current}) group by all order by persons desc, arm
"""
_BY_SLOT = """
    select arm, slot, content_id, count(*) as persons
    from ({current}) group by arm, slot, content_id
    qualify row_number() over (partition by arm, slot order by count(*) desc, content_id) <= 3
    order by arm, slot, persons desc, content_id
"""
_OF_PERSON = """
    select slot, content_id, arm, is_ghost, rule, fallback_level, ranking, reason, propensity
    from ({current}) where person_id = $person_id order by slot
"""


def preview_arms(warehouse: Warehouse, block: str, *, known: Collection[str]) -> pa.Table:
    """Persons by arm, and where their slots come from; no row where nothing was chosen yet.

    Args:
        warehouse: Holds the sends.
        block: Key of the block.
        known: Keys that are configured.

    Raises:
        UnknownEmailBlockError: No such block is configured.
    """
    return _read(warehouse, _BY_ARM, block, known)


def preview_slots(warehouse: Warehouse, block: str, *, known: Collection[str]) -> pa.Table:
    """The three contents that most persons get, by arm and slot; raises like the other."""
    return _read(warehouse, _BY_SLOT, block, known)


def preview_person(
    warehouse: Warehouse, block: str, person_id: str, *, known: Collection[str]
) -> pa.Table:
    """What one person gets, and why; personal. Raises like the others."""
    return _read(warehouse, _OF_PERSON, block, known, person_id=person_id)


def _read(
    warehouse: Warehouse, query: str, block: str, known: Collection[str], **values: str
) -> pa.Table:
    if block not in known:
        raise UnknownEmailBlockError(block, known)
    return warehouse.read(query.format(current=_CURRENT), {"block": block, **values})
