"""Tell which blocks of candidates are compared, now that records came, changed or went.

The last run kept the size of every block that was too large to be compared, so that nothing is
counted over all records: of a block that was compared, few enough records have the key.
"""

from __future__ import annotations

from collections.abc import Sequence

from identity.block import KEYS, is_open, key_records
from identity.detect import STALE_ROWS
from identity.inventory import LARGE_BLOCKS, PREPARED
from identity.knowledge import Knowledge
from identity.prepare import RECORDS
from identity.touch import STALE, TOUCHED
from warehouse import Warehouse

# Keys of the touched records as they are and as they were, and who else has them.
KEYED, KEYED_BEFORE, HELD = "identity_keyed", "identity_keyed_before", "identity_held_keys"
# Keys of touched records: how many records have each, and whether they are compared, or were.
RESIZED = "identity_resized_blocks"
# Keys of touched records whose blocks were too large.
_CLOSED, _OPENED = "identity_closed_blocks", "identity_opened_blocks"


def open_blocks(warehouse: Warehouse, known: Knowledge) -> None:
    """Fill the tables of keys; touch the records of blocks that are now compared, or no longer."""
    key_records(warehouse, RECORDS, into=KEYED)
    unpivot(warehouse, STALE_ROWS, into=KEYED_BEFORE)
    warehouse.execute(f"create or replace temp table {_CLOSED} as {_CLOSED_SQL}")
    _look_up(warehouse, f"({_KEYS_SQL} anti join {_CLOSED} using (key_number, key))", into=HELD)
    warehouse.execute(f"create or replace temp table {RESIZED} as {_resized_sql(known.limits)}")
    _open_closed(warehouse)
    # Of a block that is compared now and was not, or was and is not, all are looked at anew.
    warehouse.execute(
        f"insert into {TOUCHED} select distinct record from {HELD} "
        f"semi join (select * from {RESIZED} where is_now <> is_before) using (key_number, key)"
    )
    warehouse.execute(
        f"delete from {HELD} where key in (select key from {RESIZED} where not is_now)"
    )


def keep_large_blocks(warehouse: Warehouse) -> None:
    """Keep the sizes of the blocks that a run of a part found too large to be compared."""
    warehouse.replace_where(
        LARGE_BLOCKS.name,
        f"key in (select key from {RESIZED} where not is_before)",
        f"select key_number, key, now as size from {RESIZED} where not is_now",
    )


def unpivot(warehouse: Warehouse, rows: str, *, into: str) -> None:
    """Fill a temporary table of keys from rows that hold one key per column.

    Args:
        warehouse: Holds the rows.
        rows: Relation of records with their keys, not too many.
        into: The table: record, key_number, key.
    """
    found = " union all ".join(
        f"select record, {number}::utinyint as key_number, key_{number} as key "
        f"from {rows} where key_{number} is not null"
        for number in range(len(KEYS))
    )
    warehouse.execute(f"create or replace temp table {into} as {found}")


def _look_up(warehouse: Warehouse, wanted: str, *, into: str) -> None:
    """Fill a temporary table with the kept records that have one of the wanted keys."""
    warehouse.execute(f"create or replace temp table {_WANTED} as select * from {wanted}")
    found = " union all ".join(
        f"select record, {number}::utinyint as key_number, key_{number} as key "
        f"from {PREPARED.name.sql} "
        f"where key_{number} in (select key from {_WANTED} where key_number = {number})"
        for number in range(len(KEYS))
    )
    warehouse.execute(
        f"create or replace temp table {into} as "
        f"select * from ({found}) anti join {STALE} using (record)"
    )


def _open_closed(warehouse: Warehouse) -> None:
    """Look up who has the keys of blocks that became small enough; seldom any."""
    opened = f"(select key_number, key from {RESIZED} where is_now and not is_before)"
    if warehouse.scalar(f"select count(*) from {opened}"):
        _look_up(warehouse, opened, into=_OPENED)
        warehouse.execute(f"insert into {HELD} from {_OPENED}")


_WANTED = "identity_wanted_keys"
_KEYS_SQL = f"""
    select key_number, key from (
        select key_number, key from {KEYED} union select key_number, key from {KEYED_BEFORE}
    )
"""
_CLOSED_SQL = (
    f"select * from {LARGE_BLOCKS.name.sql} semi join ({_KEYS_SQL}) using (key_number, key)"
)


def _resized_sql(limits: Sequence[int]) -> str:
    """Keys of the touched records, and whether their blocks were compared and are now."""
    return f"""
        with sizes as (
            select key_number, key, sum(was)::bigint as before, sum(is_there)::bigint as now
            from (
                select key_number, key, size as was, size as is_there from {_CLOSED}
                union all select key_number, key, 1, 1 from {HELD}
                union all select key_number, key, 0, 1 from {KEYED}
                union all select key_number, key, was, was - 1 from (
                    select key_number, key,
                        (closed.key is null)::integer as was
                    from {KEYED_BEFORE} as stale
                    left join {_CLOSED} as closed using (key_number, key)
                )
            ) group by key_number, key
        )
        select key_number, key, now, {is_open(limits, "before")} as is_before,
            {is_open(limits, "now")} as is_now
        from sizes
    """
