"""Whose a device is, and since when."""

from __future__ import annotations

import pytest

from tests.identity.conftest import Company

ANN, BOB = ("users", "ann"), ("users", "bob")
LAPTOP = ("devices", "laptop")


def test_a_device_joins_its_person_when_the_sign_in_becomes_known(company: Company) -> None:
    company.event(2, anonymous_id="laptop")
    company.event(5, "identify", received=7, anonymous_id="laptop", user_id="ann")

    company.resolve()

    person = company.members()[ANN]
    before = company.person_at(*LAPTOP, on=6.9)
    assert before not in {None, person}
    assert company.person_at(*LAPTOP, on=7) == person
    assert company.person_at(*LAPTOP, on=1) is None


def test_the_anonymous_person_is_merged_into_the_one_who_signed_in(company: Company) -> None:
    company.event(2, anonymous_id="laptop")
    company.event(5, anonymous_id="laptop", user_id="ann")

    company.resolve()

    anonymous = company.person_at(*LAPTOP, on=3)
    row = company.rows("identity.persons", f"person_id = '{anonymous}'")[0]
    assert (row["status"], row["merged_into"]) == ("merged", company.members()[ANN])


def test_loading_at_once_gives_the_history_of_loading_day_by_day(
    company: Company, another: Company
) -> None:
    for one in (company, another):
        one.event(2, anonymous_id="laptop")
        if one is company:
            one.resolve()
        one.event(5, anonymous_id="laptop", user_id="ann")
        one.resolve()

    assert company.rows("identity.members_history") == another.rows("identity.members_history")
    assert company.everything("created_at", "assigned_at", "run_id", "change_id", "changed_at") == (
        another.everything("created_at", "assigned_at", "run_id", "change_id", "changed_at")
    )


def test_all_that_happened_on_it_is_now_the_persons(company: Company) -> None:
    company.event(2, anonymous_id="laptop")
    company.event(5, anonymous_id="laptop", user_id="ann")

    company.resolve()

    assert company.rows("identity.devices") == [
        {"anonymous_id": "laptop", "person_id": company.members()[ANN], "valid_from": None,
         "valid_to": None, "is_shared": False}
    ]  # fmt: skip


@pytest.mark.parametrize("users", [2, 14])
def test_a_device_of_several_is_nobodys(company: Company, users: int) -> None:
    company.event(1, anonymous_id="kiosk")
    for number in range(users):
        company.event(2 + number, anonymous_id="kiosk", user_id=f"user{number}")

    report = company.resolve()

    assert report.shared_devices == 1
    assert ("devices", "kiosk") not in company.members()
    assert [(row["person_id"], row["is_shared"]) for row in company.rows("identity.devices")] == [
        (None, True)
    ]


def test_a_guest_of_one_day_does_not_take_the_device(company: Company) -> None:
    for number in range(1, 20):
        company.event(number, anonymous_id="laptop", user_id="ann")
    company.event(20, anonymous_id="laptop", user_id="bob")

    company.resolve()

    assert company.are_one(ANN, LAPTOP)
    assert not company.are_one(BOB, LAPTOP)


def test_a_guest_who_comes_again_makes_it_shared(company: Company) -> None:
    for number in range(1, 25):
        company.event(number, anonymous_id="laptop", user_id="ann")
    company.event(25, anonymous_id="laptop", user_id="bob")
    company.event(26, anonymous_id="laptop", user_id="bob")

    assert company.resolve().shared_devices == 1


def test_a_device_that_changes_hands_is_each_ones_in_their_time(company: Company) -> None:
    company.configure(max_device_persons=2)
    company.event(1, anonymous_id="laptop")
    company.event(2, anonymous_id="laptop", user_id="ann")
    company.event(9, anonymous_id="laptop", user_id="bob")

    company.resolve()

    members = company.members()
    periods = [
        (row["person_id"], row["valid_from"], row["valid_to"])
        for row in company.rows("identity.devices")
    ]
    (first, second) = sorted(periods, key=lambda period: period[1] is not None)
    assert (first[0], second[0]) == (members[ANN], members[BOB])
    assert first[1] is None
    assert first[2] == second[1]
    assert second[2] is None


def test_an_address_of_one_person_identifies_their_device(company: Company) -> None:
    company.record("crm", "1", full_name="Ann Lee", email="ann@lee.example")
    company.event(3, "track", anonymous_id="phone", email="ann@lee.example")

    company.resolve()

    assert company.are_one(("crm", "1"), ("devices", "phone"))


def test_a_second_address_that_nobody_holds_does_not_make_a_device_shared(company: Company) -> None:
    company.record("crm", "1", full_name="Ann Lee", email="ann@lee.example", user_id="ann")
    company.event(3, anonymous_id="phone", user_id="ann")
    company.event(4, "track", anonymous_id="phone", email="typo@lee.example")

    company.resolve()

    assert company.are_one(("crm", "1"), ("devices", "phone"))


def test_an_alias_of_a_device_is_a_sign_in(company: Company) -> None:
    company.event(1, anonymous_id="phone")
    company.event(2, "alias", previous_id="phone", user_id="ann")

    company.resolve()

    assert company.are_one(ANN, ("devices", "phone"))
    assert ("users", "phone") not in company.members()


def test_a_device_that_becomes_shared_leaves_its_person(company: Company) -> None:
    company.event(1, anonymous_id="tablet", user_id="ann")
    company.resolve()
    company.event(8, anonymous_id="tablet", user_id="bob")

    company.resolve()

    assert ("devices", "tablet") not in company.members()
    assert company.person_at("devices", "tablet", on=3) == company.members()[ANN]
    assert company.rows("identity.members_history", "source = 'devices' and valid_to is null") == []


def test_the_link_of_a_device_says_why_it_is_theirs(company: Company) -> None:
    company.event(1, anonymous_id="laptop", user_id="ann")

    company.resolve()

    links = company.rows("identity.links", "right_source = 'devices'")
    assert [(link["left_source"], link["rule"]) for link in links] == [
        ("users", "identified on the device")
    ]


def test_another_of_the_family_makes_it_shared_though_no_record_holds_their_address(
    company: Company,
) -> None:
    company.record("crm", "1", first_name="Ann", last_name="Lee", email="ann@lee.example")
    company.record("crm", "2", first_name="Bob", last_name="Roe", email="bob@roe.example")
    company.event(3, "track", anonymous_id="tablet", email="ann@lee.example")
    company.event(4, "track", anonymous_id="tablet", email="bob.lee@mail.example")

    assert company.resolve().shared_devices == 1


@pytest.mark.parametrize(
    "second",
    [
        pytest.param("alee@work.example", id="initial"),
        pytest.param("lee.annie@work.example", id="nickname"),
        pytest.param("annleee@work.example", id="slip"),
        pytest.param("coolcat@work.example", id="says-nothing"),
        pytest.param("ann.cooper@work.example", id="maiden-name"),
    ],
)
def test_a_second_address_that_may_be_theirs_does_not(company: Company, second: str) -> None:
    company.record("crm", "1", first_name="Ann", last_name="Lee", email="ann.lee@lee.example")
    company.record("crm", "2", first_name="Bob", last_name="Roe", email="bob@roe.example")
    company.event(3, "track", anonymous_id="tablet", email="ann.lee@lee.example")
    company.event(4, "track", anonymous_id="tablet", email=second)

    company.resolve()

    assert company.are_one(("crm", "1"), ("devices", "tablet"))


@pytest.mark.parametrize(
    ("second", "shared"), [("mspencer@work.example", 0), ("john.spencer@work.example", 1)]
)
def test_two_unknown_addresses_are_one_persons_where_their_letters_allow_it(
    company: Company, second: str, shared: int
) -> None:
    company.record("crm", "1", first_name="John", last_name="Roe")
    company.record("crm", "2", first_name="Maria", last_name="Moe")
    company.event(3, "track", anonymous_id="phone", email="maria.spencer@mail.example")
    company.event(4, "track", anonymous_id="phone", email=second)

    report = company.resolve()

    assert report.shared_devices == shared
    if not shared:
        assert company.are_one(("emails", "maria.spencer@mail.example"), ("devices", "phone"))


def test_who_signed_in_once_in_another_time_zone_is_a_guest(company: Company) -> None:
    company.event(2, anonymous_id="laptop", timezone="America/Denver")
    company.event(5, anonymous_id="laptop", user_id="bob", timezone="America/New_York")
    company.event(9, anonymous_id="laptop", timezone="America/Denver")

    report = company.resolve()

    assert report.shared_devices == 0
    assert not company.are_one(BOB, LAPTOP)


def test_the_guest_leaves_the_device_to_who_is_at_home(company: Company) -> None:
    company.event(2, anonymous_id="laptop", timezone="America/Denver")
    company.event(5, anonymous_id="laptop", user_id="bob", timezone="America/New_York")
    company.event(9, anonymous_id="laptop", user_id="ann", timezone="America/Denver")

    company.resolve()

    assert company.are_one(ANN, LAPTOP)


def test_a_traveller_who_also_signs_in_at_home_keeps_the_device(company: Company) -> None:
    company.event(2, anonymous_id="laptop", timezone="Europe/Paris")
    company.event(3, anonymous_id="laptop", timezone="Europe/Paris")
    company.event(5, anonymous_id="laptop", user_id="ann", timezone="America/New_York")
    company.event(9, anonymous_id="laptop", user_id="ann", timezone="America/New_York")

    company.resolve()

    assert company.are_one(ANN, LAPTOP)


def test_two_who_were_there_once_in_zones_of_their_own_share_it(company: Company) -> None:
    company.event(5, anonymous_id="laptop", user_id="bob", timezone="America/New_York")
    company.event(9, anonymous_id="laptop", user_id="ann", timezone="America/Denver")

    assert company.resolve().shared_devices == 1
