"""Tell one destination to forget the persons of one sync, of many requests in one batch.

An intent is committed before the call, so that a killed process leaves either nothing or a batch
without an answer; the next one sends that batch again under the same key.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from audiences.errors import DestinationError, DestinationRefusedError
from audiences.inventory import BATCHES, LEDGER, ROW_RESULTS
from audiences.sync import ledger
from audiences.sync.config import Sync
from audiences.sync.destinations import Destination, Sleep
from audiences.sync.destinations.base import place_of, reads_columns
from audiences.sync.identities import held_sql
from audiences.sync.intents import Intent, read_batch, write_intent
from warehouse import Warehouse

# Whom a pass is about: (subject_request_id, person_id).
ASKED = "candor_erasing_persons"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of telling a destination."""

    status: str
    batch_id: str | None
    code: str | None

    @property
    def gravity(self) -> int:
        """The worst that came of any of its persons is what came of a request."""
        return _BEST_FIRST.index(self.status)


_BEST_FIRST = ("confirmed", "rejected", "unanswered", "refused", "unreachable")


@dataclass(frozen=True, slots=True)
class Telling:
    """One destination that is told about the persons of one sync."""

    warehouse: Warehouse
    sync: Sync
    destination: Destination
    sleep: Sleep
    run_id: str
    now: dt.datetime

    def tell(self, persons: Mapping[str, Sequence[str]]) -> dict[str, Answer]:
        """Send what is not confirmed yet, first what waits for an answer, under its old key."""
        with self.warehouse.view(ASKED, asked(persons)):
            answers = {batch_id: self._deliver(batch_id) for batch_id in self._waiting()}
            # A batch tells two of what is held of a person: again until nothing is.
            while more := {name: self._deliver(name) for name in self._intents([*answers])}:
                answers |= more
            by_person = self._by_person(answers)
        nothing_due = Answer("confirmed", None, None)
        return {
            request_id: max(
                (by_person.get(person_id, nothing_due) for person_id in person_ids),
                key=lambda answer: (answer.gravity, answer.batch_id or ""),
                default=nothing_due,
            )
            for request_id, person_ids in persons.items()
        }

    @property
    def _place(self) -> str | None:
        return place_of(self.destination)

    @property
    def _here(self) -> list[str] | None:
        return ledger.places_here(self.warehouse, self.sync.key, self.destination)

    @property
    def _bound(self) -> dict[str, object]:
        return {"ours": self.sync.key, "here": self._here}

    def _waiting(self) -> list[str]:
        """Batches that were told without an answer and speak of nobody but these persons."""
        return list(self.warehouse.read(_WAITING, self._bound)["batch_id"].to_pylist())

    def _intents(self, told: Sequence[str]) -> Iterator[str]:
        """Commit the intent to tell what is left after these batches, as much at once as is taken.

        Of whom one of them was not acknowledged, nothing is left for now.
        """
        place = ledger.last_place(self.warehouse, self.sync.key)
        is_here = place is None or place in (self._here or ())
        values = {**self._bound, "told": list(told), "is_here": is_here}
        due = self.warehouse.read(
            f"select person_id from ({_TO_ERASE}) order by person_id", values
        )["person_id"].to_pylist()
        intent = Intent(self.sync, self.run_id, ledger.ERASURE, self.now, self._place)
        for first in range(0, len(due), self.destination.max_rows):
            chosen = due[first : first + self.destination.max_rows]
            batch_id = write_intent(
                self.warehouse,
                intent,
                f"from ({_TO_ERASE}) where list_contains($chosen::varchar[], person_id)",
                {**values, "chosen": chosen},
            )
            if batch_id is not None:
                yield batch_id

    def _deliver(self, batch_id: str) -> Answer:
        batch = read_batch(
            self.warehouse, self.sync, batch_id, has_columns=reads_columns(self.destination)
        )
        try:
            delivery = self.destination.erase(batch, sleep=self.sleep)
        except DestinationRefusedError as error:
            ledger.record_refusal(self.warehouse, batch_id, error.code, now=self.now)
            return Answer("refused", batch_id, error.code)
        except DestinationError as error:
            ledger.record_attempt(
                self.warehouse, batch_id, attempts=1, code=error.code, jobs=error.jobs
            )
            return Answer("unanswered", batch_id, error.code)
        ledger.record_delivery(self.warehouse, batch_id, delivery, now=self.now)
        return Answer("confirmed", batch_id, None)

    def _by_person(self, answers: Mapping[str, Answer]) -> dict[str, Answer]:
        """What came of each person who was told about, or who may be known elsewhere still."""
        rows = self.warehouse.read(_RESULTS, {"batch_ids": list(answers)}).to_pylist()
        came = [
            (row["person_id"], _of_row(answers[row["batch_id"]], row["status"])) for row in rows
        ]
        told = dict(sorted(came, key=lambda one: one[1].gravity))
        found = {**self._confirmed_before(), **told}
        elsewhere = self.warehouse.read(_ELSEWHERE, self._bound)["person_id"].to_pylist()
        for person_id in elsewhere:
            known = found.get(person_id)
            if known is None or known.status == "confirmed":
                batch_id = known.batch_id if known else None
                found[person_id] = Answer("unreachable", batch_id, "sent to another place before")
        return found

    def _confirmed_before(self) -> dict[str, Answer]:
        """Of persons whom an earlier batch made it forget, what that came to."""
        rows = self.warehouse.read(_CONFIRMED, self._bound).to_pylist()
        return {row["person_id"]: Answer("confirmed", row["batch_id"], None) for row in rows}


def _of_row(answer: Answer, status: str) -> Answer:
    """What came of one row of a batch that arrived."""
    if answer.status != "confirmed" or status == "acknowledged":
        return answer
    return Answer("rejected", answer.batch_id, "rows")


def asked(persons: Mapping[str, Sequence[str]]) -> pa.Table:
    """``(subject_request_id, person_id)``."""
    pairs = [(name, person_id) for name, person_ids in persons.items() for person_id in person_ids]
    return pa.table(
        {
            "subject_request_id": pa.array([name for name, _ in pairs], pa.string()),
            "person_id": pa.array([person_id for _, person_id in pairs], pa.string()),
        }
    )


_ELSEWHERE = f"""
    select distinct person_id from (
        select results.person_id, batches.place
        from {ROW_RESULTS.name.sql} as results
        inner join {BATCHES.name.sql} as batches using (batch_id)
        where results.sync_key = $ours
            and results.person_id in (select person_id from {ASKED})
            and results.status <> 'refused'
            and not list_contains($here::varchar[], batches.place)
        group by results.person_id, batches.place
        having max(recorded_at) filter (where operation <> 'erase') > coalesce(
            max(recorded_at) filter (where operation = 'erase' and results.status = 'acknowledged'),
            timestamp '0001-01-01'
        )
    )
"""

_CONFIRMED = f"""
    select results.person_id, max_by(results.batch_id, results.recorded_at) as batch_id
    from {ROW_RESULTS.name.sql} as results
    inner join {BATCHES.name.sql} as batches using (batch_id)
    where results.sync_key = $ours
        and results.operation = 'erase' and results.status = 'acknowledged'
        and coalesce(list_contains($here::varchar[], batches.place), true)
        and results.person_id in (select person_id from {ASKED})
    group by results.person_id
"""

# In order, so that of answers alike the last one counts.
_RESULTS = f"""
    select results.person_id, batch_id, results.status
    from {ROW_RESULTS.name.sql} as results
    inner join {BATCHES.name.sql} as batches using (batch_id)
    where list_contains($batch_ids::varchar[], batch_id)
    order by batches.position
"""

# What was sent last and whatever else the ledger says may be there. Who was told already is due
# only as long as that is not all gone.
_TO_ERASE = f"""
    with sent as (
        select person_id, row_id, identifiers, acknowledged_at as moment,
            {held_sql("earlier_identifiers", "identifiers", "is_present and $is_here")} as held
        from {LEDGER.name.sql}
        where sync_key = $ours and person_id in (select person_id from {ASKED})
        union all
        select person_id, row_id, identifiers, recorded_at as moment, null as held
        from {ROW_RESULTS.name.sql}
        where sync_key = $ours and person_id in (select person_id from {ASKED})
    ),
    erased as (
        select results.person_id
        from {ROW_RESULTS.name.sql} as results
        inner join {BATCHES.name.sql} as batches using (batch_id)
        where results.sync_key = $ours
            and results.person_id in (select person_id from {ASKED})
        group by results.person_id
        having max(recorded_at) filter (
            where operation = 'erase' and results.status = 'acknowledged'
                and coalesce(list_contains($here::varchar[], batches.place), true)
        )
            >= max(recorded_at)
        union
        select person_id from {ROW_RESULTS.name.sql}
        where list_contains($told::varchar[], batch_id) and status = 'acknowledged'
    ),
    known as (
        select person_id, any_value(row_id) as row_id, coalesce(any_value(held), []) as held,
            first(identifiers order by moment desc nulls last)
                filter (where identifiers is not null) as latest
        from sent
        where person_id not in (
            select person_id from {ROW_RESULTS.name.sql}
            where list_contains($told::varchar[], batch_id) and status <> 'acknowledged'
        )
        group by person_id
    )
    select person_id, row_id, 'erase' as operation, 'erased' as cause,
        null::varchar as fingerprint, untold[1] as identifiers, untold[2] as previous_identifiers,
        null::varchar as traits
    from (
        select person_id, row_id,
            case when person_id in (select person_id from erased) then held
                else [latest] || list_filter(held, lambda one: one is distinct from latest)
            end as untold
        from known
    )
    where len(untold) > 0
"""

_WAITING = f"""
    select batches.batch_id
    from {BATCHES.name.sql} as batches
    inner join {ROW_RESULTS.name.sql} as results using (batch_id)
    where batches.sync_key = $ours
        and batches.kind = '{ledger.ERASURE}' and batches.status = 'in_flight'
        and coalesce(list_contains($here::varchar[], batches.place), true)
    group by batches.batch_id, batches.position
    having bool_and(results.person_id in (select person_id from {ASKED}))
    order by batches.position
"""
