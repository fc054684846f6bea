"""Once it is durable that somebody is kept out, nothing of them is sent, whatever a sync was doing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pytest

from audiences.sync.destinations.base import Delivery, Request, Sleep
from audiences.sync.destinations.fake import CrashError, FakeDestination
from privacy import KeyRing, Suppressions
from privacy.inventory import TABLES
from tests.audiences.conftest import NOW, Company
from tests.audiences.test_sync import Publisher
from warehouse import Warehouse

PEOPLE, BATCHES = 6, 3


@dataclass(slots=True)
class Racing(FakeDestination):
    """Somebody is erased while a batch is on its way to it."""

    meanwhile: Callable[[int], None] = lambda _batch: None

    def send(self, request: Request, *, sleep: Sleep) -> Delivery:
        delivery = FakeDestination.send(self, request, sleep=sleep)
        self.meanwhile(len(self.keys) - 1)
        return delivery


@dataclass(frozen=True)
class Erasing:
    """The suppressions of an erasure, as a sync asks for them."""

    suppressions: Suppressions

    @classmethod
    def in_home(cls, warehouse: Warehouse, home: Path) -> Erasing:
        warehouse.create_missing(TABLES)
        return cls(Suppressions(warehouse, KeyRing(home / "keys")))

    def suppress(self, *persons: str) -> None:
        rows = [
            {"subject_request_id": "r", "kind": "email", "value": f"{person}@mail.example"}
            for person in persons
        ]
        self.suppressions.add(pa.Table.from_pylist(rows), now=NOW)

    def asked(self, known: pa.Table) -> pa.Table:
        renamed = known.rename_columns(
            [{"identifier_type": "kind", "identifier_value": "value"}.get(name, name)
             for name in known.column_names]
        )  # fmt: skip
        return self.suppressions.suppressed(renamed)


@pytest.fixture
def erasing(company: Company, tmp_path: Path) -> Erasing:
    return Erasing.in_home(company.warehouse, tmp_path)


@pytest.mark.parametrize("batch", range(BATCHES))
def test_who_is_erased_while_a_batch_is_on_its_way_is_in_no_later_one(
    company: Company, erasing: Erasing, batch: int
) -> None:
    people = company.people(PEOPLE)
    destination = Racing(max_rows=PEOPLE // BATCHES)
    destination.meanwhile = lambda number: erasing.suppress(*people) if number == batch else None

    report = Publisher(company, destination).run(suppression=erasing.asked)

    assert (report.added, len(destination.members)) == (2 * (batch + 1),) * 2


def test_others_are_sent_all_the_same(company: Company, erasing: Erasing) -> None:
    people = company.people(PEOPLE)
    destination = Racing(max_rows=1)
    publisher = Publisher(company, destination)
    gone: list[str] = []

    def erase_next(number: int) -> None:
        if number == 1:
            gone.append(min({*people} - publisher.held()))
            erasing.suppress(*gone)

    destination.meanwhile = erase_next
    publisher.run(suppression=erasing.asked)

    assert publisher.held() == {*people} - {*gone}
    assert len(gone) == 1


@pytest.mark.parametrize("batch", range(BATCHES))
def test_what_a_killed_sync_meant_to_send_of_them_is_not_sent_again(
    company: Company, erasing: Erasing, batch: int
) -> None:
    people = company.people(PEOPLE)
    destination = FakeDestination(max_rows=PEOPLE // BATCHES)
    destination.before = [None] * batch + [CrashError()]
    publisher = Publisher(company, destination)
    with pytest.raises(CrashError):
        publisher.run(suppression=erasing.asked)
    keys = len(destination.keys)
    erasing.suppress(*people)

    publisher.run(suppression=erasing.asked)

    sent = [row for body in destination.bodies[keys:] for row in body]
    # Those of the batch without an answer too: it may have arrived.
    assert {row["operation"] for row in sent} == {"remove"}
    assert publisher.held() == set()
