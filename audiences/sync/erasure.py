"""Make destinations forget people: everyone ever sent is known from the ledger."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from audiences.errors import DestinationError, DestinationRefusedError, InvalidAudienceError
from audiences.inventory import BATCHES, LEDGER, ROW_RESULTS, RUNS, TABLES
from audiences.sync import ledger
from audiences.sync.config import DestinationsConfig, Sync
from audiences.sync.destinations import Clock, Destination, Sleep, open_destination
from audiences.sync.destinations.base import place_of
from settings import MissingSecretError
from warehouse import Warehouse


@dataclass(frozen=True, slots=True)
class ErasureEvidence:
    """What one destination answered for one sync; holds no personal value.

    Attributes:
        destination_key: The destination.
        sync_key: The sync that had sent the persons there.
        persons: How many ids of them it was told to forget.
        status: confirmed; rejected: some rows were refused; unanswered: told, without an answer;
            refused: it would not listen; unreachable: it is no longer configured, is off or has no
            secret, or was elsewhere when it got them: set it back and ask again.
        batch_id: The batch that told it; None when nothing was sent.
        code: Why it is not confirmed; None when it is.
    """

    destination_key: str
    sync_key: str
    persons: int
    status: str
    batch_id: str | None
    code: str | None

    @property
    def is_confirmed(self) -> bool:
        """Whether the destination has acknowledged."""
        return self.status == "confirmed"


@dataclass(frozen=True, slots=True)
class DestinationEraser:
    """Tells every destination that ever got a person to forget them.

    Attributes:
        warehouse: The engine, not inside a transaction.
        destinations: The destinations that can be reached, by key.
        sleep: How to wait between attempts.
    """

    warehouse: Warehouse
    destinations: Mapping[str, Destination]
    sleep: Sleep

    def find(self, person_ids: Sequence[str]) -> Mapping[str, int]:
        """How many of these ids each destination ever got, by its key."""
        counts: dict[str, int] = {}
        for row in self._sent(person_ids):
            counts[row.destination_key] = counts.get(row.destination_key, 0) + row.persons
        return counts

    def erase(
        self, person_ids: Sequence[str], *, request_id: str, now: dt.datetime
    ) -> tuple[ErasureEvidence, ...]:
        """Tell the destinations; telling them again finds whatever is not confirmed yet.

        Call it before the ledger's own rows are erased: afterwards nobody knows what was sent.

        Args:
            person_ids: Every id that the persons ever had.
            request_id: The request to name as the run.
            now: Time to record, UTC without a zone.
        """
        self.warehouse.create_missing(TABLES)
        return tuple(
            self._tell(sent, person_ids, request_id=request_id, now=now)
            for sent in self._sent(person_ids)
        )

    def _tell(
        self, sent: _Sent, person_ids: Sequence[str], *, request_id: str, now: dt.datetime
    ) -> ErasureEvidence:
        destination = self.destinations.get(sent.destination_key)
        if destination is None:
            return sent.evidence(
                "unreachable", None, "not configured, switched off or without its secret"
            )
        sync = Sync(
            sent.sync_key,
            sent.audience_key,
            sent.destination_key,
            "mirror",
            (),
            target=ledger.target_ever(self.warehouse, sent.sync_key),
        )
        place = place_of(destination)
        intent = ledger.Intent(sync, request_id, ledger.ERASURE, now, place)
        waiting = self._waiting(sent.sync_key, request_id, place)
        batch_id = waiting or ledger.write_intent(
            self.warehouse,
            intent,
            _TO_ERASE,
            {"person_ids": list(person_ids), "ours": sent.sync_key, "place": place},
        )
        told = sent.evidence("confirmed", None, None)
        if batch_id is not None:
            told = self._deliver(sent, destination, sync, batch_id, now=now)
        if told.is_confirmed and self._is_elsewhere(sent.sync_key, person_ids, place):
            return sent.evidence("unreachable", told.batch_id, "sent to another place before")
        return told

    def _is_elsewhere(self, sync_key: str, person_ids: Sequence[str], place: str | None) -> bool:
        """Whether a place where the destination was before may still have one of them."""
        values = {"ours": sync_key, "person_ids": list(person_ids), "place": place}
        return bool(self.warehouse.scalar(_ELSEWHERE, values))

    def _deliver(
        self, sent: _Sent, destination: Destination, sync: Sync, batch_id: str, *, now: dt.datetime
    ) -> ErasureEvidence:
        batch = ledger.read_batch(self.warehouse, sync, batch_id)
        try:
            delivery = destination.erase(batch, sleep=self.sleep)
        except DestinationRefusedError as error:
            ledger.record_refusal(self.warehouse, batch_id, error.code, now=now)
            return sent.evidence("refused", batch_id, error.code)
        except DestinationError as error:
            ledger.record_attempt(self.warehouse, batch_id, attempts=1, code=error.code)
            return sent.evidence("unanswered", batch_id, error.code)
        ledger.record_delivery(self.warehouse, batch_id, delivery, now=now)
        is_partial = delivery.rejected.num_rows > 0
        return sent.evidence(
            "rejected" if is_partial else "confirmed", batch_id, "rows" if is_partial else None
        )

    def _waiting(self, sync_key: str, request_id: str, place: str | None) -> str | None:
        """The batch of this request that was told without an answer, if there is one."""
        waiting = self.warehouse.scalar(
            f"""
            select batch_id from {BATCHES.name.sql}
            where sync_key = $sync_key and run_id = $request_id
                and kind = '{ledger.ERASURE}' and status = 'in_flight'
                and coalesce(place = cast($place as varchar), true)
            order by position
            """,
            {"sync_key": sync_key, "request_id": request_id, "place": place},
        )
        return None if waiting is None else str(waiting)

    def _sent(self, person_ids: Sequence[str]) -> list[_Sent]:
        self.warehouse.create_missing(TABLES)
        rows = self.warehouse.read(_EVER_SENT, {"person_ids": list(person_ids)})
        return [_Sent(**row) for row in rows.to_pylist()]  # one row per sync


def open_eraser(
    warehouse: Warehouse,
    config: DestinationsConfig,
    *,
    artifacts: Path,
    environment: Mapping[str, str],
    clock: Clock,
    sleep: Sleep,
) -> DestinationEraser:
    """An eraser that reaches every destination that is switched on.

    One whose secret is missing or wrong cannot be reached: the evidence says so, and telling the
    others goes on.

    Args:
        warehouse: The engine, not inside a transaction.
        config: What ``destinations.yml`` says.
        artifacts: The folder in which relative folders start.
        environment: Where secrets are, usually ``os.environ``.
        clock: Gives the time of each attempt, UTC with its zone.
        sleep: How to wait between attempts.
    """

    def reachable() -> Iterator[tuple[str, Destination]]:
        for key, settings in config.enabled.items():
            try:
                yield (
                    key,
                    open_destination(
                        key, settings, artifacts=artifacts, environment=environment, clock=clock
                    ),
                )
            except (MissingSecretError, InvalidAudienceError):
                continue

    return DestinationEraser(warehouse, dict(reachable()), sleep)


@dataclass(frozen=True, slots=True)
class _Sent:
    """A sync that sent some of the persons."""

    sync_key: str
    destination_key: str
    audience_key: str
    persons: int

    def evidence(self, status: str, batch_id: str | None, code: str | None) -> ErasureEvidence:
        return ErasureEvidence(
            self.destination_key, self.sync_key, self.persons, status, batch_id, code
        )


# A person counts as sent by the ledger, and by every batch that was ever committed: one that was
# never answered, refused or voided may have been read at the other side all the same.
_EVER_SENT = f"""
    with sent as (
        select sync_key, destination_key, person_id from {LEDGER.name.sql}
        union
        select batches.sync_key, batches.destination_key, results.person_id
        from {ROW_RESULTS.name.sql} as results
        inner join {BATCHES.name.sql} as batches using (batch_id)
    ),
    syncs as (
        select sync_key, max_by(audience_key, started_at) as audience_key
        from {RUNS.name.sql} group by sync_key
    )
    select sync_key, destination_key, coalesce(audience_key, '') as audience_key,
        count(distinct person_id) as persons
    from sent left join syncs using (sync_key)
    where list_contains($person_ids::varchar[], person_id)
    group by all
    order by all
"""

_ELSEWHERE = f"""
    select count(*) from (
        select results.person_id, batches.place
        from {ROW_RESULTS.name.sql} as results
        inner join {BATCHES.name.sql} as batches using (batch_id)
        where results.sync_key = $ours and list_contains($person_ids::varchar[], person_id)
            and results.status <> 'refused' and batches.place <> cast($place as varchar)
        group by results.person_id, batches.place
        having max(recorded_at) filter (where operation <> 'erase') > coalesce(
            max(recorded_at) filter (where operation = 'erase' and results.status = 'acknowledged'),
            timestamp '0001-01-01'
        )
    )
"""

_TO_ERASE = f"""
    with sent as (
        select person_id, row_id, identifiers, acknowledged_at as moment
        from {LEDGER.name.sql} where sync_key = $ours
        union all
        select person_id, row_id, identifiers, recorded_at as moment
        from {ROW_RESULTS.name.sql} where sync_key = $ours
    ),
    erased as (
        select results.person_id
        from {ROW_RESULTS.name.sql} as results
        inner join {BATCHES.name.sql} as batches using (batch_id)
        where results.sync_key = $ours
        group by results.person_id
        having max(recorded_at) filter (
            where operation = 'erase' and results.status = 'acknowledged'
                and coalesce(batches.place = cast($place as varchar), true)
        )
            >= max(recorded_at)
    )
    select person_id, any_value(row_id) as row_id, 'erase' as operation, 'erased' as cause,
        null::varchar as fingerprint,
        first(identifiers order by moment desc nulls last) filter (where identifiers is not null)
            as identifiers,
        null::varchar as previous_identifiers, null::varchar as traits
    from sent
    where list_contains($person_ids::varchar[], person_id)
        and person_id not in (select person_id from erased)
    group by person_id
"""
