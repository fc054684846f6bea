"""What would change a person's consent at a vendor is never sent."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from audiences import DestinationRefusedError, InvalidAudienceError
from audiences.sync import DestinationsConfig, resolve_syncs
from audiences.sync.destinations.vendors import VENDORS
from tests.destinations.cases import CASES
from tests.destinations.services.mailchimp import MailchimpService
from tests.destinations.world import Asked, Case, Clock, Service

NAMES = ("p000", "p001")


def _sent(kind: str, **changes: Any) -> list[Asked]:
    """Every request of adding, changing and removing two persons."""
    case = _case(kind)
    clock = Clock()
    service = case.service(clock)
    destination = case.open(service, clock, **changes)
    for operation in ("add", "change", "remove"):
        request = destination.plan(case.batch([(name, operation) for name in NAMES]))
        destination.send(request, sleep=clock.sleep)
    return service.asked


def _case(kind: str) -> Case:
    return next(case for case in CASES if case.kind == kind)


def test_klaviyo_is_never_asked_to_subscribe() -> None:
    paths = {asked.path.split("/")[2] for asked in _sent("klaviyo")}

    assert paths == {"profile-bulk-import-jobs", "profiles", "lists"}


def test_iterable_never_withdraws_a_channel() -> None:
    bodies = [asked.json() for asked in _sent("iterable") if "unsubscribe" in asked.path]

    assert [body["channelUnsubscribe"] for body in bodies] == [False]


def test_mailchimp_is_never_told_a_status() -> None:
    keys = {key for asked in _sent("mailchimp") if asked.body for key in asked.json()}

    assert keys == {
        "members_to_add", "members_to_remove", "merge_fields", "email_address", "status_if_new",
    }  # fmt: skip


def test_mailchimp_creates_nobody_unless_a_status_is_configured() -> None:
    clock = Clock()
    service = MailchimpService(clock)
    case = _case("mailchimp")
    destination = case.open(service, clock, status_if_new=None)

    delivery = destination.send(destination.plan(case.batch([("p000", "add")])), sleep=clock.sleep)

    assert delivery.rejected["reason"].to_pylist() == ["not_on_list"]
    assert {asked.method for asked in service.asked} == {"PATCH"}


def test_activecampaign_lists_are_never_touched() -> None:
    paths = {asked.path for asked in _sent("activecampaign")}

    assert not [path for path in paths if "contactLists" in path or "import" in path]


@pytest.mark.parametrize("settings", VENDORS, ids=lambda s: str(s.__name__))
def test_a_field_that_holds_a_consent_is_refused(settings: Any) -> None:
    for field in sorted(settings.consent_fields):
        kind = settings.model_fields["kind"].annotation.__args__[0]
        with pytest.raises(InvalidAudienceError, match=f"{field}.*a sync never sets one"):
            _resolve(_case(kind), fields={field: "text:true"})


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        ("customer_io", "cio_subscription_preferences.topics.topic_1"),
        ("salesforce", "hasoptedoutofemail"),
    ],
)
def test_a_consent_is_refused_however_its_field_is_written(kind: str, field: str) -> None:
    with pytest.raises(InvalidAudienceError, match="a sync never sets one"):
        _resolve(_case(kind), fields={field: "text:true"})


def test_some_vendors_have_fields_that_hold_a_consent() -> None:
    assert sum(bool(settings.consent_fields) for settings in VENDORS) >= 5


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case.kind))
def test_no_body_speaks_of_subscribing(case: Case) -> None:
    words = ("resubscribe", '"subscribed"', "email_subscribe", '"status"')

    bodies = " ".join(asked.body.decode() for asked in _sent(case.kind))

    assert [word for word in words if word in bodies] == []


def test_the_address_of_a_request_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")

    assert any("mail.example" in json.dumps(asked.query) for asked in _sent("klaviyo"))
    assert "mail.example" not in caplog.text
    assert "secret-" not in caplog.text


def _resolve(case: Case, **changes: Any) -> Any:
    given = {"kind": case.kind, "legal_basis": "a test", **case.settings}
    sync = {
        "audience": "everyone",
        "destination": "it",
        "identifiers": [{"type": i} if isinstance(i, str) else i for i in case.identifiers],
        "target": case.target,
        **changes,
    }
    config = DestinationsConfig.model_validate(
        {"destinations": {"it": given}, "syncs": {"to_it": sync}}
    )
    return resolve_syncs(config, audiences=["everyone"])


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case.kind))
def test_a_sync_without_a_target_is_refused(case: Case) -> None:
    with pytest.raises(InvalidAudienceError, match="write target: the"):
        _resolve(case, target=None)


@pytest.mark.parametrize(
    ("kind", "change", "words"),
    [
        ("hubspot", {"target": "my list"}, "is not the number of the list"),
        ("hubspot", {"identifiers": [{"type": "phone"}]}, "takes no phone; it takes email"),
        ("meta", {"identifiers": [{"type": "email", "form": "sha256"}]}, "takes the form meta"),
        ("meta", {"identifiers": [{"type": "email"}, {"type": "email"}]}, "is sent once"),
        ("klaviyo", {"fields": {"country": "text:x"}, "traits": ["country"]}, "names of their own"),
    ],
)
def test_what_a_vendor_does_not_do_is_said_in_advance(
    kind: str, change: dict[str, Any], words: str
) -> None:
    with pytest.raises(InvalidAudienceError, match=words):
        _resolve(_case(kind), **change)


def test_the_form_of_an_identifier_is_the_vendors_choice() -> None:
    forms = {
        case.kind: [i.form for i in _resolve(case)[0].identifiers]
        for case in CASES
        if case.kind in {"google", "meta", "linkedin", "klaviyo"}
    }

    assert forms == {
        "google": ["google"], "meta": ["meta"], "linkedin": ["sha256"], "klaviyo": ["raw"],
    }  # fmt: skip


def test_google_is_not_told_of_a_consent_that_nobody_asked_for() -> None:
    with pytest.raises(ValueError, match="write the purpose of advertising"):
        _case("google").parsed(purposes=[])


def test_a_secret_that_is_no_key_stops_google_without_being_shown() -> None:
    case = replace(
        _case("google"), secrets={"credentials_env": lambda: '{"private_key": "s3cr3t"}'}
    )
    clock = Clock()
    destination = case.open(case.service(clock), clock)

    with pytest.raises(DestinationRefusedError, match="no_service_account") as refused:
        destination.send(destination.plan(case.batch([("p000", "add")])), sleep=clock.sleep)

    assert refused.value.is_final
    assert refused.value.__cause__ is None


def test_a_service_keeps_no_secret_in_its_words() -> None:
    for case in CASES:
        clock = Clock()
        destination = case.open(Service(clock), clock)
        assert "secret-" not in f"{destination!r}{destination.vendor!r}"
