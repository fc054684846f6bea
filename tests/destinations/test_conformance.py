"""The pack: what every vendor's module must do, against a service that keeps state and fails."""

from __future__ import annotations

import contextlib
import datetime as dt
from typing import Any

import httpx
import pytest

from audiences import DestinationRefusedError, DestinationUnavailableError, compute_memberships
from audiences.sync import run_sync
from audiences.sync.destinations.base import can_erase
from audiences.sync.destinations.vendors import VENDORS
from tests.audiences.conftest import EVERYONE, NOW, Company, audience
from tests.destinations.cases import CASES, DESCRIBED, SIGNED_IN
from tests.destinations.world import Case, Clock, Fault, Service

PEOPLE = 4
NAMES = [f"p{number:03d}" for number in range(PEOPLE)]


@pytest.fixture(params=CASES, ids=lambda case: str(case.kind))
def case(request: pytest.FixtureRequest) -> Case:
    found: Case = request.param
    return found


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def service(case: Case, clock: Clock) -> Service:
    return case.service(clock)


def _send(
    case: Case, service: Service, clock: Clock, operation: str = "add", **changes: Any
) -> Any:
    destination = case.open(service, clock, **changes)
    request = destination.plan(case.batch([(name, operation) for name in NAMES]))
    return destination.send(request, sleep=clock.sleep)


def _everyone(case: Case) -> set[str]:
    return {case.seen(name) for name in NAMES}


def _target(case: Case) -> str:
    return case.target or ""


def test_every_vendor_is_in_the_pack() -> None:
    kinds = {settings.model_fields["kind"].annotation.__args__[0] for settings in VENDORS}  # type: ignore[union-attr]

    assert {case.kind for case in CASES} == kinds


def test_members_are_put_and_taken(case: Case, service: Service, clock: Clock) -> None:
    added = _send(case, service, clock)
    assert service.held(_target(case)) == _everyone(case)

    removed = _send(case, service, clock, "remove")

    assert service.held(_target(case)) == set()
    assert (added.rejected.num_rows, removed.rejected.num_rows) == (0, 0)


def test_traits_arrive_with_the_members(case: Case, service: Service, clock: Clock) -> None:
    _send(case, service, clock)

    (sent,) = {
        str(dict(fields).get("country")) for fields in service.members[_target(case)].values()
    }
    assert sent == ("US" if case.carries_fields else "None")


def test_the_same_batch_is_the_same_to_the_byte(case: Case, clock: Clock) -> None:
    rows = [("p000", "remove"), ("p001", "add")]
    plans = [case.open(Service(clock), clock).plan(case.batch(rows)) for _ in range(2)]

    assert plans[0].body == plans[1].body
    assert plans[0].body


def test_a_batch_that_comes_twice_changes_nothing(
    case: Case, service: Service, clock: Clock
) -> None:
    _send(case, service, clock)
    before = {target: dict(held) for target, held in service.members.items()}

    again = _send(case, service, clock)

    assert service.members == before
    assert again.rejected.num_rows == 0


def test_who_changed_an_identifier_is_there_under_the_new_one_alone(
    case: Case, service: Service, clock: Clock
) -> None:
    _send(case, service, clock)
    destination = case.open(service, clock)
    moved = case.batch([("p900", "change")], before={"p900": "p000"})

    delivery = destination.send(destination.plan(moved), sleep=clock.sleep)

    assert delivery.rejected.num_rows == 0
    assert service.held(_target(case)) == {case.seen(n) for n in ("p900", *NAMES[1:])}


def _stranger(case: Case, clock: Clock, body: bytes) -> Service:
    class Stranger(case.service):  # type: ignore[name-defined,misc]
        def answer(self, asked: object) -> httpx.Response:
            return httpx.Response(200, content=body)

    return Stranger(clock)


def test_a_page_of_somebody_else_is_no_acknowledgement(case: Case, clock: Clock) -> None:
    with pytest.raises(DestinationUnavailableError, match=r"unreadable_answer|code_None"):
        _send(case, _stranger(case, clock, b"<html>Sign in</html>"), clock, max_attempts=1)


@pytest.mark.parametrize("body", [b'"?"', b"[]", b'{"x": 1}', b'{"data": "p000@mail.example"}'])
def test_an_answer_of_another_shape_ends_the_batch_and_not_the_run(
    case: Case, clock: Clock, body: bytes
) -> None:
    with contextlib.suppress(DestinationUnavailableError):
        _send(case, _stranger(case, clock, body), clock, max_attempts=1)


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(Fault(429, retry_after_s=7), id="429-seconds"),
        pytest.param(Fault(429, retry_after_s=7, as_date=True), id="429-date"),
        pytest.param(Fault(500), id="500"),
        pytest.param(Fault(503, retry_after_s=3), id="503"),
        pytest.param(Fault(0), id="timeout-before-effect"),
        pytest.param(Fault(0, after_effect=True), id="timeout-after-effect"),
        pytest.param(Fault(500, after_effect=True), id="500-after-effect"),
    ],
)
def test_a_fault_of_the_service_is_survived(
    case: Case, service: Service, clock: Clock, fault: Fault
) -> None:
    service.faults = [fault, None, fault]

    delivery = _send(case, service, clock)

    assert service.held(_target(case)) == _everyone(case)
    assert delivery.rejected.num_rows == delivery.doubtful.num_rows == 0
    assert service.impatient == []


def test_a_service_that_stays_busy_is_left_to_the_next_run(
    case: Case, service: Service, clock: Clock
) -> None:
    service.faults = [Fault(503)] * 10

    with pytest.raises(DestinationUnavailableError):
        _send(case, service, clock, max_attempts=2)


def test_a_long_pause_is_kept_between_batches_too(
    case: Case, service: Service, clock: Clock
) -> None:
    service.faults = [Fault(429, retry_after_s=3600)]
    destination = case.open(service, clock)
    request = destination.plan(case.batch([("p000", "add")]))

    for _ in range(2):
        with pytest.raises(DestinationUnavailableError):
            destination.send(request, sleep=clock.sleep)

    assert len(service.asked) == 1
    assert service.impatient == []


def test_a_key_that_is_not_valid_stops_the_sync(case: Case, service: Service, clock: Clock) -> None:
    service.faults = [Fault(403)]

    with pytest.raises(DestinationRefusedError) as refused:
        _send(case, service, clock)

    assert refused.value.is_final


@pytest.mark.parametrize("signed_in", SIGNED_IN, ids=lambda case: str(case.kind))
def test_a_token_that_expires_is_renewed_once(signed_in: Case, clock: Clock) -> None:
    service = signed_in.service(clock)
    destination = signed_in.open(service, clock)
    first, second = (signed_in.batch([(name, "add")], batch_id=name) for name in NAMES[:2])
    destination.send(destination.plan(first), sleep=clock.sleep)
    service.expired.add("token-1")

    destination.send(destination.plan(second), sleep=clock.sleep)

    assert service.tokens == 2
    assert service.held(_target(signed_in)) == {signed_in.seen(name) for name in NAMES[:2]}


def test_whoever_is_erased_is_named_to_the_service(
    case: Case, service: Service, clock: Clock
) -> None:
    _send(case, service, clock)
    destination = case.open(service, clock)

    delivery = destination.erase(case.batch([("p001", "erase")]), sleep=clock.sleep)

    assert delivery.rejected.num_rows == 0
    assert can_erase(destination) is case.erases
    if case.erases:
        assert service.erased == [case.seen("p001")]
    else:
        assert service.held(_target(case)) == _everyone(case) - {case.seen("p001")}


def test_no_secret_and_no_value_is_in_an_error(case: Case, service: Service, clock: Clock) -> None:
    service.faults = [Fault(403)]
    destination = case.open(service, clock)

    with pytest.raises(DestinationRefusedError) as refused:
        _send(case, service, clock)

    shown = f"{refused.value} {destination!r} {destination.vendor!r}"
    assert "secret-" not in shown
    assert "mail.example" not in shown


@pytest.mark.parametrize("described", DESCRIBED, ids=lambda case: str(case.kind))
def test_every_request_is_as_the_vendor_describes_it(described: Case, clock: Clock) -> None:
    assert described.service.description is not None
    described.service.description.require()
    service = described.service(clock)
    service.broken = {described.seen("p002")}

    for operation in ("add", "change", "remove"):
        _send(described, service, clock, operation)
    destination = described.open(service, clock)
    destination.erase(described.batch([("p001", "erase")]), sleep=clock.sleep)

    assert len(service.asked) >= 4
    assert service.invalid == []


@pytest.mark.parametrize("failing", range(PEOPLE + 1))
def test_of_n_rows_exactly_those_at_fault_are_refused(
    case: Case, service: Service, clock: Clock, failing: int
) -> None:
    service.broken = {case.seen(name) for name in NAMES[:failing]}

    delivery = _send(case, service, clock)

    refused = dict(
        zip(*(delivery.rejected[c].to_pylist() for c in ("row_id", "reason")), strict=True)
    )
    assert set(refused) == {f"r_{name}" for name in NAMES[:failing]}
    assert all(refused.values())
    assert delivery.doubtful.num_rows == 0
    assert service.held(_target(case)) == {case.seen(name) for name in NAMES[failing:]}


def test_rows_at_fault_are_in_the_ledger_and_come_again(case: Case, company: Company) -> None:
    company.people(PEOPLE, country="US")
    company.warehouse.execute("update marts.profiles set job_title = 'id-' || person_id")
    compute_memberships(company.warehouse, [audience(EVERYONE)], run_id="r0", now=NOW)
    clock = Clock()
    service = case.service(clock)
    service.broken = {case.seen(name) for name in NAMES[:2]}
    destination = case.open(service, clock)

    def run(number: int) -> tuple[int, int]:
        moment = NOW + dt.timedelta(hours=number)
        report = run_sync(
            company.warehouse, case.sync(), destination,
            run_id=f"r{number}", now=moment, sleep=clock.sleep,
        )  # fmt: skip
        return report.added, report.rejected

    assert [run(1), run(2)] == [(PEOPLE - 2, 2), (0, 2)]
    refused = company.rows("sync.ledger", "status = 'rejected' and reason is not null")
    assert {row["person_id"] for row in refused} == set(NAMES[:2])
    service.broken = set()
    assert run(3) == (2, 0)
    assert service.held(_target(case)) == _everyone(case)
    assert service.impatient == []


def test_the_rates_are_kept(case: Case, service: Service, clock: Clock) -> None:
    destination = case.open(service, clock)
    for number in range(15):
        request = destination.plan(case.batch([(f"q{number}", "add")], batch_id=f"b_{number}"))
        destination.send(request, sleep=clock.sleep)

    assert service.impatient == []
    assert len(service.held(_target(case))) == 15


def test_a_destination_never_takes_more_than_the_vendor_allows(case: Case, clock: Clock) -> None:
    facts = case.open(Service(clock), clock).vendor.facts

    assert case.open(Service(clock), clock, max_rows=10**9).max_rows == facts.max_rows
