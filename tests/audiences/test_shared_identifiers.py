"""A destination that knows people by their identifiers alone keeps all whom it is to keep."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
from collections.abc import Callable

import pytest

from audiences import DestinationUnavailableError
from audiences.sync.config import Identifier
from audiences.sync.destinations.fake import CrashError, FakeDestination
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
    points = publisher.company.rows("marts.contact_points", "identifier_value is not null")
    addresses = {HOME, *(row["identifier_value"] for row in points)}
    return {address for address in addresses if _key(address) in publisher.destination.members}


def _key(address: str) -> str:
    return hashlib.sha256(address.encode()).hexdigest()


def _refuse_bob(publisher: Publisher) -> None:
    publisher.destination.reject = lambda row: "bad" if row["operation"] != "remove" else None


def _die(publisher: Publisher) -> None:
    publisher.destination.after = [CrashError()]


def _do_not_answer(publisher: Publisher) -> None:
    publisher.destination.after = [DestinationUnavailableError("fake", "http_503")]


@pytest.mark.parametrize("fault", [_refuse_bob, _die, _do_not_answer])
def test_who_went_with_another_is_put_again_though_that_failed_at_first(
    household: Publisher, fault: Callable[[Publisher], None]
) -> None:
    household.company.consent("ann", "marketing", "denied")
    fault(household)
    with contextlib.suppress(CrashError):
        household.run()
    lost = _holds(household)
    household.destination.reject = lambda _row: None

    report = household.run()

    assert (lost, _holds(household)) == (set(), {HOME})
    assert (report.status, household.present()) == ("succeeded", {"bob"})
    assert household.run().sent == 0


def test_who_went_with_another_is_put_again_at_once_also_below_a_minimum(
    household: Publisher,
) -> None:
    household.audience = audience(EVERYONE, minimum_size=10)
    household.company.consent("ann", "marketing", "denied")

    household.run()

    assert (_holds(household), household.present()) == ({HOME}, {"bob"})


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


PHONE = Identifier(type="phone", form="sha256")
LANDLINE = "+43125550100"


@pytest.fixture
def colleagues(publisher: Publisher) -> Publisher:
    """Ann and Bob have addresses of their own and one phone, and were sent by both."""
    publisher.sync = dataclasses.replace(publisher.sync, identifiers=(EMAIL, PHONE))
    for name in ("ann", "bob"):
        publisher.company.person(name)
        publisher.company.insert(
            "marts.contact_points", person_id=name, identifier_type="phone",
            identifier_value=LANDLINE, is_preferred=True, is_shared=False,
        )  # fmt: skip
    publisher.run()
    return publisher


def test_one_shared_identifier_of_two_is_put_again(colleagues: Publisher) -> None:
    """Whether the one who shared it goes or moves, with or without an answer."""
    colleagues.company.consent("ann", "marketing", "denied")
    _do_not_answer(colleagues)
    colleagues.run()
    lost = _key(LANDLINE) in colleagues.destination.members

    colleagues.run()

    assert not lost
    assert _holds(colleagues) == {"bob@mail.example", LANDLINE}
    assert colleagues.run().sent == 0


def test_one_shared_identifier_of_two_is_put_after_the_other_has_moved(
    colleagues: Publisher,
) -> None:
    _give_address(colleagues, "bob", "new@mail.example")

    report = colleagues.run()

    assert report.changed == 2
    assert _holds(colleagues) == {"ann@mail.example", "new@mail.example", LANDLINE}
    assert colleagues.run().sent == 0


def _give_address(publisher: Publisher, name: str, address: str) -> None:
    publisher.company.warehouse.execute(
        "update marts.contact_points set identifier_value = $address "
        "where person_id = $name and identifier_type = 'email'",
        {"address": address, "name": name},
    )


def _doubt_a_change_of_address(publisher: Publisher, *addresses: str) -> None:
    """Ann gets one address after another; of no change is known whether it arrived."""
    for address in addresses:
        _give(publisher, "ann", f"{address}@mail.example")
        publisher.destination.doubt = lambda row: row["previous_identifiers"] is not None
        publisher.run()
    publisher.destination.doubt = lambda _row: False


def test_what_was_sent_before_a_change_in_doubt_goes_with_the_person(publisher: Publisher) -> None:
    publisher.company.person("ann")
    publisher.run()
    _doubt_a_change_of_address(publisher, "new")
    publisher.company.consent("ann", "marketing", "denied")

    report = publisher.run()

    assert (report.removed, publisher.destination.members, publisher.present()) == (1, {}, set())


def test_what_was_sent_before_a_change_in_doubt_goes_when_the_change_is_sent_again(
    publisher: Publisher,
) -> None:
    publisher.company.person("ann")
    publisher.run()
    _doubt_a_change_of_address(publisher, "new")

    publisher.run()

    assert publisher.destination.members.keys() == {_key("new@mail.example")}
    assert publisher.run().sent == 0


@pytest.mark.parametrize("status", ["granted", "denied"])
def test_after_two_changes_in_doubt_each_run_takes_one_away(
    publisher: Publisher, status: str
) -> None:
    publisher.company.person("ann")
    publisher.run()
    _doubt_a_change_of_address(publisher, "second", "third")
    publisher.company.consent("ann", "marketing", status)

    publisher.run()
    publisher.run()

    kept = {_key("third@mail.example")} if status == "granted" else set()
    assert publisher.destination.members.keys() == kept
    assert publisher.run().sent == 0


def test_an_erasure_tells_all_that_was_sent_before_a_change_without_an_answer(
    publisher: Publisher,
) -> None:
    publisher.company.person("ann")
    publisher.run()
    _doubt_a_change_of_address(publisher, "second")
    publisher.destination.before = [DestinationUnavailableError("fake", "http_503")]
    _doubt_a_change_of_address(publisher, "third")

    (evidence,) = _erase(publisher, "ann")

    assert (evidence.status, publisher.destination.members) == ("confirmed", {})
    assert publisher.present() == set()


def test_an_erasure_is_not_confirmed_while_something_is_held(publisher: Publisher) -> None:
    publisher.company.person("ann")
    publisher.run()
    _doubt_a_change_of_address(publisher, "second", "third")
    first = _key("ann@mail.example")
    publisher.destination.reject = lambda row: (
        "bad" if first in row["identifiers"].values() else None
    )

    (evidence,) = _erase(publisher, "ann")
    held = {*publisher.destination.members}
    publisher.destination.reject = lambda _row: None
    (again,) = _erase(publisher, "ann", request="dsr2")

    assert (evidence.status, held) == ("rejected", {first})
    assert (again.status, publisher.destination.members) == ("confirmed", {})
