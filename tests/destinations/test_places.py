"""The pack for places that are no vendor's service: files, a bucket, SFTP, Redis, PostgreSQL."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from audiences import (
    DestinationRefusedError,
    DestinationUnavailableError,
    UnsafeAddressError,
    compute_memberships,
)
from audiences.sync import DestinationEraser, Sync, SyncReport, run_sync
from audiences.sync.config import Identifier
from audiences.sync.destinations import Batch, Destination
from tests.audiences.conftest import EVERYONE, NOW, Company, audience
from tests.destinations.places import KINDS, Place, opened

EMAIL = Identifier(type="email", form="raw")
SYNC = Sync("to_it", "everyone", "it", "mirror", (EMAIL,), ("country",))
FILES = ["file", "s3", "sftp"]
WITH_ADDRESS = [kind for kind in KINDS if kind != "file"]
FIVE = [f"p{number:03d}" for number in range(5)]


@pytest.fixture(scope="module", params=KINDS)
def served(request: pytest.FixtureRequest) -> Iterator[Place]:
    with (
        tempfile.TemporaryDirectory(prefix="candor-place-", ignore_cleanup_errors=True) as folder,
        opened(request.param, Path(folder)) as place,
    ):
        yield place


@pytest.fixture
def place(served: Place) -> Place:
    served.wipe()
    return served


@pytest.fixture
def it(place: Place, tmp_path: Path) -> Destination:
    return place.open(tmp_path)


def _no_sleep(_seconds: float) -> None:
    raise AssertionError("a test never sleeps")


def _run(company: Company, it: Destination, place: Place, number: int = 1) -> SyncReport:
    moment = {"run_id": f"r{number}", "now": NOW + dt.timedelta(hours=number)}
    compute_memberships(company.warehouse, [audience(EVERYONE)], **moment)
    sync = dataclasses.replace(SYNC, target=place.target)
    return run_sync(company.warehouse, sync, it, sleep=_no_sleep, **moment)


def _address(person: str) -> str:
    return f"{person}@mail.example"


def test_the_place_follows_the_audience(company: Company, place: Place, it: Destination) -> None:
    company.people(4, country="US")
    first = _run(company, it, place)
    company.consent("p001", "marketing", "denied")
    company.warehouse.execute(
        "update marts.profiles set country = 'DE' where person_id = 'p002';"
        "update marts.contact_points set identifier_value = 'new@mail.example' "
        "where person_id = 'p003' and identifier_type = 'email'"
    )
    company.person("p900", country="FR")

    second = _run(company, it, place, 2)

    assert (first.added, second.added, second.changed, second.removed) == (4, 1, 2, 1)
    assert place.held() == {
        _address("p000"): "US", _address("p002"): "DE", "new@mail.example": "US",
        _address("p900"): "FR",
    }  # fmt: skip


def _batch(place: Place, rows: list[tuple[str, str]], batch_id: str = "b_1") -> Batch:
    payloads = [
        json.dumps(
            {"id": f"r_{person}", "operation": operation, "previous_identifiers": None,
             "identifiers": {"email": _address(person)}, "traits": {"country": "US"}}
        )
        for person, operation in rows
    ]  # fmt: skip
    table = pa.table(
        {
            "row_id": [f"r_{person}" for person, _ in rows],
            "operation": [operation for _, operation in rows],
            "payload": payloads,
            "email": [_address(person) for person, _ in rows],
            "country": ["US" for _ in rows],
        }
    )
    return Batch(batch_id, "to_it", "everyone", ("email", "country"), table, place.target or "")


def test_a_batch_that_comes_twice_is_one(place: Place, it: Destination) -> None:
    batch = _batch(place, [(person, "add") for person in FIVE])
    it.send(it.plan(batch), sleep=_no_sleep)
    first = place.held()

    it.send(it.plan(batch), sleep=_no_sleep)

    assert place.held() == first
    assert set(first) == {_address(person) for person in FIVE}
    assert it.plan(batch).body == it.plan(batch).body


def test_what_was_lost_is_noticed_and_sent_again(
    company: Company, place: Place, it: Destination
) -> None:
    company.people(3, country="US")
    _run(company, it, place)
    place.wipe()

    report = _run(company, it, place, 2)

    assert report.added == 3
    assert len(place.held()) == 3


def test_an_erased_person_is_nowhere_and_the_answer_says_so(
    company: Company, place: Place, it: Destination
) -> None:
    company.people(3, country="US")
    _run(company, it, place)
    company.warehouse.execute("update marts.profiles set country = 'DE' where person_id = 'p000'")
    _run(company, it, place, 2)
    named = {row["person_id"]: row["row_id"] for row in company.rows("sync.ledger")}
    assert _address("p000") in place.text()

    (evidence,) = DestinationEraser(company.warehouse, {"it": it}, _no_sleep).erase(
        ["p000"], request_id="dsr1", now=NOW + dt.timedelta(days=1)
    )

    text = place.text()
    company.warehouse.execute("delete from marts.profiles where person_id = 'p000'")
    after = _run(company, it, place, 3)
    assert evidence.is_confirmed
    assert _address("p000") not in text
    assert named["p000"] not in text
    assert set(place.held()) == {_address("p001"), _address("p002")}
    assert (after.status, after.sent) == ("succeeded", 0)


def test_a_destination_that_was_moved_stops_and_an_erasure_asks_for_the_old_place(
    company: Company, place: Place, it: Destination, tmp_path: Path
) -> None:
    company.people(2, country="US")
    _run(company, it, place)
    moved = place.open(tmp_path, **place.elsewhere)

    report = _run(company, moved, place, 2)

    assert (report.status, report.code) == ("failed", "target_changed")
    assert {row["status"] for row in company.rows("sync.ledger")} == {"acknowledged"}
    evidence = [
        DestinationEraser(company.warehouse, {"it": there}, _no_sleep).erase(
            ["p000"], request_id="dsr1", now=NOW + dt.timedelta(days=day)
        )[0]
        for day, there in enumerate((moved, it, it), start=1)
    ]
    assert [found.is_confirmed for found in evidence] == [False, True, True]
    assert set(place.held()) == {_address("p001")}


def _erase(place: Place, it: Destination, *people: str) -> Any:
    return it.erase(_batch(place, [(p, "erase") for p in people], "b_9"), sleep=_no_sleep)


@pytest.mark.parametrize("served", FILES, indirect=True)
def test_files_of_somebody_else_stop_no_erasure(place: Place, it: Destination) -> None:
    assert place.leave is not None
    it.send(it.plan(_batch(place, [("p000", "add"), ("p001", "add")])), sleep=_no_sleep)
    place.leave("to_it/deltas/b_1.csv.done", "")
    place.leave("to_it/deltas/theirs.csv", "name\nx\n")

    delivery = _erase(place, it, "p000")

    assert delivery.rejected.num_rows == 0
    assert _address("p000") not in place.text()
    assert set(place.held()) == {_address("p001")}


@pytest.mark.parametrize("served", FILES, indirect=True)
@pytest.mark.parametrize("text", ["", "name\nx\n", "row_id\n1,2,3\n"])
def test_a_file_that_cannot_be_read_refuses_the_erasure_and_no_other_file_keeps_the_person(
    place: Place, it: Destination, text: str
) -> None:
    assert place.leave is not None
    for batch_id in ("b_1", "b_2"):
        it.send(it.plan(_batch(place, [("p000", "add")], batch_id)), sleep=_no_sleep)
    place.leave("to_it/deltas/b_1.csv", text)

    with pytest.raises(DestinationRefusedError, match="unreadable_file"):
        _erase(place, it, "p000")

    assert place.held() == {}


def test_a_crash_after_the_effect_has_no_second_one(
    company: Company, place: Place, it: Destination
) -> None:
    company.people(5, country="US")
    with pytest.raises(_CrashError):
        _run(company, _Crashing(it), place)  # type: ignore[arg-type]

    report = _run(company, it, place, 2)

    assert (report.status, report.added) == ("succeeded", 5)
    assert set(place.held()) == {_address(person) for person in FIVE}


class _CrashError(BaseException):
    """The process dies."""


class _Crashing:
    """A destination whose answers are never read."""

    def __init__(self, inner: Destination) -> None:
        self.inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def send(self, request: Any, *, sleep: Any) -> Any:
        self.inner.send(request, sleep=sleep)
        raise _CrashError


@pytest.mark.parametrize("served", WITH_ADDRESS, indirect=True)
def test_nobody_there_is_left_to_the_next_run_and_forgets_nothing(
    place: Place, tmp_path: Path
) -> None:
    nowhere = place.open(tmp_path, **place.gone)

    with pytest.raises(DestinationUnavailableError):
        nowhere.send(nowhere.plan(_batch(place, [("p000", "add")])), sleep=_no_sleep)
    assert nowhere.remembers("to_it")


@pytest.mark.parametrize("served", WITH_ADDRESS, indirect=True)
def test_this_machine_is_refused_unless_it_is_allowed(place: Place, tmp_path: Path) -> None:
    # Without encryption the configuration is refused already.
    encrypted = {
        name: value.replace("http://", "https://")
        for name, value in place.settings.items()
        if name == "endpoint"
    }
    closed = place.open(tmp_path, allow_insecure_loopback=False, **encrypted)

    with pytest.raises(UnsafeAddressError):
        closed.send(closed.plan(_batch(place, [("p000", "add")])), sleep=_no_sleep)


def test_no_secret_is_shown(it: Destination) -> None:
    assert "secret-" not in repr(it)
