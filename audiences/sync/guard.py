"""Stop a sync that would do what nobody meant, until somebody says that it was meant.

Held is everything but the removals of those who withdrew a consent or were erased: they never wait.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import pyarrow as pa

from audiences.catalogue import PROFILES, Catalogue
from audiences.errors import NothingToAcceptError
from audiences.inventory import ACCEPTANCES, LEDGER
from audiences.sync import ledger, plan
from audiences.sync.config import Sync
from audiences.sync.draft import Draft
from warehouse import Warehouse

TOO_MANY_REMOVALS = "too_many_removals"
EMPTY_SOURCE = "empty_source"
BELOW_MINIMUM = "below_minimum"
# In a small audience a few persons are a large share of it, and a few persons are soon put back.
FEW = 20
_BY_THE_RULES = "operation = 'remove' and cause in ('exited', 'gone', 'unreachable')"


@dataclass(frozen=True, slots=True)
class Guarded:
    """What the guards found of a plan.

    Attributes:
        code: Why it is held; None where it is not. below_minimum: nobody new is sent,
            changes and removals are; empty_source and too_many_removals: only those go who must.
        removals: Removals that need somebody's word, if any do.
        held: Rows of the plan that are not sent.
    """

    code: str | None = None
    removals: int = 0
    held: int = 0

    @property
    def lets_withdrawals_alone(self) -> bool:
        """Whether only those go who withdrew or were erased."""
        return self.code in {TOO_MANY_REMOVALS, EMPTY_SOURCE}


def guard_plan(warehouse: Warehouse, sync: Sync, catalogue: Catalogue, draft: Draft) -> Guarded:
    """Judge the plan in ``candor_sync_plan`` and take out of it what is held.

    Args:
        warehouse: The engine, with the plan in its temporary table.
        sync: Whose plan.
        catalogue: What the warehouse has.
        draft: What is known of the plan.
    """
    removals = int(warehouse.scalar(f"select count(*) from {ledger.PLAN} where {_BY_THE_RULES}"))
    present = warehouse.scalar(
        f"select count(*) from {LEDGER.name.sql} where sync_key = $sync_key and is_present",
        {"sync_key": sync.key},
    )
    if removals and PROFILES in catalogue.empty:
        return Guarded(EMPTY_SOURCE, removals, _keep_withdrawals(warehouse, sync, catalogue))
    is_many = removals > FEW and removals > sync.max_removed_share * present
    if is_many and removals > _accepted(warehouse, sync):
        return Guarded(TOO_MANY_REMOVALS, removals, _keep_withdrawals(warehouse, sync, catalogue))
    new = draft.below_minimum
    return Guarded(BELOW_MINIMUM, 0, new) if new else Guarded()


def accept_removals(warehouse: Warehouse, sync: Sync, removals: int, *, now: dt.datetime) -> None:
    """Let the next run of a sync remove as many persons as wait now, and no more.

    Args:
        warehouse: The engine.
        sync: The sync.
        removals: How many wait, as its plan says.
        now: Time to record, UTC without a zone.

    Raises:
        NothingToAcceptError: No removals of it are held.
    """
    if not removals:
        raise NothingToAcceptError(sync.key)
    row = {"sync_key": sync.key, "removals": removals, "accepted_at": now}
    warehouse.replace_where(
        ACCEPTANCES.name,
        "sync_key = $sync_key",
        pa.Table.from_pylist([row]),
        {"sync_key": sync.key},
    )


def use_acceptance(warehouse: Warehouse, sync: Sync) -> None:
    """An acceptance is good for one run."""
    warehouse.execute(
        f"delete from {ACCEPTANCES.name.sql} where sync_key = $sync_key", {"sync_key": sync.key}
    )


def _accepted(warehouse: Warehouse, sync: Sync) -> int:
    accepted = warehouse.scalar(
        f"select max(removals) from {ACCEPTANCES.name.sql} where sync_key = $sync_key",
        {"sync_key": sync.key},
    )
    return int(accepted or 0)


def _keep_withdrawals(warehouse: Warehouse, sync: Sync, catalogue: Catalogue) -> int:
    """Plan the removals that never wait instead; return how many rows went out of the plan.

    Whose profile is gone waits, unless they denied a consent or must not come back: a source that
    lost its rows is why a guard is there.
    """
    before = warehouse.scalar(f"select count(*) from {ledger.PLAN}")
    warehouse.execute(
        f"""
        create or replace temp table {ledger.PLAN} as
        select * replace (row_number() over (order by number) - 1 as number)
        from ({plan.withdrawals_sql(sync, catalogue)}) where cause <> 'gone'
        """,
        plan.plan_parameters(sync),
    )
    return int(before - warehouse.scalar(f"select count(*) from {ledger.PLAN}"))
