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
# Blocks that are too large to be compared: key_number, key, size.
LARGE = "identity_large_blocks"
_KEYED, _BLOCKS = "identity_keyed_records", "identity_blocks"
# Of a weak key's values those that more records share make no pairs. In a million records next to
# no first name, surname or birth date is that rare, so that weak keys cost little there.
_WEAK_BLOCK_SIZE = 12
# Blocks of weak keys are this many times smaller.
_WEAKER = 5


@dataclass(frozen=True, slots=True)
class BlockingKey:
    """A name and the SQL of a key over one record; null compares with nobody.

    A weak key says little by itself: it makes pairs only where few records share its value. An
    identifier's pairs are compared whatever the budget.
    """

    name: str
    sql: str
    is_weak: bool = False
    is_identifier: bool = False


@dataclass(frozen=True, slots=True)
class BlockSize:
    """How many pairs a key's blocks of one size make."""

    size: int
    pairs: int


KEYS: tuple[BlockingKey, ...] = (
    BlockingKey("email", "email", is_identifier=True),
    BlockingKey("phone", "phone", is_identifier=True),
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
    # Both names may be misspelt behind their first letters.
    BlockingKey("initials, postal code", "initial || left(last_name, 1) || '|' || postal_code", is_weak=True),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class KeyCount:
    """What one key brought.

    Attributes:
        key: Its name.
        limit: Values that more records share made no pairs.
        pairs: Pairs that it made, whether or not another key made them too.
        left_out: Pairs that its larger blocks would have made.
    """

    key: str
    limit: int
    pairs: int
    left_out: int


def block_records(
    warehouse: Warehouse, *, limits: Sequence[int] = (), max_block_size: int, max_pairs: int
) -> tuple[KeyCount, ...]:
    """Fill the temporary tables of pairs and of large blocks; return what the keys brought.

    Pairs are left_record < right_record.

    Blocks are taken smallest first, for two of few who share a value are likelier one person than
    two of many, until the pairs would be more than the budget. Addresses and numbers are outside
    of it: whether they link is for ``match`` to say.

    Args:
        warehouse: Holds the prepared records.
        limits: Per key the largest block, as it was chosen before; chosen anew without.
        max_block_size: Values that more records share make no pairs.
        max_pairs: The budget: about as many pairs are compared at most.
    """
    key_records(warehouse, RECORDS, into=_KEYED)
    warehouse.execute(
        f"create or replace temp table {_BLOCKS} as "
        f"select key_number, key, count(*) as size from {_KEYED} group by key_number, key "
        "having count(*) > 1"
    )
    sizes = _block_sizes(warehouse)
    limits = limits or choose_limits(sizes, max_block_size=max_block_size, max_pairs=max_pairs)
    _pair_records(warehouse, limits)
    return tuple(_counted(sizes, number, limit) for number, limit in enumerate(limits))


def choose_limits(
    sizes: Sequence[Sequence[BlockSize]], *, max_block_size: int, max_pairs: int
) -> tuple[int, ...]:
    """Return per key the largest block that is compared, within the budget.

    Args:
        sizes: Per key of ``KEYS``, how many pairs its blocks of each size make.
        max_block_size: The largest block of all; of weak keys a fifth of it.
        max_pairs: The budget.
    """
    for most in range(max_block_size, 1, -1):
        limits = tuple(_limit(key, most, max_block_size) for key in KEYS)
        pairs = sum(
            one.pairs
            for found, limit in zip(sizes, limits, strict=True)
            for one in found
            if one.size <= limit
        )
        if pairs <= max_pairs:
            break
    return limits


def _limit(key: BlockingKey, most: int, max_block_size: int) -> int:
    if key.is_identifier:
        return max_block_size
    return min(max(most // _WEAKER, 2), _WEAK_BLOCK_SIZE) if key.is_weak else most


def key_records(warehouse: Warehouse, records: str, *, into: str) -> None:
    """Hash records' keys into a temporary table: record, key_number, key.

    The hash of another key's value is another one.
    """
    keyed = " union all ".join(
        f"select record, {number}::utinyint as key_number, {key_hash(number)} as key "
        f"from {records} where {key.sql} is not null"
        for number, key in enumerate(KEYS)
    )
    warehouse.execute(f"create or replace temp table {into} as {keyed}")


def key_hash(number: int) -> str:
    """SQL of the hash of one key of a record."""
    return f"hash({number}, {KEYS[number].sql})"


def holds_one_of(column: str, values: str) -> str:
    """SQL of the condition that a kept row has one of some values in a column that is a key itself.

    Hashes are compared instead of texts: several times as fast over all records.

    Args:
        column: email, phone or mailbox.
        values: Relation with one column.
    """
    wanted = hash_of_value(column, "value")
    return f"{key_column(column)} in (select {wanted} from ({values}) as wanted(value))"


def key_column(name: str) -> str:
    """The column of kept rows that holds the hash of a key."""
    return f"key_{_number(name)}"


def hash_of_value(column: str, value: str) -> str:
    """SQL of the hash that a kept row has if its column, a key itself, holds a value."""
    return f"hash({_number(column)}, {value})"


def _number(name: str) -> int:
    return next(place for place, key in enumerate(KEYS) if key.name == name)


def is_open(limits: Sequence[int], size: str = "size") -> str:
    """SQL over key_number and a size: whether a block of this size is compared."""
    return f"{size} <= [{', '.join(map(str, limits))}][key_number + 1]"


def _block_sizes(warehouse: Warehouse) -> list[list[BlockSize]]:
    rows = warehouse.read(
        f"select key_number, size, (count(*) * size * (size - 1) // 2)::bigint as pairs "
        f"from {_BLOCKS} group by key_number, size order by key_number, size"
    ).to_pylist()
    sizes: list[list[BlockSize]] = [[] for _ in KEYS]
    for row in rows:
        sizes[row["key_number"]].append(BlockSize(row["size"], row["pairs"]))
    return sizes


def _pair_records(warehouse: Warehouse, limits: Sequence[int]) -> None:
    warehouse.execute(
        f"""
        create or replace temp table {PAIRS} as
        with taken as (
            select record, key from {_KEYED}
            semi join (select key from {_BLOCKS} where {is_open(limits)}) using (key)
        )
        select distinct left_side.record as left_record, right_side.record as right_record
        from taken as left_side join taken as right_side
            on left_side.key = right_side.key and left_side.record < right_side.record
        """
    )
    warehouse.execute(
        f"create or replace temp table {LARGE} as select * from {_BLOCKS} where not ({is_open(limits)})"
    )
    warehouse.execute(f"drop table {_KEYED}")
    warehouse.execute(f"drop table {_BLOCKS}")


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


def _counted(sizes: Sequence[Sequence[BlockSize]], number: int, limit: int) -> KeyCount:
    taken = sum(one.pairs for one in sizes[number] if one.size <= limit)
    return KeyCount(
        KEYS[number].name, limit, taken, sum(one.pairs for one in sizes[number]) - taken
    )
