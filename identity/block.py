"""Choose the pairs of records that are worth comparing.

A pair is compared when at least one key agrees. A key's value that too many records share makes
no pairs: such blocks cost the square of their size and hold next to no persons, and who belongs
together in them shares another key as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from identity.decide import RecordName
from identity.nodes import NODES
from identity.prepare import RECORDS
from warehouse import Warehouse

PAIRS = "identity_pairs"
ADDED = "identity_added_pairs"
# Of a weak key's values those that more records share make no pairs. In a million records next to
# no first name, surname or birth date is that rare, so that weak keys cost little there.
_WEAK_BLOCK_SIZE = 12


@dataclass(frozen=True, slots=True)
class BlockingKey:
    """A name and the SQL of a key over one record; null compares with nobody.

    A weak key says little by itself: it makes pairs only where few records share its value.
    """

    name: str
    sql: str
    is_weak: bool = False


KEYS: tuple[BlockingKey, ...] = (
    BlockingKey("email", "email"),
    BlockingKey("phone", "phone"),
    BlockingKey("mailbox", "case when length(mailbox) >= 5 then mailbox end"),
    BlockingKey("full name", "given_name || '|' || last_name"),
    BlockingKey("swapped name", "least(first_name, last_name) || '|' || greatest(first_name, last_name)"),
    BlockingKey("initial, last name, place", "initial || '|' || last_name || '|' || city"),
    BlockingKey("first name, postal code", "given_name || '|' || postal_code"),
    BlockingKey("last name, postal code", "last_name || '|' || postal_code"),
    BlockingKey("house", "house_number || '|' || left(street, 3) || '|' || coalesce(postal_code, city)"),
    BlockingKey("street", "house_number || '|' || street"),
    BlockingKey("birth date, first name", "cast(birth_date as varchar) || '|' || left(given_name, 2)"),
    BlockingKey("birth date, last name", "cast(birth_date as varchar) || '|' || left(last_name, 2)"),
    BlockingKey("birth date, place", "cast(birth_date as varchar) || '|' || coalesce(postal_code, city)"),
    # Records with many slips and gaps share nothing stronger.
    BlockingKey("birth date", "cast(birth_date as varchar)", is_weak=True),
    BlockingKey("first name", "given_name", is_weak=True),
    BlockingKey("last name", "last_name", is_weak=True),
    BlockingKey("beginnings of names", "left(given_name, 3) || '|' || left(last_name, 3)", is_weak=True),
    BlockingKey("beginnings of names exchanged", "least(left(given_name, 3), left(last_name, 3)) || '|' || greatest(left(given_name, 3), left(last_name, 3))", is_weak=True),
    BlockingKey("beginning of mailbox", "case when length(mailbox) >= 5 then left(mailbox, 5) end", is_weak=True),
    BlockingKey("first name, place", "given_name || '|' || city", is_weak=True),
    BlockingKey("last name, place", "last_name || '|' || city", is_weak=True),
)  # fmt: skip


def block_records(warehouse: Warehouse, *, max_block_size: int) -> int:
    """Fill the temporary table of pairs (left_record < right_record); return how many.

    Args:
        warehouse: Holds the prepared records.
        max_block_size: Values that more records share make no pairs.
    """
    warehouse.execute(
        f"""
        create or replace temp table {PAIRS} as
        with keyed as ({" union all ".join(_keyed(key) for key in KEYS)}),
        blocks as (
            select *, count(*) over (partition by key_name, key) as size from keyed
        )
        select distinct left_side.record as left_record, right_side.record as right_record
        from blocks as left_side
        join blocks as right_side
            on left_side.key_name = right_side.key_name
            and left_side.key = right_side.key
            and left_side.record < right_side.record
        where left_side.size <= case when left_side.is_weak then {_WEAK_BLOCK_SIZE}
            else $max_block_size end
        order by left_record, right_record
        """,
        {"max_block_size": max_block_size},
    )
    return int(warehouse.scalar(f"select count(*) from {PAIRS}"))


def add_pairs(warehouse: Warehouse, pairs: Sequence[tuple[RecordName, RecordName]]) -> None:
    """Add pairs that somebody asks about; which of them no key had made is kept in ``ADDED``."""
    warehouse.execute(
        f"create or replace temp table {ADDED} (left_record bigint, right_record bigint)"
    )
    for one, other in pairs:
        warehouse.execute(
            f"""
            insert into {ADDED}
            select least(one.node, other.node), greatest(one.node, other.node)
            from {NODES} as one, {NODES} as other
            where one.source = $one_source and one.source_record_id = $one_id
                and other.source = $other_source and other.source_record_id = $other_id
                and one.node in (select record from {RECORDS})
                and other.node in (select record from {RECORDS}) and one.node <> other.node
            """,
            {"one_source": one.source, "one_id": one.source_record_id,
             "other_source": other.source, "other_id": other.source_record_id},
        )  # fmt: skip
    warehouse.execute(
        f"create or replace temp table {ADDED} as select distinct * from {ADDED} "
        f"anti join {PAIRS} using (left_record, right_record)"
    )
    warehouse.execute(f"insert into {PAIRS} select * from {ADDED}")


def _keyed(key: BlockingKey) -> str:
    return (
        f"select record, '{key.name}' as key_name, {key.sql} as key, {key.is_weak} as is_weak from {RECORDS} "
        f"where {key.sql} is not null"
    )
