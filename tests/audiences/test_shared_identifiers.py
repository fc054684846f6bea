"""A destination that knows people by their identifiers alone keeps all whom it is to keep."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable

import pytest

from audiences import DestinationUnavailableError
from audiences.sync.destinations.fake import CrashError, FakeDestination, written
from tests.audiences.conftest import EVERYONE, Company, audience
from tests.audiences.test_sync import EMAIL, Publisher, _erase

HOME = "home@mail.example"


@pytest.fixture
def publisher(company: Company) -> Publisher:
    """A vendor that is sent one person at a time; nobody is there yet."""
    destination = FakeDestination(max_rows=1, by_identifiers=True)
    return Publisher(company, destination, identifiers=(EMAIL,), traits=())


@pytest.fixture
def household(publisher: Publisher) -> Publisher:
    """Ann and Bob have one address, and were sent."""
    for name in ("ann", "bob"):
        publisher.company.person(name)
        _give(publisher, name, HOME)
    publisher.run()
    return publisher


def _give(publisher: Publisher, name: str, address: str) -> None:
    publisher.company.warehouse.execute(
        "update marts.contact_points set identifier_value = $address where person_id = $name",
        {"address": address, "name": name},
    )


def _holds(publisher: Publisher) -> set[str]:
    """Those of the addresses that the vendor holds."""
    points = publisher.company.rows("marts.contact_points")
    addresses = {HOME, *(row["identifier_value"] for row in points)}
    return {address for address in addresses if _key(address) in publisher.destination.members}


def _key(address: str) -> str:
    return written({"email_sha256": hashlib.sha256(address.encode()).hexdigest()})


def _refuse_bob(publisher: Publisher) -> None:
    publisher.destination.reject = lambda row: "bad" if row["operation"] != "remove" else None


def _are_too_few(publisher: Publisher) -> None:
    publisher.audience = audience(EVERYONE, minimum_size=10)


def _die(publisher: Publisher) -> None:
    publisher.destination.after = [CrashError()]


def _do_not_answer(publisher: Publisher) -> None:
    publisher.destination.after = [DestinationUnavailableError("fake", "http_503")]


@pytest.mark.parametrize("fault", [_refuse_bob, _are_too_few, _die, _do_not_answer])
def test_who_went_with_another_is_put_again_though_that_failed_at_first(
    household: Publisher, fault: Callable[[Publisher], None]
) -> None:
    household.company.consent("ann", "marketing", "denied")
    fault(household)
    with contextlib.suppress(CrashError):
        household.run()
    lost = _holds(household)
    household.destination.reject = lambda _row: None
    household.audience = audience(EVERYONE)

    report = household.run()

    assert (lost, _holds(household)) == (set(), {HOME})
    assert (report.status, household.present()) == ("succeeded", {"bob"})
    assert household.run().sent == 0


def test_who_went_with_an_erasure_is_put_again(household: Publisher) -> None:
    _erase(household, "ann")
    household.company.consent("ann", "marketing", "denied")

    household.run()

    assert _holds(household) == {HOME}
    assert "bob" in household.present()


def test_who_comes_back_before_their_removal_is_answered_is_put_again(
    publisher: Publisher,
) -> None:
    publisher.company.person("ann")
    publisher.run()
    publisher.company.consent("ann", "marketing", "denied")
    _do_not_answer(publisher)
    publisher.run()
    publisher.company.consent("ann", "marketing", "granted")

    publisher.run()

    assert _holds(publisher) == {"ann@mail.example"}


def test_an_address_that_moves_between_who_stay_is_put_after_it_was_taken(
    publisher: Publisher,
) -> None:
    """Each of three gets what the next one had; another has that of the last as well, and keeps it."""
    for name in ("ann", "bob", "cem", "amy"):
        publisher.company.person(name)
    _give(publisher, "amy", "cem@mail.example")
    publisher.run()
    for name, address in (("ann", "bob"), ("bob", "cem"), ("cem", "new")):
        _give(publisher, name, f"{address}@mail.example")

    report = publisher.run()

    assert report.changed == 4
    assert _holds(publisher) == {f"{name}@mail.example" for name in ("bob", "cem", "new")}
    assert publisher.run().sent == 0


def test_who_exchange_their_addresses_are_both_there_after_the_next_run(
    publisher: Publisher,
) -> None:
    """Of sixty, so that few are asked: of those also who keeps what another gives up."""
    publisher.company.people(60)
    _give(publisher, "p002", "p003@mail.example")
    publisher.destination.max_rows = 60
    publisher.run()
    publisher.destination.max_rows = 1
    for name, address in (("p000", "p001"), ("p001", "p000"), ("p003", "new")):
        _give(publisher, name, f"{address}@mail.example")

    first, again = publisher.run(), publisher.run()

    assert (first.changed, again.sent) == (4, 1)
    assert len(_holds(publisher)) == 60
    assert publisher.run().sent == 0
