"""Random consents over time, and whom an oracle would let through: numpy alone, no SQL."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from audiences import compute_memberships
from audiences.sync import Sync, run_sync
from audiences.sync.config import Identifier
from audiences.sync.destinations.base import Batch, Delivery, Request, Sleep
from tests.audiences.conftest import EVERYONE, MARTS, NOW, audience
from warehouse import DuckDBWarehouse, TableName

PURPOSES = ("marketing", "advertising", "analytics", "personalization")
# What the audience and the destination ask for; the others are noise.
REQUIRED = (0, 1)
UNKNOWN, GRANTED, DENIED, BOTH, EMPTY = range(5)
STATUSES: dict[int, tuple[str | None, ...]] = {
    UNKNOWN: (), GRANTED: ("granted",), DENIED: ("denied",), BOTH: ("granted", "denied"),
    EMPTY: (None,),
}  # fmt: skip
SYNC = Sync(
    "to_it", "everyone", "it", "mirror",
    (Identifier(type="person_id", form="raw"), Identifier(type="email", form="raw")),
    purposes=("advertising",), max_removed_share=1.0,
)  # fmt: skip


@dataclass
class World:
    """Persons, what they said, and the truth about whom and what may be sent.

    Attributes:
        seed: Of everything that is random.
        persons: How many there are.
        leaks: Rows that were delivered though they must not have been, or held too much.
        tuples: Persons times purposes times moments that were judged.
    """

    seed: int
    persons: int
    leaks: int = 0
    tuples: int = 0
    held: dict[int, bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.chance = np.random.default_rng(self.seed)
        self.warehouse = DuckDBWarehouse.in_memory()
        self.warehouse.execute(MARTS)
        ids = np.arange(self.persons)
        self.ids = pa.array([f"p{number:07d}" for number in ids])
        self.warehouse.append(TableName("marts", "profiles"), pa.table({"person_id": self.ids}))
        self.warehouse.execute("insert into raw.as_of values (timestamp '2026-03-01')")

    def live(self, moments: int) -> None:
        """Everybody may change their mind before each run, and some in the middle of it."""
        for moment in range(moments):
            self._speak()
            now = NOW + dt.timedelta(days=moment)
            needed = audience(EVERYONE, purposes=["marketing"])
            run_id = f"r{moment}"
            compute_memberships(self.warehouse, [needed], run_id=run_id, now=now)
            report = run_sync(
                self.warehouse, SYNC, _Destination(self), run_id=run_id, now=now,
                sleep=lambda _s: None, suppression=self._suppressed,
            )  # fmt: skip
            assert report.status == "succeeded", report
            self._settle(moment)
            self.tuples += self.persons * len(PURPOSES)

    def deliver(self, rows: list[dict[str, Any]]) -> None:
        """What the destination gets; judged by what holds at this moment."""
        may = self._may()
        for row in rows:
            person = int(row["identifiers"]["person_id"][1:])
            if row["operation"] == "remove":
                del self.held[person]
                continue
            address = row["identifiers"]["email"]
            self.leaks += not may[person]
            self.leaks += address is not None and bool(self.is_denied[person])
            self.held[person] = address is not None

    def change_minds(self) -> None:
        """A few withdraw while a sync runs."""
        some = self.chance.integers(0, self.persons, max(1, self.persons // 500))
        self.status[some, 0] = DENIED
        names = self.ids.take(pa.array(some))
        with self.warehouse.view("candor_test_some", pa.table({"person_id": names})):
            self.warehouse.execute(
                "update marts.consent_current set status = 'denied' where purpose = 'marketing' "
                "and person_id in (select person_id from candor_test_some)"
            )
            self.warehouse.execute(
                "insert into marts.consent_current (person_id, purpose, status) "
                "select distinct person_id, 'marketing', 'denied' from candor_test_some "
                "where person_id not in (select person_id from marts.consent_current "
                "where purpose = 'marketing')"
            )

    def _settle(self, moment: int) -> None:
        """Run again, so that whoever withdrew on the way is taken out; then all must be right."""
        run_sync(
            self.warehouse, SYNC, _Destination(self, is_quiet=True), run_id=f"s{moment}",
            now=NOW + dt.timedelta(days=moment, hours=1), sleep=lambda _s: None,
            suppression=self._suppressed,
        )  # fmt: skip
        expected = np.flatnonzero(self._may())
        assert self.held == {int(p): not self.is_denied[p] for p in expected}

    def _may(self) -> Any:
        """Who may be sent now: every purpose granted, by nothing but a grant, and not erased."""
        return (self.status[:, list(REQUIRED)] == GRANTED).all(axis=1) & ~self.is_erased

    def _speak(self) -> None:
        shape = (self.persons, len(PURPOSES))
        self.status = self.chance.choice(5, size=shape, p=(0.05, 0.8, 0.09, 0.03, 0.03))
        self.is_erased = self.chance.random(self.persons) < 0.02
        denied = self.chance.choice(5, size=self.persons, p=(0.8, 0.05, 0.05, 0.05, 0.05))
        self.is_denied = np.isin(denied, [purpose + 1 for purpose in REQUIRED])
        self._replace("consent_current", self._decisions())
        words = np.array([None, *PURPOSES], dtype=object)[denied]
        # A denial of another purpose beside it changes nothing.
        texts = [None if word is None else f"newsletter, {word}" for word in words]
        self._replace(
            "contact_points",
            pa.table({
                "person_id": self.ids, "identifier_type": pa.array(["email"] * self.persons),
                "identifier_value": pc.binary_join_element_wise(self.ids, "mail.example", "@"),
                "is_preferred": pa.array([True] * self.persons),
                "is_shared": pa.array([False] * self.persons),
                "denied_purposes": pa.array(texts, pa.string()),
            }),
        )  # fmt: skip

    def _decisions(self) -> pa.Table:
        parts = []
        for number, purpose in enumerate(PURPOSES):
            for status, words in STATUSES.items():
                who = self.ids.take(pa.array(np.flatnonzero(self.status[:, number] == status)))
                for word in words:
                    columns = [who, pa.repeat(purpose, len(who)),
                               pa.array([word] * len(who), pa.string())]  # fmt: skip
                    parts.append(pa.table(columns, ["person_id", "purpose", "status"]))
        return pa.concat_tables(parts)

    def _replace(self, name: str, rows: pa.Table) -> None:
        self.warehouse.replace(TableName("marts", name), rows)

    def _suppressed(self, known: pa.Table) -> pa.Table:
        numbers = pc.utf8_slice_codeunits(known["person_id"], 1, 8).cast(pa.int64())
        return known.filter(pa.array(self.is_erased[numbers.to_numpy()]))


@dataclass
class _Destination:
    """Hands what it gets to the world; after each batch some persons change their minds."""

    world: World
    is_quiet: bool = False
    key: str = "it"

    @property
    def max_rows(self) -> int:
        return max(50, self.world.persons // 10)

    def remembers(self, sync_key: str) -> bool:
        return True

    def plan(self, batch: Batch) -> Request:
        body = f"[{','.join(batch.rows['payload'].to_pylist())}]"
        return Request(batch.batch_id, batch.sync_key, body.encode())

    def send(self, request: Request, *, sleep: Sleep) -> Delivery:
        self.world.deliver(json.loads(request.body))
        if not self.is_quiet:
            self.world.change_minds()
        return Delivery()

    def erase(self, batch: Batch, *, sleep: Sleep) -> Delivery:
        raise AssertionError("nobody is erased here")
