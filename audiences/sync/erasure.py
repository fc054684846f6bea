"""Make destinations forget people: everyone ever sent is known from the ledger."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from audiences.errors import InvalidAudienceError
from audiences.inventory import BATCHES, LEDGER, ROW_RESULTS, RUNS, TABLES
from audiences.sync import ledger
from audiences.sync.config import DestinationsConfig, Sync
from audiences.sync.destinations import Clock, Destination, Sleep, open_destination
from audiences.sync.destinations.base import can_erase
from audiences.sync.telling import ASKED, Answer, Telling, asked
from settings import MissingSecretError
from warehouse import Warehouse

_REMOVAL = "removal"


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
        answer: What the service said to that batch, as ``HTTP 202``; None where it is no service,
            or gave no answer.
        code: Why it is not confirmed; None when it is.
        told: erasure; removal where it has no call that forgets a person: whatever else it keeps
            must be asked for there.
    """

    destination_key: str
    sync_key: str
    persons: int
    status: str
    batch_id: str | None
    answer: str | None
    code: str | None
    told: str

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
        return self.find_all({"": person_ids})[""]

    def find_all(self, persons: Mapping[str, Sequence[str]]) -> Mapping[str, Mapping[str, int]]:
        """The same of many requests at once, by request.

        Args:
            persons: Every id that the persons of each request ever had, by request.
        """
        counts: dict[str, dict[str, int]] = {request_id: {} for request_id in persons}
        for sent in self._sent(persons):
            for request_id, found in sent.persons.items():
                of_request = counts[request_id]
                of_request[sent.destination_key] = of_request.get(sent.destination_key, 0) + found
        return counts

    def erase(
        self, person_ids: Sequence[str], *, request_id: str, now: dt.datetime
    ) -> tuple[ErasureEvidence, ...]:
        """Tell the destinations about the persons of one request, see :meth:`erase_all`."""
        told = self.erase_all({request_id: person_ids}, run_id=request_id, now=now)
        return tuple(told[request_id])

    def erase_all(
        self, persons: Mapping[str, Sequence[str]], *, run_id: str, now: dt.datetime
    ) -> Mapping[str, Sequence[ErasureEvidence]]:
        """Tell the destinations; telling them again finds whatever is not confirmed yet.

        Many requests go in one batch, as large as the destination takes. Where it refuses one that
        speaks of several, it is told of each request alone, so that nobody waits for another.

        Call it before the ledger's own rows are erased: afterwards nobody knows what was sent.

        Args:
            persons: Every id that the persons of each request ever had, by request.
            run_id: The run to name.
            now: Time to record, UTC without a zone.

        Returns:
            The evidence of each request, in order of the syncs.
        """
        self.warehouse.create_missing(TABLES)
        told: dict[str, list[ErasureEvidence]] = {request_id: [] for request_id in persons}
        for sent in self._sent(persons):
            theirs = {request_id: persons[request_id] for request_id in sent.persons}
            for request_id, evidence in self._tell(sent, theirs, run_id=run_id, now=now).items():
                told[request_id].append(evidence)
        return told

    def _tell(
        self,
        sent: _Sent,
        persons: Mapping[str, Sequence[str]],
        *,
        run_id: str,
        now: dt.datetime,
    ) -> Mapping[str, ErasureEvidence]:
        """What one destination answered for one sync, by request."""
        destination = self.destinations.get(sent.destination_key)
        if destination is None:
            why = Answer("unreachable", None, "not configured, switched off or without its secret")
            return {
                request_id: sent.evidence(request_id, why, None, told=ledger.ERASURE)
                for request_id in persons
            }
        sync = Sync(
            sent.sync_key,
            sent.audience_key,
            sent.destination_key,
            "mirror",
            (),
            target=ledger.target_ever(self.warehouse, sent.sync_key),
        )
        telling = Telling(self.warehouse, sync, destination, self.sleep, run_id, now)
        answers = telling.tell(persons)
        refused = [name for name, answer in answers.items() if answer.status == "refused"]
        if len(persons) > 1:
            for name in refused:
                answers |= telling.tell({name: persons[name]})
        batches = [answer.batch_id for answer in answers.values() if answer.batch_id]
        said = ledger.answers(self.warehouse, batches)
        act = ledger.ERASURE if can_erase(destination) else _REMOVAL
        return {
            name: sent.evidence(name, answer, said.get(answer.batch_id or ""), told=act)
            for name, answer in answers.items()
        }

    def _sent(self, persons: Mapping[str, Sequence[str]]) -> list[_Sent]:
        self.warehouse.create_missing(TABLES)
        with self.warehouse.view(ASKED, asked(persons)):
            rows = self.warehouse.read(_EVER_SENT).to_pylist()
        found: dict[tuple[str, str, str], dict[str, int]] = {}
        for row in rows:  # one row per sync and request
            key = (row["sync_key"], row["destination_key"], row["audience_key"])
            found.setdefault(key, {})[row["subject_request_id"]] = row["persons"]
        return [_Sent(*key, counts) for key, counts in found.items()]


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
    """A sync that sent some of the persons, with how many of each request."""

    sync_key: str
    destination_key: str
    audience_key: str
    persons: Mapping[str, int]

    def evidence(
        self, request_id: str, answer: Answer, said: str | None, *, told: str
    ) -> ErasureEvidence:
        return ErasureEvidence(
            self.destination_key, self.sync_key, self.persons[request_id],
            answer.status, answer.batch_id, said, answer.code, told,
        )  # fmt: skip


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
        subject_request_id, count(distinct person_id) as persons
    from sent
    inner join {ASKED} as asked using (person_id)
    left join syncs using (sync_key)
    group by all
    order by all
"""
