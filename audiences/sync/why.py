"""Why one person was sent, was not sent or was removed: one answer for each sync."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from audiences.catalogue import Catalogue, read_catalogue
from audiences.inventory import (
    BATCHES,
    LEDGER,
    MEMBERSHIP_CHANGES,
    MEMBERSHIPS,
    ROW_RESULTS,
    SUPPRESSED_MEMBERS,
    TABLES,
)
from audiences.judge import consent_by_person
from audiences.persons import find_person
from audiences.sync import ledger, plan
from audiences.sync.config import Sync
from audiences.sync.draft import write_plan
from audiences.sync.dry_run import is_computed
from audiences.sync.gates import READY, gate_parameters, gate_sql, required_sql
from audiences.sync.suppression import SuppressionCheck, suppressed
from audiences.sync.unsafe import is_unsafe, tell_unsafe
from warehouse import Table, Warehouse

_NOW = {
    READY: "may be sent",
    "gone": "no profile has this id any more",
    "no_consent": "consent is missing for {lacking}",
    "suppressed": "was erased and must not come back",
    "held_out": "held out of the audience, never sent",
    "exited": "not in the audience: {left}",
    "unreachable": "has none of the identifiers that the sync sends: {identifiers}",
}
_THERE = {
    "acknowledged": "sent, and the destination has it",
    "rejected": "the destination refused the last row ({reason}); it is tried again every run",
    "removed": "was sent and has been removed ({reason})",
    "unknown": "was sent without a clear answer; it is sent again by the next run",
}

_SENT_AS = {"change": "change", "remove": "removal", "erase": "erasure"}


@dataclass(frozen=True, slots=True)
class SyncAnswer:
    """What one sync makes of one person.

    Attributes:
        sync: The sync.
        destination: The destination.
        audience: The audience.
        now: Whether they may be sent now, or why not, in words.
        there: What the destination last acknowledged, in words.
        is_present: Whether the destination may hold them.
        is_due: Whether the next run has something to send or to remove.
        last_operation: add, change, remove or erase; None where nothing was ever sent.
        last_status: What came of it.
        last_reason: Code of a rejection; None else.
        last_at: When that was, UTC.
        run_id: The run that sent it.
    """

    sync: str
    destination: str
    audience: str
    now: str
    there: str
    is_present: bool
    is_due: bool
    last_operation: str | None
    last_status: str | None
    last_reason: str | None
    last_at: Any
    run_id: str | None


def why_synced(
    warehouse: Warehouse,
    syncs: Sequence[Sync],
    person_id: str,
    *,
    suppression: SuppressionCheck | None = None,
) -> tuple[SyncAnswer, ...]:
    """Say of each sync why a person was sent, was not, or was removed. Nothing is sent.

    Args:
        warehouse: The engine, with the marts built.
        syncs: The syncs to ask.
        person_id: Any id that the person ever had.
        suppression: Tells who was erased; None where nothing tells.

    Raises:
        InvalidAudienceError: A sync sends a trait that is not there.
        UnknownIdError: Nobody has or had this id.
    """
    warehouse.create_missing(TABLES)
    catalogue = read_catalogue(warehouse)
    current = find_person(warehouse, catalogue, person_id)
    found = []
    for sync in syncs:
        plan.check_sync(sync, catalogue)
        with suppressed(warehouse, sync, catalogue, suppression):
            found.append(_answer(warehouse, sync, catalogue, current))
    return tuple(found)


def _answer(warehouse: Warehouse, sync: Sync, catalogue: Catalogue, person: str) -> SyncAnswer:
    gates = gate_sql(sync, catalogue, among="select cast($person_id as varchar) as person_id")
    gate = str(
        warehouse.scalar(
            f"select gate from ({gates})", {**gate_parameters(sync), "person_id": person}
        )
    )
    write_plan(warehouse, sync, catalogue)
    due = warehouse.scalar(
        f"select count(*) from {ledger.PLAN} where person_id = $person_id", {"person_id": person}
    )
    last = _last(warehouse, sync, person)
    return SyncAnswer(
        sync=sync.key,
        destination=sync.destination,
        audience=sync.audience,
        now=_Words(warehouse, sync, catalogue, person).of(gate),
        there=_tell_there(last),
        is_present=bool(last.get("is_present")),
        is_due=bool(due),
        last_operation=last.get("operation"),
        last_status=last.get("status"),
        last_reason=last.get("reason"),
        last_at=last.get("recorded_at"),
        run_id=last.get("run_id"),
    )


def _tell_there(last: Mapping[str, Any]) -> str:
    """What the destination has of a person; only of the last row, that it did not leave."""
    status, reason = last.get("ledger_status"), last.get("ledger_reason")
    if status is None:
        return "never sent"
    if status == "rejected" and reason is not None and is_unsafe(reason):
        left = "nothing was sent"
        if last["is_present"]:
            left = f"is still there from an earlier send; the {_SENT_AS.get(last['operation'], 'last row')} did not leave"
        return f"{left}: {tell_unsafe(reason)}"
    return _THERE.get(status, "").format(reason=reason or "no reason given")


@dataclass(frozen=True, slots=True)
class _Words:
    """Looks up what a sentence needs, and only that."""

    warehouse: Warehouse
    sync: Sync
    catalogue: Catalogue
    person: str

    def of(self, gate: str) -> str:
        """Why they may not be sent; of who is no member, that first."""
        said = _NOW[gate].format_map(self)
        if gate in {"gone", "suppressed"} or self._is_member():
            return said
        if not is_computed(self.warehouse, self.sync.audience):
            return "not in the audience: it was never computed; `candor run` computes it"
        if gate == "no_consent" and not self._meets_its_rules():
            return f"{_NOW['exited'].format_map(self)}; besides, {said}"
        return said

    def _is_member(self) -> bool:
        return self._is_in(MEMBERSHIPS)

    def _meets_its_rules(self) -> bool:
        """Whether nothing but a consent keeps somebody out who is no member."""
        return self._is_in(SUPPRESSED_MEMBERS)

    def _is_in(self, table: Table) -> bool:
        found = self.warehouse.scalar(
            f"""
            select count(*) from {table.name.sql}
            where audience_key = $audience_key and person_id = $person_id
            """,
            self._values(),
        )
        return bool(found)

    def __getitem__(self, name: str) -> str:
        words = {"lacking": self._lacking, "left": self._left, "identifiers": self._identifiers}
        return words[name]()

    def _lacking(self) -> str:
        """Each consent of the audience and of the destination that is missing now."""
        consent = consent_by_person(self.catalogue)
        return str(
            self.warehouse.scalar(
                f"""
                select string_agg(
                    purpose || ' (' || coalesce(status, 'unknown') || ')', ', '
                    order by purpose
                )
                from ({required_sql()})
                left join (select * from ({consent}) where person_id = $person_id)
                    using (purpose)
                where status is distinct from 'granted'
                """,
                {**gate_parameters(self.sync), "person_id": self.person},
            )
        )

    def _left(self) -> str:
        left = self.warehouse.scalar(
            f"""
            select arg_max(cause || ', ' || detail, changed_at) from {MEMBERSHIP_CHANGES.name.sql}
            where audience_key = $audience_key and person_id = $person_id and change = 'exited'
            """,
            self._values(),
        )
        return f"left it ({left})" if left else "does not meet its rules"

    def _identifiers(self) -> str:
        return ", ".join(identifier.type for identifier in self.sync.identifiers)

    def _values(self) -> dict[str, object]:
        return {"audience_key": self.sync.audience, "person_id": self.person}


def _last(warehouse: Warehouse, sync: Sync, person: str) -> Mapping[str, Any]:
    """The ledger's row of a person and the last row that was sent of them; empty without either."""
    rows = warehouse.read(
        f"""
        select ledger.status as ledger_status, ledger.reason as ledger_reason, ledger.is_present,
            results.operation, results.status, results.reason, results.recorded_at, batches.run_id
        from (select * from {ROW_RESULTS.name.sql}
            where sync_key = $sync_key and person_id = $person_id) as results
        inner join {BATCHES.name.sql} as batches using (batch_id)
        full join (select * from {LEDGER.name.sql}
            where sync_key = $sync_key and person_id = $person_id) as ledger
            on true
        order by batches.position desc nulls last
        limit 1
        """,
        {"sync_key": sync.key, "person_id": person},
    ).to_pylist()
    return rows[0] if rows else {}
