"""A sync that would do what nobody meant waits for somebody's word; who must go goes all the same."""

from __future__ import annotations

import dataclasses

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from audiences import NothingToAcceptError, UnknownIdError, UnsafeAddress, UnsafeAddressError
from audiences.sync import accept_removals, plan_sync, why_synced
from audiences.sync.destinations.fake import FakeDestination
from audiences.sync.unsafe import tell_unsafe
from tests.audiences.conftest import EVERYONE, NOW, Company, audience
from tests.audiences.test_sync import SYNC, Publisher, deny

US = {"trait": "country", "is": "US"}
PEOPLE = 50


@pytest.fixture
def publisher(company: Company) -> Publisher:
    """Fifty persons, all of them sent."""
    company.people(PEOPLE, country="US")
    found = Publisher(company, FakeDestination(max_rows=100))
    found.audience = audience(US)
    found.run()
    return found


def _move(publisher: Publisher, count: int) -> None:
    publisher.company.warehouse.execute(
        "update marts.profiles set country = 'DE' where person_id < $end", {"end": f"p{count:03d}"}
    )


def test_removing_more_than_the_set_share_waits(publisher: Publisher) -> None:
    _move(publisher, 30)

    report = publisher.run()

    assert (report.status, report.code, report.held) == ("held", "too_many_removals", 30)
    assert len(publisher.held()) == PEOPLE


def test_removing_the_set_share_is_not_held(publisher: Publisher) -> None:
    _move(publisher, 25)

    assert publisher.run().removed == 25


def test_a_few_persons_are_never_held(publisher: Publisher) -> None:
    publisher.sync = SYNC.__class__(
        **{name: getattr(SYNC, name) for name in SYNC.__slots__} | {"max_removed_share": 0.01}
    )
    _move(publisher, 20)

    assert publisher.run().removed == 20


def test_who_took_their_consent_back_never_waits(publisher: Publisher) -> None:
    _move(publisher, 30)
    publisher.company.consent("p040", "marketing", "denied")

    report = publisher.run()

    assert (report.status, report.removed, report.held) == ("held", 1, 30)
    assert "p040" not in publisher.held()


def test_who_denied_goes_also_when_their_profile_was_lost_with_many(publisher: Publisher) -> None:
    """Of whom no consent is known any more nothing was withdrawn: they wait."""
    company = publisher.company
    company.warehouse.execute("delete from marts.profiles where person_id < 'p030'")
    company.warehouse.execute("delete from marts.consent_current where person_id = 'p000'")
    company.consent("p001", "marketing", "denied")
    deny(publisher, "p002@mail.example", "marketing")

    def erased(known: pa.Table) -> pa.Table:
        return known.filter(pc.equal(known["identifier_value"], "p003@mail.example"))

    report = publisher.run(suppression=erased)

    assert (report.status, report.code, report.removed) == ("held", "too_many_removals", 3)
    assert {f"p{n:03d}" for n in range(PEOPLE)} - publisher.held() == {"p001", "p002", "p003"}


def test_what_is_accepted_goes_once(publisher: Publisher) -> None:
    _move(publisher, 30)
    warehouse = publisher.company.warehouse
    waiting = plan_sync(warehouse, publisher.sync).removals_to_accept
    publisher.run()
    waiting = plan_sync(warehouse, publisher.sync).removals_to_accept
    accept_removals(warehouse, publisher.sync, waiting, now=NOW)

    accepted = publisher.run()
    publisher.company.warehouse.execute("update marts.profiles set country = 'US'")
    publisher.run()
    _move(publisher, 30)

    assert (accepted.status, accepted.removed) == ("succeeded", 30)
    assert publisher.run().status == "held"


def test_an_acceptance_covers_no_more_than_was_seen(publisher: Publisher) -> None:
    _move(publisher, 30)
    publisher.run()
    accept_removals(publisher.company.warehouse, publisher.sync, 30, now=NOW)
    _move(publisher, 31)

    assert publisher.run().code == "too_many_removals"


def test_there_must_be_something_to_accept(publisher: Publisher) -> None:
    waiting = plan_sync(publisher.company.warehouse, publisher.sync).removals_to_accept

    with pytest.raises(NothingToAcceptError, match="to_fake"):
        accept_removals(publisher.company.warehouse, publisher.sync, waiting, now=NOW)


def test_without_any_profile_nobody_is_removed_whatever_was_accepted(publisher: Publisher) -> None:
    publisher.company.warehouse.execute("delete from marts.profiles")
    accept_removals(publisher.company.warehouse, publisher.sync, PEOPLE, now=NOW)

    report = publisher.run()

    assert (report.status, report.code) == ("held", "empty_source")
    assert len(publisher.held()) == PEOPLE


def test_below_the_destinations_minimum_nobody_new_is_sent(company: Company) -> None:
    company.people(5)
    publisher = Publisher(company, FakeDestination(max_rows=100), minimum_size=6)
    publisher.audience = audience(EVERYONE)

    first = publisher.run()
    company.person("sixth")
    second = publisher.run()

    assert (first.status, first.code, first.held) == ("held", "below_minimum", 5)
    assert (second.status, second.added) == ("succeeded", 6)


def test_below_a_minimum_a_withdrawn_address_goes_also_where_that_was_refused_at_first(
    company: Company,
) -> None:
    company.people(2)
    publisher = Publisher(company, FakeDestination(max_rows=1), traits=())
    publisher.run()
    publisher.sync = dataclasses.replace(publisher.sync, minimum_size=4)
    company.person("new")
    deny(publisher, "p001@mail.example", "marketing")
    publisher.destination.reject = lambda row: "busy" if row["operation"] == "change" else None
    publisher.run()
    publisher.destination.reject = lambda _row: None

    report = publisher.run()
    company.consent("new", "marketing", "denied")
    at_rest = publisher.run()

    assert (report.status, report.code, report.sent) == ("held", "below_minimum", 1)
    assert (report.held, at_rest.status, at_rest.code) == (1, "succeeded", None)
    there = [member["identifiers"] for member in publisher.destination.members.values()]
    assert sorted(known["email_sha256"] is None for known in there) == [False, True]


def test_why_says_what_each_sync_makes_of_a_person(publisher: Publisher) -> None:
    company = publisher.company
    _move(publisher, 1)
    company.consent("p001", "marketing", "denied")
    company.person("new", country="US")
    company.insert("marts.current_person", person_id="old", current_person_id="p003")
    publisher.run()
    publisher.audience = audience(US, hold_out={"share": 0.999, "salt": "x"})
    company.person("held", country="US")
    company.person("far", country="DE", consent=())
    publisher.run()

    lacking = "consent is missing for marketing"
    said = {}
    for person in ("p000", "p001", "old", "held", "far"):
        (found,) = why_synced(company.warehouse, [publisher.sync], person)
        said[person] = (found.now, found.there, found.is_present, found.last_operation)

    assert said == {
        "p000": (
            "not in the audience: left it (data, no longer meets the rules)",
            "was sent and has been removed (exited)", False, "remove",
        ),
        "p001": (
            f"{lacking} (denied)",
            "was sent and has been removed (no_consent)", False, "remove",
        ),
        "old": ("held out of the audience, never sent",
                "was sent and has been removed (held_out)", False, "remove"),
        "held": ("held out of the audience, never sent", "never sent", False, None),
        "far": (
            f"not in the audience: does not meet its rules; besides, {lacking} (unknown)",
            "never sent", False, None,
        ),
    }  # fmt: skip
    with pytest.raises(UnknownIdError) as refused:
        why_synced(company.warehouse, [publisher.sync], "ann@mail.example")
    assert "ann" not in str(refused.value)


def test_of_whom_an_unsafe_address_kept_from_leaving_it_is_said_that_they_are_there(
    publisher: Publisher,
) -> None:
    publisher.company.consent("p000", "marketing", "denied")
    publisher.company.person("new", country="US")
    refused = UnsafeAddressError("fake", UnsafeAddress.NOT_PUBLIC)
    publisher.destination.before = [refused, refused]
    publisher.run()

    said = {
        person: why_synced(publisher.company.warehouse, [publisher.sync], person)[0].there
        for person in ("p000", "p001", "new")
    }

    told = tell_unsafe(refused.code)
    assert said["p000"] == (
        f"is still there from an earlier send; the removal did not leave: {told}"
    )
    assert said["p001"] == "sent, and the destination has it"
    assert said["new"] == f"nothing was sent: {told}"


@pytest.mark.parametrize("reason", UnsafeAddress)
def test_each_reason_for_an_unsafe_address_has_a_way_out(reason: UnsafeAddress) -> None:
    said = tell_unsafe(UnsafeAddressError("fake", reason).code)

    assert "In destinations.yml give it" in said
    assert said != tell_unsafe("unsafe_address")
