"""Say what a run would send, and send nothing."""

from __future__ import annotations

from dataclasses import dataclass

from audiences.catalogue import read_catalogue
from audiences.inventory import BATCHES, DEFINITIONS, TABLES
from audiences.sync import ledger, plan
from audiences.sync.config import Sync
from audiences.sync.draft import write_plan
from audiences.sync.guard import TOO_MANY_REMOVALS, guard_plan
from audiences.sync.settled import NOT_SENT, memory_for
from audiences.sync.suppression import SuppressionCheck, suppressed
from warehouse import Warehouse


@dataclass(frozen=True, slots=True)
class SyncPlan:
    """What one sync would send now; counts of rows.

    Attributes:
        sync_key: The sync.
        destination_key: The destination.
        audience_key: The audience.
        added: Would be sent as new.
        changed: Would be sent as changed.
        removed: Would be removed.
        waiting: Rows of earlier batches that wait for an answer; they go first, under their key.
        held: Rows that a guard would keep back; not counted above.
        held_because: too_many_removals, empty_source or below_minimum; None where nothing is held.
        removals_to_accept: Removals that `candor sync accept` would let through.
        held_out: Members not sent because they are held out.
        no_consent: Members not sent because a consent is missing.
        suppressed: Members not sent because they were erased before.
        unreachable: Members not sent because they have none of the identifiers, or none that nobody
            else who holds it has denied.
        is_computed: Whether a run has computed the audience; before that nobody is in it.
    """

    sync_key: str
    destination_key: str
    audience_key: str
    added: int
    changed: int
    removed: int
    waiting: int
    held: int
    held_because: str | None
    removals_to_accept: int
    held_out: int
    no_consent: int
    suppressed: int
    unreachable: int
    is_computed: bool = True


def plan_sync(
    warehouse: Warehouse, sync: Sync, *, suppression: SuppressionCheck | None = None
) -> SyncPlan:
    """Count what is due for the members as they were last computed.

    For whom nothing is due is kept in mind for the next plan, as a run does.
    A destination that lost what it had is not asked; a run would find out and send everyone again.

    Args:
        warehouse: The engine, with the marts built.
        sync: The sync.
        suppression: Tells who was erased and must not be sent; None where nothing tells.

    Raises:
        InvalidAudienceError: The sync sends a trait that is not there.
    """
    warehouse.create_missing(TABLES)
    catalogue = read_catalogue(warehouse)
    plan.check_sync(sync, catalogue)
    with (
        warehouse.within_memory(memory_for(warehouse)),
        suppressed(warehouse, sync, catalogue, suppression),
    ):
        draft = write_plan(warehouse, sync, catalogue)
        guarded = guard_plan(warehouse, sync, catalogue, draft)
        rows = warehouse.read(
            f"select operation, count(*) as count from {ledger.PLAN} group by operation"
        )
    due = dict(zip(rows["operation"].to_pylist(), rows["count"].to_pylist(), strict=True))
    return SyncPlan(
        sync_key=sync.key,
        destination_key=sync.destination,
        audience_key=sync.audience,
        added=due.get("add", 0),
        changed=due.get("change", 0),
        removed=due.get("remove", 0),
        waiting=_waiting(warehouse, sync),
        held=guarded.held,
        held_because=guarded.code,
        removals_to_accept=guarded.removals if guarded.code == TOO_MANY_REMOVALS else 0,
        **{name: draft.gates[name] for name in NOT_SENT},
        is_computed=is_computed(warehouse, sync.audience),
    )


def is_computed(warehouse: Warehouse, audience_key: str) -> bool:
    """Whether a run has computed an audience that is still configured."""
    return bool(
        warehouse.scalar(
            f"select count(*) from {DEFINITIONS.name.sql} where audience_key = $audience_key",
            {"audience_key": audience_key},
        )
    )


def _waiting(warehouse: Warehouse, sync: Sync) -> int:
    return int(
        warehouse.scalar(
            f"""
            select coalesce(sum(rows), 0) from {BATCHES.name.sql}
            where sync_key = $sync_key and kind = '{ledger.DELTA}' and status = 'in_flight'
            """,
            {"sync_key": sync.key},
        )
    )
