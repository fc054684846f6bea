"""Publish one audience to one destination: finish what is in flight, then send what is due."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from audiences.catalogue import Catalogue, read_catalogue
from audiences.errors import DestinationError, DestinationRefusedError, DestinationUnavailableError
from audiences.inventory import BATCHES, RUNS, TABLES
from audiences.sync import ledger, plan, recheck
from audiences.sync.config import Sync
from audiences.sync.destinations.base import Destination, Sleep, place_of, reads_columns
from audiences.sync.draft import Draft, count_gates, write_plan, write_removals
from audiences.sync.gates import named_in
from audiences.sync.guard import Guarded, guard_plan, use_acceptance
from audiences.sync.intents import Intent, read_batch, write_intent
from audiences.sync.settled import memory_for
from audiences.sync.suppression import SuppressionCheck, suppressed
from warehouse import EngineError, Warehouse

INVALID = "invalid_sync"
_OUT_OF_MEMORY = "OutOfMemoryException"


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What one run of a sync came to; counts of rows.

    Attributes:
        sync_key: The sync.
        destination_key: The destination.
        status: succeeded; held: only who had to go was removed, or nobody new was sent; partial:
            some rows were refused or are in doubt, whatever else was held; failed: the destination
            stopped it, or refused every batch.
        added: Acknowledged as new.
        changed: Acknowledged as changed.
        removed: Acknowledged as removed.
        rejected: Refused, due again in the next run.
        unanswered: Sent without an answer, or not reached before the run stopped.
        held_out: Members not sent because they are held out.
        no_consent: Members not sent because a consent is missing.
        suppressed: Members not sent because they were erased before.
        unreachable: Members not sent because they have none of the identifiers, or none that nobody
            else who holds it has denied.
        held: Rows that a guard kept back.
        code: Why the run stopped early, was refused as a whole or was held by a guard, or
            invalid_sync; None else.
        sent: Rows that were handed over, whatever came of them.
        problems: Why nobody could be added or changed, each in a sentence; empty where they could.
    """

    sync_key: str
    destination_key: str
    status: str
    added: int
    changed: int
    removed: int
    rejected: int
    unanswered: int
    held_out: int
    no_consent: int
    suppressed: int
    unreachable: int
    held: int
    code: str | None
    sent: int = 0
    problems: tuple[str, ...] = ()

    @property
    def acknowledged(self) -> int:
        """Rows that the destination has taken."""
        return self.added + self.changed + self.removed

    @property
    def planned(self) -> int:
        """Rows that were due, those of earlier runs without an answer included."""
        return self.acknowledged + self.rejected + self.unanswered + self.held


def run_sync(  # noqa: PLR0913 - the six are the contract, the others are orchestration's gift
    warehouse: Warehouse,
    sync: Sync,
    destination: Destination,
    *,
    run_id: str,
    now: dt.datetime,
    sleep: Sleep,
    suppression: SuppressionCheck | None = None,
    only_withdrawals: bool = False,
    unfit: Sequence[str] = (),
) -> SyncReport:
    """Bring a destination to the state that its audience desires.

    Every intent is committed before its request, and the ledger moves only on an answer. Once
    anything was written since the plan but by this run, consent and hold-out are asked again for
    each batch. An error of the destination ends the run with a report, not with an exception; what
    is unanswered is sent again by the next run. Where a trait that it sends is not there, nobody is
    added or changed, everyone who has to go is removed all the same, and the run has failed.

    Args:
        warehouse: The engine, not inside a transaction.
        sync: What to send.
        destination: Where to.
        run_id: The run to name in every row.
        now: Time to record, UTC without a zone.
        sleep: How to wait between attempts.
        suppression: Tells who was erased and must not be sent; None where nothing tells.
        only_withdrawals: Publishing is held: remove who withdrew a consent, was erased or is here
            no more, and leave all else as it is; batches that would add or change wait.
        unfit: What else it sends that is not there, each in a sentence: as a trait that is not there.

    """
    warehouse.create_missing(TABLES)
    catalogue = read_catalogue(warehouse)
    problems = (*plan.sync_problems(sync, catalogue), *unfit)
    intent = Intent(sync, run_id, "delta", now, place_of(destination))
    judged = plan.without_values(sync, catalogue) if problems else sync
    run = _Run(warehouse, judged, destination, catalogue, intent, only_withdrawals, problems)
    run.write("running", None)
    with (
        warehouse.with_rare_checkpoints(),
        warehouse.within_memory(memory_for(warehouse)),
        suppressed(warehouse, sync, catalogue, suppression) as ask,
    ):
        run.ask_who_was_erased = ask
        try:
            run.stay_in_place()
            if not destination.remembers(sync.key):
                ledger.forget_all(warehouse, sync.key)
            run.resume(sleep)
            guarded = run.send_due(sleep)
        except DestinationError as error:
            return run.finish(error.code)
        report = run.finish(None, guarded)
        run.settle(guarded)
        return report


@dataclass(slots=True)
class _Run:
    """One run of one sync, and the batches that it touched.

    ``intent`` names the sync as it is configured; ``sync`` is as much of it as can be planned;
    ``was_disturbed`` tells whether something else was written since the plan, ``is_news`` whether since
    it was asked who was erased.
    """

    warehouse: Warehouse
    sync: Sync
    destination: Destination
    catalogue: Catalogue
    intent: Intent
    only_withdrawals: bool
    problems: tuple[str, ...] = ()
    batches: list[str] = field(default_factory=list)
    planned: int = 0
    intended: int = 0
    draft: Draft | None = None
    was_disturbed: bool = False
    is_news: bool = False
    ask_who_was_erased: Callable[[], None] = lambda: None

    def stay_in_place(self) -> None:
        """Refuse another target, or a destination that was moved, while members are held.

        They would stay in the old one for ever: a new target or place is a new sync.
        """
        target = ledger.last_target(self.warehouse, self.sync.key)
        place = ledger.last_place(self.warehouse, self.sync.key)
        is_other = target is not None and target != self.sync.target
        here = ledger.places_here(self.warehouse, self.sync.key, self.destination)
        is_moved = place is not None and place not in (here or ())
        if is_other or is_moved:
            raise DestinationRefusedError(self.destination.key, "target_changed", is_final=True)

    def resume(self, sleep: Sleep) -> None:
        """Send the batches without an answer again, under the keys that they had."""
        for batch_id in ledger.in_flight(self.warehouse, self.sync.key):
            if self.only_withdrawals and self._can_wait(batch_id):
                continue
            if self._is_still_allowed(batch_id):
                self._deliver(batch_id, sleep)
            else:
                ledger.void(self.warehouse, batch_id, now=self.intent.now)

    def send_due(self, sleep: Sleep) -> Guarded:
        """Plan once, let the guards judge it, then commit and send batch after batch."""
        guarded = self._plan()
        self.planned = self.warehouse.scalar(f"select count(*) from {ledger.PLAN}")
        for first in range(0, self.planned, self.destination.max_rows):
            end = first + self.destination.max_rows
            rows = self._due()
            values = {**plan.plan_parameters(self.sync), "first": first, "end": end}
            batch_id = write_intent(self.warehouse, self.intent, rows, named_in(rows, values))
            if batch_id is not None:
                self._deliver(batch_id, sleep)
            self.intended = min(end, self.planned)
        if not self.only_withdrawals:
            use_acceptance(self.warehouse, self.sync)
        return guarded

    def write(self, status: str, code: str | None, *, held: int = 0) -> SyncReport:
        """Write this run's row and report it."""
        report = self._report(status, code, held)
        row = {
            **{name: getattr(report, name) for name in _COUNTS},
            "run_id": self.intent.run_id,
            "sync_key": self.sync.key,
            "destination_key": self.sync.destination,
            "audience_key": self.sync.audience,
            "status": report.status,
            "code": code,
            "started_at": self.intent.now,
            "finished_at": None if status == "running" else self.intent.now,
        }
        self.warehouse.replace_where(
            RUNS.name,
            "run_id = $run_id and sync_key = $sync_key",
            pa.Table.from_pylist([row]),
            {"run_id": self.intent.run_id, "sync_key": self.sync.key},
        )
        return report

    def finish(self, code: str | None, guarded: Guarded | None = None) -> SyncReport:
        """Judge the run by what is left undone."""
        held = guarded.held if guarded is not None else 0
        code = code or ledger.refusal_of_all(self.warehouse, self.batches)
        if code or self.problems:
            return self.write("failed", code or INVALID, held=held)
        if guarded is not None and guarded.code:
            return self.write("held", guarded.code, held=held)
        return self.write("held" if self.only_withdrawals else "succeeded", None)

    def settle(self, guarded: Guarded) -> None:
        """Keep in mind for the next plan that all of this one was done.

        Without that the next plan asks about more persons, which is no reason to fail.
        """
        is_whole = guarded.code is None and not self.was_disturbed
        if not is_whole or self.draft is None or self.draft.settle is None:
            return
        try:
            self.draft.settle(self.batches)
        except EngineError as error:
            if error.kind != _OUT_OF_MEMORY:
                raise

    def _plan(self) -> Guarded:
        """Write what is due into the table of the plan, and take out of it what is held."""
        self.was_disturbed = False
        if self.only_withdrawals:
            withdrawn = plan.withdrawals_sql(self.sync, self.catalogue)
            self.warehouse.execute(
                f"create or replace temp table {ledger.PLAN} as {withdrawn}",
                plan.plan_parameters(self.sync),
            )
            ledger.leave_to_next_run(self.warehouse, self.batches)
            return Guarded()
        write = write_removals if self.problems else write_plan
        self.draft = write(self.warehouse, self.sync, self.catalogue)
        ledger.leave_to_next_run(self.warehouse, self.batches)
        guarded = guard_plan(self.warehouse, self.sync, self.catalogue, self.draft)
        self.only_withdrawals = guarded.lets_withdrawals_alone
        return guarded

    def _due(self) -> str:
        """Query for a batch's rows that may still be sent as planned.

        Where nothing was written since the plan but by this run, all of them may: nothing that it
        was made of is another.
        """
        if not self.was_disturbed:
            return recheck.planned_sql()
        self._hear_news()
        if self.only_withdrawals:
            return recheck.withdrawn_sql(self.sync, self.catalogue)
        if self.problems:
            return recheck.removals_sql(self.sync, self.catalogue)
        return recheck.allowed_sql(self.sync, self.catalogue)

    def _ask(self, query: str, batch_id: str) -> Any:
        values = {**plan.plan_parameters(self.sync), "batch_id": batch_id}
        return self.warehouse.scalar(query, named_in(query, values))

    def _can_wait(self, batch_id: str) -> bool:
        """Whether a batch puts somebody, and nobody in it has to go."""
        return bool(self._ask(recheck.can_wait_sql(self.sync, self.catalogue), batch_id))

    def _is_still_allowed(self, batch_id: str) -> bool:
        """Whether everyone in a batch is still there and may still get what it says."""
        self._hear_news()
        allowed = self._ask(recheck.still_allowed_sql(self.sync, self.catalogue), batch_id)
        intended = self._ask(
            f"select rows from {BATCHES.name.sql} where batch_id = $batch_id", batch_id
        )
        return bool(allowed == intended)

    def _deliver(self, batch_id: str, sleep: Sleep) -> None:
        self.batches.append(batch_id)
        has_columns = reads_columns(self.destination)
        batch = read_batch(self.warehouse, self.intent.sync, batch_id, has_columns=has_columns)
        request = self.destination.plan(batch)
        try:
            with self._watching():
                delivery = self.destination.send(request, sleep=sleep)
        except DestinationUnavailableError as error:
            ledger.record_attempt(
                self.warehouse, batch_id, attempts=1, code=error.code, jobs=error.jobs
            )
            raise
        except DestinationRefusedError as error:
            ledger.record_refusal(self.warehouse, batch_id, error.code, now=self.intent.now)
            if error.is_final:
                raise
            return
        ledger.record_delivery(self.warehouse, batch_id, delivery, now=self.intent.now)

    @contextmanager
    def _watching(self) -> Iterator[None]:
        """Notice what others write while a batch is on its way."""
        before = self.warehouse.last_write()
        try:
            yield
        finally:
            if self.warehouse.last_write() is not before:
                self.was_disturbed = self.is_news = True

    def _hear_news(self) -> None:
        """Ask again who was erased, once others have written: their next batch goes without them."""
        if self.is_news:
            self.is_news = False
            self.ask_who_was_erased()

    def _report(self, status: str, code: str | None, held: int) -> SyncReport:
        rows = ledger.batch_facts(self.warehouse, self.batches)
        running = status == "running"
        gates = {} if running else self._gates()
        rejected = sum(n for (_, state), n in rows.items() if state in {"rejected", "refused"})
        pending = sum(n for (_, state), n in rows.items() if state in {"pending", "voided"})
        return SyncReport(
            sync_key=self.sync.key,
            destination_key=self.sync.destination,
            status="partial" if status in {"succeeded", "held"} and rejected + pending else status,
            added=rows.get(("add", "acknowledged"), 0),
            changed=rows.get(("change", "acknowledged"), 0),
            removed=rows.get(("remove", "acknowledged"), 0),
            rejected=rejected,
            unanswered=pending + self._not_reached(code),
            held_out=gates.get("held_out", 0),
            no_consent=gates.get("no_consent", 0),
            suppressed=gates.get("suppressed", 0),
            unreachable=gates.get("unreachable", 0),
            held=held,
            code=code,
            sent=sum(rows.values()),
            problems=self.problems,
        )

    def _gates(self) -> Mapping[str, int]:
        """How many members stood before each gate when it was planned; now where nothing was."""
        if self.draft is not None:
            return self.draft.gates
        return count_gates(self.warehouse, self.sync, self.catalogue)

    def _not_reached(self, code: str | None) -> int:
        """Planned rows for which no intent was written before the run stopped."""
        if code is None:
            return 0
        return max(0, self.planned - self.intended - self.destination.max_rows)


_COUNTS = (
    "added",
    "changed",
    "removed",
    "rejected",
    "unanswered",
    "held_out",
    "no_consent",
    "suppressed",
    "unreachable",
    "held",
)
