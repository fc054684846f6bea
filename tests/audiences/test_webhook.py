"""The signed webhook, judged by an independent receiver and a server on this machine."""

from __future__ import annotations

import base64
import dataclasses
import datetime as dt
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import standardwebhooks

from audiences import (
    DestinationRefusedError,
    DestinationUnavailableError,
    InvalidAudienceError,
    UnsafeAddressError,
)
from audiences.sync import open_destination
from audiences.sync.config import FileSettings, WebhookSettings
from audiences.sync.destinations import Batch, WebhookDestination
from settings import MissingSecretError
from tests.audiences.receiver import Answer, Receiver

SECRET = f"whsec_{base64.b64encode(b'0123456789abcdef01234567').decode()}"
VALUE = "ann@mail.example"


def _batch(batch_id: str = "b_1") -> Batch:
    payloads = [
        json.dumps({"id": f"r_{n}", "operation": "add", "identifiers": {"email": VALUE}})
        for n in range(2)
    ]
    rows = pa.table(
        {"row_id": ["r_0", "r_1"], "operation": ["add", "add"], "payload": payloads,
         "email": [VALUE, VALUE]}
    )  # fmt: skip
    return Batch(batch_id, "to_hook", "everyone", ("email",), rows)


def _now() -> dt.datetime:
    return dt.datetime.now(tz=dt.UTC)


def _hook(
    url: str, *, addresses: Sequence[str] | None = None, **changes: Any
) -> WebhookDestination:
    """A destination; with ``addresses``, its name resolves to these."""
    given = {"purposes": ["marketing"], "secret_env": "HOOK_SECRET", "kind": "webhook", "url": url}
    settings = WebhookSettings.model_validate({**given, **changes})
    secret = base64.b64decode(SECRET.removeprefix("whsec_"))
    if addresses is None:
        return WebhookDestination("hook", settings, secret, _now)
    return WebhookDestination("hook", settings, secret, _now, lambda _host, _port: addresses)


def _send(hook: WebhookDestination, *, waits: list[float] | None = None) -> Any:
    return hook.send(hook.plan(_batch()), sleep=(waits if waits is not None else []).append)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


def _local(receiver: Receiver, **changes: Any) -> WebhookDestination:
    return _hook(receiver.url, allow_insecure_loopback=True, **changes)


def test_an_independent_receiver_accepts_the_signature(receiver: Receiver) -> None:
    _send(_local(receiver))

    (request,) = receiver.requests
    verified = standardwebhooks.Webhook(SECRET).verify(request.body, request.headers)
    assert verified["batch_id"] == "b_1"
    assert [row["id"] for row in verified["rows"]] == ["r_0", "r_1"]


def test_an_independent_receiver_refuses_a_body_that_was_changed(receiver: Receiver) -> None:
    _send(_local(receiver))

    (request,) = receiver.requests
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(SECRET).verify(request.body + b" ", request.headers)


def test_the_same_batch_is_the_same_to_the_byte() -> None:
    hook = _hook("https://hooks.example/x")

    assert hook.plan(_batch()).body == hook.plan(_batch()).body


def test_rows_that_the_receiver_rejects_are_reported(receiver: Receiver) -> None:
    refused = {"id": "r_1", "status": "rejected", "reason": "unknown_person"}
    receiver.answers = [Answer(200, {"results": [refused]})]

    delivery = _send(_local(receiver))

    assert delivery.rejected.to_pylist() == [{"row_id": "r_1", "reason": "unknown_person"}]


def test_a_reason_that_could_hold_a_value_is_not_kept(receiver: Receiver) -> None:
    refused = {"id": "r_1", "status": "rejected", "reason": f"no such address {VALUE}"}
    receiver.answers = [Answer(200, {"results": [refused]})]

    delivery = _send(_local(receiver))

    assert delivery.rejected["reason"].to_pylist() == ["rejected"]


@pytest.mark.parametrize("status", [408, 425, 429, 500, 503])
def test_an_undecided_answer_is_tried_again_under_the_same_key(
    receiver: Receiver, status: int
) -> None:
    receiver.answers = [Answer(status)]
    waits: list[float] = []

    delivery = _send(_local(receiver), waits=waits)

    assert delivery.attempts == 2
    assert {request.headers["webhook-id"] for request in receiver.requests} == {"b_1"}
    assert len(waits) == 1


def test_the_pause_is_as_long_as_the_destination_asks(receiver: Receiver) -> None:
    receiver.answers = [Answer(429, headers={"Retry-After": "7"})]
    waits: list[float] = []

    _send(_local(receiver), waits=waits)

    assert 7 <= waits[0] <= 14


def test_a_destination_that_asks_for_too_long_is_left_to_the_next_run(receiver: Receiver) -> None:
    receiver.answers = [Answer(503, headers={"Retry-After": "3600"})]
    waits: list[float] = []

    hook = _local(receiver)

    with pytest.raises(DestinationUnavailableError, match="http_503"):
        _send(hook, waits=waits)
    with pytest.raises(DestinationUnavailableError, match="asked_to_wait"):
        _send(hook, waits=waits)

    assert waits == []
    assert len(receiver.requests) == 1


@pytest.mark.parametrize(
    ("status", "is_final"), [(400, False), (401, True), (404, True), (422, False), (302, True)]
)
def test_a_refusal_is_not_tried_again(receiver: Receiver, status: int, is_final: bool) -> None:
    receiver.answers = [Answer(status, headers={"Location": "http://127.0.0.1:9/"})]

    with pytest.raises(DestinationRefusedError) as refused:
        _send(_local(receiver))

    assert refused.value.is_final == is_final
    assert len(receiver.requests) == 1


def test_an_answer_that_cannot_be_read_is_no_acknowledgement(receiver: Receiver) -> None:
    receiver.answers = [Answer(200, {"results": [{"id": VALUE}]})]

    with pytest.raises(DestinationUnavailableError, match="unreadable_answer") as error:
        _send(_local(receiver, max_attempts=1))

    assert VALUE not in str(error.value)


@pytest.mark.parametrize("body", [{"rejected": [{"row_id": "r_1"}]}, {"r_1": "rejected"}])
def test_an_answer_that_names_rows_in_another_form_is_no_acknowledgement(
    receiver: Receiver, body: dict[str, Any]
) -> None:
    receiver.answers = [Answer(200, body), Answer(200, {"ok": True, "id": "r_9"})]

    delivery = _send(_local(receiver, max_attempts=2))

    assert (delivery.attempts, delivery.rejected.num_rows) == (2, 0)


def test_the_page_shows_what_is_sent_and_an_answer_that_is_read(receiver: Receiver) -> None:
    page = Path("docs/how-to/destinations.md").read_text(encoding="utf-8")
    sent, answered = (
        json.loads(text) for text in re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    )
    receiver.answers = [Answer(200, answered)]
    hook = _local(receiver)
    rows = pa.table(
        {"row_id": [row["id"] for row in sent["rows"]], "operation": ["change", "remove"],
         "payload": [json.dumps(row) for row in sent["rows"]]}
    )  # fmt: skip
    batch = Batch(sent["batch_id"], sent["sync"], sent["audience"], (), rows)

    delivery = hook.send(hook.plan(batch), sleep=lambda _: None)

    assert json.loads(receiver.requests[0].body) == sent
    assert delivery.rejected.to_pylist() == [
        {"row_id": sent["rows"][1]["id"], "reason": "unknown_person"}
    ]


def test_an_answer_that_cannot_be_unpacked_is_no_acknowledgement(receiver: Receiver) -> None:
    receiver.answers = [Answer(200, headers={"Content-Encoding": "gzip"})]

    with pytest.raises(DestinationUnavailableError, match="DecodingError"):
        _send(_local(receiver, max_attempts=1))


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.0.0.8", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
        "224.0.0.1", "::1", "fe80::1%eth0", "fd00::1", "::ffff:10.0.0.8", "::ffff:169.254.169.254",
        "64:ff9b::a00:8", "2002:a00:8::1",
    ],
)  # fmt: skip
def test_an_address_that_is_not_public_is_never_called(address: str) -> None:
    hook = _hook("https://hooks.example/x", addresses=[address])

    with pytest.raises(UnsafeAddressError, match="not public"):
        _send(hook)


def test_one_unsafe_address_among_many_is_enough_to_refuse() -> None:
    hook = _hook("https://hooks.example/x", addresses=["93.184.215.14", "10.0.0.8"])

    with pytest.raises(UnsafeAddressError):
        _send(hook)


@pytest.mark.parametrize("address", ["169.254.169.254", "127.0.0.1", "::ffff:169.254.169.254"])
def test_private_networks_can_be_allowed_but_not_a_machines_own_services(address: str) -> None:
    hook = _hook("https://hooks.example/x", addresses=[address], allow_private_addresses=True)

    with pytest.raises(UnsafeAddressError):
        _send(hook)


def test_only_https_is_called() -> None:
    hook = _hook("https://hooks.example/x", addresses=["93.184.215.14"])
    plain = hook.settings.model_copy(update={"url": "http://hooks.example/x"})

    with pytest.raises(UnsafeAddressError, match="not https"):
        _send(dataclasses.replace(hook, settings=plain))


def test_plain_http_goes_to_this_machine_alone() -> None:
    hook = _hook(
        "http://hooks.example/x",
        addresses=["10.0.0.8"],
        allow_insecure_loopback=True,
        allow_private_addresses=True,
    )

    with pytest.raises(UnsafeAddressError, match="another machine"):
        _send(hook)


def test_a_name_without_an_address_is_tried_again_by_the_next_run() -> None:
    with pytest.raises(DestinationUnavailableError, match="name_not_resolved"):
        _send(_hook("https://hooks.example/x", addresses=[], max_attempts=1))


def test_a_secret_is_never_shown() -> None:
    assert "0123456789abcdef" not in repr(_hook("https://hooks.example/x"))


def _open(environment: dict[str, str]) -> Any:
    settings = _hook("https://hooks.example/x").settings
    return open_destination(
        "hook",
        settings,
        artifacts=None,
        environment=environment,
        clock=_now,  # type: ignore[arg-type]
    )


def test_a_destination_opens_with_its_secret() -> None:
    assert _open({"HOOK_SECRET": SECRET}).secret == b"0123456789abcdef01234567"


def test_a_missing_secret_names_its_variable() -> None:
    with pytest.raises(MissingSecretError, match="HOOK_SECRET"):
        _open({})


@pytest.mark.parametrize("secret", ["c2VjcmV0", "whsec_", "whsec_no base64!"])
def test_a_secret_of_another_form_is_refused_without_being_shown(secret: str) -> None:
    with pytest.raises(InvalidAudienceError, match="whsec_ and base64") as refused:
        _open({"HOOK_SECRET": secret})

    assert "c2VjcmV0" not in str(refused.value)


def test_a_file_destination_needs_no_secret(tmp_path: Any) -> None:
    settings = FileSettings(kind="file", folder="out", legal_basis="inside the company")

    opened = open_destination("files", settings, artifacts=tmp_path, environment={}, clock=_now)

    assert opened.key == "files"
