"""From any identifier of a person to the same keys, and never to another person."""

from __future__ import annotations

import hashlib

import pytest

from privacy import plan_erasure
from tests.privacy.company import (
    ANN,
    ANN_DEVICE,
    ANN_PHONE,
    FAMILY_MAIL,
    FAMILY_PHONE,
    SHARED_DEVICE,
    Company,
)

EXPECTED = {
    ("person_id", "p_ann_00001"), ("person_id", "p_ann_00002"), ("person_id", "p_anonymous_1"),
    ("source_record", "crm|ann-record-1"), ("source_record", "billing|ann-record-2"),
    ("source_record", "users|ann-user-77"), ("source_record", f"devices|{ANN_DEVICE}"),
    ("source_record", f"emails|{ANN}"), ("email", ANN), ("phone", ANN_PHONE),
    ("user_id", "ann-user-77"), ("anonymous_id", ANN_DEVICE),
}  # fmt: skip


def _hash(name: str) -> str:
    return hashlib.new(name, ANN.encode()).hexdigest()


@pytest.mark.parametrize(
    "identity",
    [
        pytest.param(("email", " Ann.Lee@Maple.Example ", "raw"), id="e-mail"),
        pytest.param(("email", _hash("sha256"), "sha256"), id="sha256"),
        pytest.param(("email", _hash("md5").upper(), "md5"), id="md5"),
        pytest.param(("email", _hash("sha1"), "sha1"), id="sha1"),
        pytest.param(("phone", "(206) 555-7870", "raw"), id="phone"),
        pytest.param(("user_id", "ann-user-77", "raw"), id="user-id"),
        pytest.param(("anonymous_id", ANN_DEVICE, "raw"), id="device"),
        pytest.param(("controller_customer_id", "ann-user-77", "raw"), id="customer-id"),
        pytest.param(("controller_customer_id", "ann-record-1", "raw"), id="record-id"),
    ],
)
def test_any_single_identifier_gives_the_same_plan(
    company: Company, identity: tuple[str, str, str]
) -> None:
    company.ask(identity)

    plans, blocked = plan_erasure(company.request_file.read(), company.context())

    assert set(plans[0].keys) == EXPECTED
    assert blocked == {}


def test_what_others_hold_too_is_left_alone_with_the_reason(company: Company) -> None:
    company.ask(("email", ANN, "raw"))

    plans, _ = plan_erasure(company.request_file.read(), company.context())

    assert {(item.kind, item.reason) for item in plans[0].left_alone} == {
        ("email", "another person holds it too"),
        ("phone", "another person holds it too"),
        ("anonymous_id", "a device that others use too"),
    }


@pytest.mark.parametrize(
    "identity", [("email", FAMILY_MAIL, "raw"), ("phone", FAMILY_PHONE, "raw")]
)
def test_an_identifier_of_two_people_is_held_for_review(
    company: Company, identity: tuple[str, str, str]
) -> None:
    company.ask(identity)

    _, blocked = plan_erasure(company.request_file.read(), company.context())

    (reasons,) = blocked.values()
    assert "held by 2 persons" in reasons[0]


def test_a_second_identity_settles_whom_a_shared_address_means(company: Company) -> None:
    company.ask(("email", FAMILY_MAIL, "raw"), ("user_id", "ann-user-77", "raw"))

    plans, blocked = plan_erasure(company.request_file.read(), company.context())

    assert set(plans[0].keys) == EXPECTED
    assert blocked == {}


def test_an_address_that_only_leaving_people_share_goes_with_them(company: Company) -> None:
    company.ask(("email", ANN, "raw"), number=1)
    company.ask(("email", "ben.lee@maple.example", "raw"), number=2)

    plans, _ = plan_erasure(company.request_file.read(), company.context())

    assert all(("email", FAMILY_MAIL) in plan.keys for plan in plans)


def test_a_shared_device_names_nobody_and_is_never_a_key(company: Company) -> None:
    company.ask(("anonymous_id", SHARED_DEVICE, "raw"), ("email", ANN, "raw"))

    plans, _ = plan_erasure(company.request_file.read(), company.context())

    assert ("anonymous_id", SHARED_DEVICE) not in plans[0].keys


def test_customer_ids_of_other_sources_name_nobody(company: Company) -> None:
    company.ask(("controller_customer_id", "ann-record-1", "raw"))
    context = company.context(customer_id_sources=("billing",))

    plans, _ = plan_erasure(company.request_file.read(), context)

    assert plans[0].keys == ()


def test_a_device_that_moved_to_another_person_is_left_alone(company: Company) -> None:
    company.warehouse.execute(
        "insert into identity.devices values ($device, 'p_ben_00001', false)",
        {"device": ANN_DEVICE},
    )
    company.ask(("email", ANN, "raw"))

    plans, _ = plan_erasure(company.request_file.read(), company.context())

    assert ("anonymous_id", ANN_DEVICE) not in plans[0].keys
