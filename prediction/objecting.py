"""Persons who object to profiling: nothing is computed of them, and nothing of before is kept.

A legal hold keeps what was computed of its person before, but for what a colleague takes along.

Source: GDPR Article 21(1) to (3) and Article 22.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager

from prediction.inventory import (
    ACCOUNT_SCORE_MEMBERS,
    ACCOUNT_SCORES,
    PERSONA_MEMBERS,
    PROPENSITY_SCORES,
)
from prediction.relations import MEMBERS, PERSONS
from warehouse import TableName, Warehouse

OBJECTING_PERSONS = TableName("privacy", "objecting_persons")
# Records, users, devices and addresses that belong to them today: (source, source_record_id).
NODES = "candor_objecting_nodes"


# They themselves: (person_id).
OBJECTING = "candor_objecting_persons"


@contextmanager
def objecting_persons(warehouse: Warehouse) -> Iterator[None]:
    """Let queries see their ids as ``candor_objecting_persons``."""
    known = warehouse.exists(OBJECTING_PERSONS)
    found = _OBJECTING if known else "select null::varchar as person_id limit 0"
    warehouse.execute(f"create or replace temp table {OBJECTING} as {found}")
    try:
        yield
    finally:
        warehouse.execute(f"drop table if exists {OBJECTING}")


@contextmanager
def objecting_nodes(warehouse: Warehouse) -> Iterator[None]:
    """Let queries see what belongs to them as ``candor_objecting_nodes``."""
    warehouse.execute(f"create or replace temp table {NODES} as {_nodes(warehouse)}")
    try:
        yield
    finally:
        warehouse.execute(f"drop table if exists {NODES}")


def withdraw_profiles(warehouse: Warehouse, *, held: Collection[str] = ()) -> None:
    """Remove their scores and personas of any date, under any id that they had.

    Of accounts these are all scores that they were counted for, with others or alone, whoever the
    others are.

    Args:
        warehouse: The engine.
        held: Ids of persons under a legal hold, which keeps what was computed before; a score of
            several goes with whoever of them objects and is not held.
    """
    if not all(warehouse.exists(table) for table in (OBJECTING_PERSONS, PERSONS)):
        return
    leaving = f"{_EVER} where not list_contains($held::varchar[], person_id)"
    for table in (PROPENSITY_SCORES, PERSONA_MEMBERS):
        warehouse.execute(
            f"delete from {table.name.sql} where person_id in ({leaving})", {"held": list(held)}
        )
    take_along(warehouse, counted_sql(leaving), {"held": list(held)})


def take_along(
    warehouse: Warehouse, scores: str, parameters: Mapping[str, object] | None = None
) -> int:
    """Remove the scores of accounts that pass a test, and who was counted for them; return how many."""
    table = ACCOUNT_SCORES.name.sql
    removed = int(warehouse.scalar(f"select count(*) from {table} where {scores}", parameters))
    if removed:
        warehouse.execute(f"delete from {table} where {scores}", parameters)
        forget_members(warehouse)
    return removed


def counted_sql(persons: str) -> str:
    """A test of a score of an account: that one of ``persons``, a query, was counted for it.

    Of what an older Candor wrote of several members nobody knows whom; anybody may be one of them.
    """
    return f"""(
        person_id in ({persons})
        or (model_key, account_id, as_of) in (
            select (model_key, account_id, as_of) from {ACCOUNT_SCORE_MEMBERS.name.sql}
            where person_id in ({persons})
        )
        or (person_id is null and {_UNKNOWN})
    )"""


def forget_unknown(warehouse: Warehouse) -> None:
    """Remove scores of accounts, of any model, of which it is not known who was counted for them."""
    warehouse.execute(f"delete from {ACCOUNT_SCORES.name.sql} where {_UNKNOWN}")


def forget_members(warehouse: Warehouse) -> None:
    """Forget who was counted for scores of accounts that are gone."""
    warehouse.execute(
        f"delete from {ACCOUNT_SCORE_MEMBERS.name.sql} where (model_key, account_id, as_of) not in "
        f"(select (model_key, account_id, as_of) from {ACCOUNT_SCORES.name.sql})"
    )


def _nodes(warehouse: Warehouse) -> str:
    if not warehouse.exists(OBJECTING_PERSONS):
        return "select null::varchar as source, null::varchar as source_record_id limit 0"
    return f"""
        select distinct source, source_record_id from {MEMBERS.sql}
        where valid_to is null and person_id in ({_OBJECTING})
    """


_UNKNOWN = f"""
    (model_key, account_id, as_of) not in (
        select (model_key, account_id, as_of) from {ACCOUNT_SCORE_MEMBERS.name.sql}
    )
"""
_OBJECTING = f"""
    select distinct person_id from {OBJECTING_PERSONS.sql}
    where purpose = 'profiling' and withdrawn_at is null
"""
_EVER = f"""
    with recursive ever as (
        {_OBJECTING}
        union
        select persons.person_id
        from ever inner join {PERSONS.sql} as persons on persons.merged_into = ever.person_id
    )
    select person_id from ever
"""
