"""What a vendor reads off the rows of a batch."""

from __future__ import annotations

import json
from dataclasses import replace

import httpx
import pyarrow as pa
import pytest

from audiences import DestinationRefusedError, DestinationUnavailableError
from audiences.sync.destinations.base import Batch
from audiences.sync.destinations.runner import CallRequest
from audiences.sync.destinations.vendor import shipments
from tests.destinations.cases import CASES
from tests.destinations.world import Asked, Case, Clock, Fault


@pytest.mark.parametrize(
    ("operation", "taken"),
    [("remove", ["new", "old"]), ("erase", ["new", "old"]), ("change", ["old"])],
)
def test_who_goes_is_taken_away_under_both_identifiers_that_they_may_have(
    operation: str, taken: list[str]
) -> None:
    payload = {
        "id": "r_1", "operation": operation, "identifiers": {"email_sha256": "new"},
        "previous_identifiers": {"email_sha256": "old"}, "traits": None,
    }  # fmt: skip
    rows = pa.table({"payload": [json.dumps(payload)]})

    (shipment,) = shipments(Batch("b_1", "s", "everyone", (), rows, "list"), 2)

    assert [row.identifiers["email"] for row in shipment.taken] == taken
    assert {row.row_id for row in shipment.rows} == {"r_1"}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.kind)
def test_who_goes_under_two_identifiers_is_no_more_than_the_vendor_takes_at_once(
    case: Case,
) -> None:
    clock = Clock()
    it = case.open(case.service(clock), clock, max_rows=3)
    rows = [("ann", "remove"), ("bob", "remove"), ("cem", "change")]
    before = {"ann": "amy", "bob": "ben", "cem": "cal"}

    request = it.plan(case.batch(rows, before=before))

    assert isinstance(request, CallRequest)
    assert max(len(call.rows) for call in request.calls) <= 3
    puts = [any(row.row_id == "r_cem" for row in call.rows) for call in request.calls]
    assert puts == sorted(puts)


def test_an_address_that_hubspot_cannot_read_keeps_nobody_else_there() -> None:
    case = next(case for case in CASES if case.kind == "hubspot")
    clock = Clock()
    service = case.service(clock)
    it = case.open(service, clock)
    names = ("ann", "bob", "cem")
    it.send(it.plan(case.batch([(name, "add") for name in names])), sleep=clock.sleep)
    service.broken = {case.seen("bob")}

    request = it.plan(case.batch([(name, "remove") for name in names], batch_id="b_2"))
    delivery = it.send(request, sleep=clock.sleep)

    assert delivery.rejected["row_id"].to_pylist() == ["r_bob"]
    assert service.held(str(case.target)) == {case.seen("bob")}


def test_whoever_hubspot_has_under_another_address_is_put_on_and_taken_off() -> None:
    case, clock = _kind("hubspot"), Clock()
    service = case.service(clock)
    service.merged = {case.seen("ann"): "first@mail.example"}
    it = case.open(service, clock)
    held = []

    for operation in ("add", "remove"):
        request = it.plan(case.batch([("ann", operation)], batch_id=f"b_{operation}"))
        assert it.send(request, sleep=clock.sleep).rejected.num_rows == 0
        held.append(service.held(str(case.target)))

    assert held == [{"first@mail.example"}, set()]


def test_whom_klaviyo_has_in_capitals_is_taken_off() -> None:
    case, clock = _kind("klaviyo"), Clock()

    class Capitals(case.service):  # type: ignore[name-defined,misc]
        def _find(self, question: str) -> httpx.Response:
            found = super()._find(question).json()
            for profile in found["data"]:
                profile["attributes"]["email"] = profile["attributes"]["email"].upper()
            return httpx.Response(200, json=found)

    service = Capitals(clock)
    it = case.open(service, clock)
    for operation in ("add", "remove"):
        request = it.plan(case.batch([("ann", operation)], batch_id=f"b_{operation}"))
        it.send(request, sleep=clock.sleep)

    assert service.held(str(case.target)) == set()


def test_a_value_that_salesforce_cannot_read_keeps_nobody_else_out() -> None:
    case, clock = _kind("salesforce"), Clock()

    class Typed(case.service):  # type: ignore[name-defined,misc]
        def answer(self, asked: Asked) -> httpx.Response:
            if asked.method == "PATCH" and b"bob" in asked.body:
                return httpx.Response(400, json=[{"errorCode": "JSON_PARSER_ERROR"}])
            return super().answer(asked)

    service = Typed(clock)
    service.records = {"bob": {}, "cem": {}}
    it = case.open(service, clock)

    names = ("ann", "bob", "cem", "dee")
    delivery = it.send(it.plan(case.batch([(n, "add") for n in names])), sleep=clock.sleep)

    assert delivery.rejected["row_id"].to_pylist() == ["r_bob"]
    assert service.held(str(case.target)) == {"ann", "cem", "dee"}


@pytest.mark.parametrize("status", [423, 477])
def test_hubspot_is_asked_again_once_its_lock_is_over(status: int) -> None:
    case, clock = _kind("hubspot"), Clock()
    service = case.service(clock)
    service.faults = [Fault(status, retry_after_s=5)]
    it = case.open(service, clock)

    delivery = it.send(it.plan(case.batch([("ann", "add")])), sleep=clock.sleep)

    assert delivery.rejected.num_rows == 0
    assert service.held(str(case.target)) == {case.seen("ann")}
    assert service.impatient == []


@pytest.mark.parametrize(
    ("kind", "status", "error"),
    [
        ("linkedin", 426, {"code": "NONEXISTENT_VERSION"}),
        ("meta", 400, {"error": {"code": 2635}}),
        ("meta", 400, {"error": {"code": 100, "error_subcode": 33}}),
    ],
)
def test_what_every_request_would_be_told_is_asked_once(
    kind: str, status: int, error: dict[str, object]
) -> None:
    case, clock = _kind(kind), Clock()
    asked = []

    class Ended(case.service):  # type: ignore[name-defined,misc]
        def answer(self, request: Asked) -> httpx.Response:
            asked.append(request)
            return httpx.Response(status, json=error)

    it = case.open(Ended(clock), clock)

    with pytest.raises(DestinationRefusedError) as refused:
        it.send(it.plan(case.batch([("ann", "add"), ("bob", "add")])), sleep=clock.sleep)

    assert refused.value.is_final
    assert len(asked) == 1


def test_whom_braze_knows_by_id_gets_no_earlier_address_back() -> None:
    case = next(case for case in CASES if case.kind == "braze")
    clock = Clock()
    identifiers = {"person_id": "p1", "email": "new@mail.example"}
    payload = {
        "id": "r_1", "operation": "remove", "identifiers": identifiers,
        "previous_identifiers": {**identifiers, "email": "old@mail.example"}, "traits": None,
    }  # fmt: skip
    rows = pa.table({"payload": [json.dumps(payload)]})

    request = case.open(case.service(clock), clock).plan(Batch("b", "s", "a", (), rows, "in_a"))

    told = json.loads(request.body)["attributes"]
    assert [sorted(user) for user in told] == [["_update_existing_only", "external_id", "in_a"]] * 2


def test_iterable_is_told_an_address_or_an_id_but_not_both() -> None:
    case, clock = _kind("iterable"), Clock()
    payloads = [
        {
            "id": "r_1", "operation": operation, "previous_identifiers": None, "traits": {},
            "identifiers": {"person_id": number, "email": "ann@mail.example"},
        }
        for operation, number in (("remove", "p1"), ("add", "p2"), ("add", None))
    ]  # fmt: skip
    rows = pa.table({"payload": [json.dumps(payload) for payload in payloads]})

    request = case.open(case.service(clock), clock).plan(Batch("b", "s", "a", (), rows, "7"))

    told = [
        {key: one[key] for key in ("email", "userId") if key in one}
        for call in request.body.splitlines()
        for one in json.loads(call)["subscribers"]
    ]
    assert told == [{"userId": "p1"}, {"userId": "p2"}, {"email": "ann@mail.example"}]


def _kind(kind: str) -> Case:
    return next(case for case in CASES if case.kind == kind)


def test_rows_that_a_job_only_counts_are_found_over_runs_and_not_waited_for_without_end() -> None:
    case, clock = _kind("google"), Clock()
    service = case.service(clock)
    names = [f"p{number}" for number in range(32)]
    service.broken = {case.seen(name) for name in ("p3", "p12", "p30")}
    due, doubts = set(names), []

    for run in range(5):
        it = case.open(service, clock, max_polls=8)
        request = it.plan(case.batch([(n, "add") for n in sorted(due)], batch_id=f"b_{run}"))
        delivery = it.send(request, sleep=clock.sleep)
        doubts.append(delivery.doubtful.num_rows)
        open_rows = [
            *delivery.doubtful["row_id"].to_pylist(),
            *delivery.rejected["row_id"].to_pylist(),
        ]
        due = {row.removeprefix("r_") for row in open_rows}

    assert due == {"p3", "p12", "p30"}
    assert doubts[0] > 0 == doubts[-1]


def test_halves_of_which_no_job_ends_are_not_asked_about_one_after_the_other() -> None:
    case, clock = _kind("google"), Clock()
    names = [f"p{number}" for number in range(32)]
    asked = []

    class Stalled(case.service):  # type: ignore[name-defined,misc]
        def answer(self, request: Asked) -> httpx.Response:
            if request.method != "GET":
                return super().answer(request)
            asked.append(request)
            if len(self.jobs) < 6:
                self.polled.add(request.query["requestId"])
                return super().answer(request)
            waiting = [{"requestStatus": "PROCESSING"}]
            return httpx.Response(200, json={"requestStatusPerDestination": waiting})

    service = Stalled(clock)
    service.broken = {case.seen(name) for name in names[::2]}
    it = case.open(service, clock, max_polls=8)

    delivery = it.send(it.plan(case.batch([(n, "add") for n in names])), sleep=clock.sleep)

    assert 8 < len(asked) <= 16
    open_rows = {*delivery.doubtful["row_id"].to_pylist(), *delivery.rejected["row_id"].to_pylist()}
    assert {f"r_{name}" for name in names[::2]} <= open_rows


def test_a_job_that_is_not_finished_is_asked_about_by_the_next_run() -> None:
    case, clock = _kind("google"), Clock()
    service = case.service(clock)
    batch = case.batch([("bob", "remove"), ("ann", "add")])
    told: list[str] = []

    for _ in range(2):  # each job is running when it is first asked about
        it = case.open(service, clock, max_polls=1)
        with pytest.raises(DestinationUnavailableError, match="job_not_finished") as waiting:
            it.send(it.plan(batch), sleep=clock.sleep)
        batch = replace(batch, jobs=waiting.value.jobs)
        told.append(",".join(batch.jobs.values()))
    delivery = it.send(it.plan(batch), sleep=clock.sleep)

    assert told == ["job-0", "job-0,job-1"]
    assert [asked.path.split(":")[1] for asked in service.asked if asked.body] == [
        "remove", "ingest",
    ]  # fmt: skip
    assert delivery.rejected.num_rows == delivery.doubtful.num_rows == 0


def test_more_records_than_salesforce_takes_at_once_go_in_parts() -> None:
    case, clock = _kind("salesforce"), Clock()

    class Doubled(case.service):  # type: ignore[name-defined,misc]
        def _query(self, query: str) -> httpx.Response:
            found = super()._query(query).json()
            return httpx.Response(200, json={**found, "records": found["records"] * 3})

    service = Doubled(clock)
    service.records = {f"p{number}": {} for number in range(90)}
    it = case.open(service, clock)

    delivery = it.send(
        it.plan(case.batch([(n, "add") for n in service.records])), sleep=clock.sleep
    )

    assert delivery.rejected.num_rows == 0
    assert len(service.held(str(case.target))) == 90
