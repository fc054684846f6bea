from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from ingestion.formats.rudderstack import MAX_CALL_BYTES
from tests.ingestion.conftest import Landing, keys, lines


def rudder(**changes: Any) -> dict[str, Any]:
    """One call as RudderStack's gateway stores it, with some fields changed; None takes one away."""
    made = {
        "type": "track",
        "event": "Product Viewed",
        "messageId": "m1",
        "anonymousId": "device-0001",
        "channel": "web",
        "rudderId": "5b0e1b0a-6c5f-4c1d-8f38-0f0a6c3f1a11",
        "originalTimestamp": "2026-11-01T10:00:00.000Z",
        "sentAt": "2026-11-01T10:00:01.000Z",
        "receivedAt": "2026-11-01T15:30:02.123+05:30",
        "request_ip": "192.0.2.7",
        "context": {"sessionId": 1793527200123, "sessionStart": True, "locale": "en-GB"},
        "integrations": {"All": True},
        **changes,
    }
    return {name: value for name, value in made.items() if value is not None}


def merge(*pairs: tuple[str, str], **changes: Any) -> dict[str, Any]:
    properties = [{"type": type_, "value": value} for type_, value in pairs]
    return rudder(
        type="merge",
        **{"event": None, "anonymousId": None, "mergeProperties": properties, **changes},
    )


TRAITS = {"email": "ann@maple.example", "name": "Ann"}
SNAKE = {
    "type": "track", "event": "Seen", "message_id": "s1", "user_id": "u1", "anonymous_id": "d1",
    "original_timestamp": "2026-11-01T10:00:00Z", "sent_at": "2026-11-01T10:00:01Z",
    "received_at": "2026-11-01T10:00:02Z", "channel": "server",
}  # fmt: skip
SAID: Mapping[str, Mapping[str, Any]] = {
    "track": rudder(properties={"sku": "a"}),
    "identify": rudder(type="identify", event=None, userId="u1", context={"traits": TRAITS}),
    "page": rudder(type="page", event=None, name="Home", properties={"path": "/", "title": "Home"}),
    "screen": rudder(type="screen", event=None, name="Main", channel="mobile"),
    "group": rudder(type="group", event=None, groupId="g1", traits={"plan": "pro"}),
    "alias": rudder(type="alias", event=None, userId="u2", previousId="u1", anonymousId=None),
    "track-with-traits": rudder(userId="u1", context={"traits": TRAITS}),
    "merge": merge(("email", "Ann@Maple.example"), ("mobile", "+1-202-555-0146"), userId="u1"),
    "merge-users": merge(("userId", "u9"), ("user_id", "u1"), userId="u1"),
    "merge-device": merge(("anonymousId", "d7"), ("email", "a@b.example"), userId="u1"),
    "snake": SNAKE,
    "number": rudder(userId=17),
    "traits-only": rudder(anonymousId=None, context={"traits": TRAITS}),
    "consent": rudder(
        context={
            "consentManagement": {
                "provider": "oneTrust",
                "allowedConsentIds": ["C0001", 'odd "id"'],
                "deniedConsentIds": ["C0004"],
            }
        }
    ),
    "odd-consent": rudder(context={"consentManagement": {"allowedConsentIds": "C0001"}}),
    "no-context": rudder(context=None, rudderId=None),
    "large": rudder(properties={"text": "x" * 100_000}),
}  # fmt: skip
BAD: Sequence[tuple[Mapping[str, Any], str]] = (
    (rudder(anonymousId=None), "no_identity"),
    (rudder(event=None), "no_event_name"),
    (rudder(type="charge"), "unknown_type"),
    (rudder(context="web"), "wrong_type"),
    (rudder(receivedAt="soon"), "invalid_timestamp"),
    (rudder(properties={"text": "x" * (MAX_CALL_BYTES + 1)}), "too_large"),
    (merge(("email", "a@b.example"), userId="u1"), "no_merge_properties"),
    (merge(("email", ""), ("mobile", "1"), userId="u1"), "no_merge_properties"),
    (merge(userId="u1", mergeProperties="email"), "no_merge_properties"),
    (merge(userId="u1", mergeProperties=[1, None]), "no_merge_properties"),
    (merge(userId="u1", mergeProperties=None), "no_merge_properties"),
    (merge(("email", "a@b.example"), ("mobile", "1")), "no_identity"),
)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Landing:
    """Every call above in one file, loaded once."""
    made = Landing(
        tmp_path_factory.mktemp("archive"), sources={"web": {"kind": "rudderstack", "files": "*"}}
    )
    given = [*SAID.values(), *(bad for bad, _ in BAD)]
    unlike = [
        {**one, "messageId": f"m{n}"} if "messageId" in one else one for n, one in enumerate(given)
    ]
    made.put("a.json.gz", lines(*unlike))
    made.load()
    return made


@pytest.fixture
def rudderstack(landing: Landing) -> Landing:
    landing.sources = {"web": {"kind": "rudderstack", "files": "web/*", "optional": True}}
    return landing


def _row(archive: Landing, name: str) -> dict[str, Any]:
    (row,) = archive.rows(f"select * from raw.events where line = {list(SAID).index(name) + 1}")
    return row


@pytest.mark.parametrize(
    ("name", "event"),
    [("track", "Product Viewed"), ("identify", None), ("page", "Home"), ("screen", "Main"),
     ("group", None), ("alias", None), ("merge", None)],
)  # fmt: skip
def test_every_call_is_loaded(archive: Landing, name: str, event: str | None) -> None:
    row = _row(archive, name)

    assert (row["type"], row["event"]) == (name, event)


def test_channel_session_and_address_are_columns(archive: Landing) -> None:
    row = _row(archive, "track")

    assert (row["channel"], row["session_id"], row["ip"], row["locale"]) == (
        "web", "1793527200123", "192.0.2.7", "en-GB",
    )  # fmt: skip


def test_times_with_an_offset_are_utc(archive: Landing) -> None:
    assert str(_row(archive, "track")["received_at"]) == "2026-11-01 10:00:02.123000"


def test_the_context_keeps_the_id_of_rudderstack(archive: Landing) -> None:
    context = json.loads(_row(archive, "track")["context"])

    assert context["rudderId"] == "5b0e1b0a-6c5f-4c1d-8f38-0f0a6c3f1a11"
    assert context["sessionId"] == 1793527200123


def test_a_call_without_a_context_has_none(archive: Landing) -> None:
    assert _row(archive, "no-context")["context"] is None


def test_an_identify_says_the_traits_of_its_context(archive: Landing) -> None:
    row = _row(archive, "identify")

    assert (json.loads(row["traits"]), row["email"]) == (TRAITS, "ann@maple.example")


def test_other_calls_do_not_say_the_traits_again(archive: Landing) -> None:
    row = _row(archive, "track-with-traits")

    assert (row["traits"], row["email"]) == (None, "ann@maple.example")


def test_a_merge_names_the_identities_that_it_joins(archive: Landing) -> None:
    row = _row(archive, "merge")

    assert (row["user_id"], row["email"], row["previous_id"]) == ("u1", "ann@maple.example", None)
    assert json.loads(row["properties"])["mergeProperties"][1] == {
        "type": "mobile", "value": "+1-202-555-0146",
    }  # fmt: skip


def test_a_merge_of_two_users_names_the_other_one_as_previous(archive: Landing) -> None:
    row = _row(archive, "merge-users")

    assert (row["user_id"], row["previous_id"]) == ("u1", "u9")


def test_a_merge_with_a_device_is_a_sign_in(archive: Landing) -> None:
    row = _row(archive, "merge-device")

    assert (row["user_id"], row["anonymous_id"], row["email"]) == ("u1", "d7", "a@b.example")


def test_the_names_of_a_warehouse_are_read_too(archive: Landing) -> None:
    row = _row(archive, "snake")

    assert [row[name] for name in ("event_id", "user_id", "anonymous_id", "channel")] == [
        "s1", "u1", "d1", "server",
    ]  # fmt: skip
    assert [str(row[name]) for name in ("original_timestamp", "sent_at", "received_at")] == [
        "2026-11-01 10:00:00", "2026-11-01 10:00:01", "2026-11-01 10:00:02",
    ]  # fmt: skip


def test_consent_by_category_has_the_form_of_segments(archive: Landing) -> None:
    assert json.loads(_row(archive, "consent")["consent"]) == {
        "categoryPreferences": {"C0001": True, 'odd "id"': True, "C0004": False}
    }


@pytest.mark.parametrize("name", ["number", "traits-only", "large", "odd-consent"])
def test_an_odd_but_good_call_is_loaded(archive: Landing, name: str) -> None:
    assert _row(archive, name)["type"] == "track"


@pytest.mark.parametrize("number", range(len(BAD)), ids=lambda n: f"{n}-{BAD[n][1]}")
def test_what_is_no_call_is_refused(archive: Landing, number: int) -> None:
    line = len(SAID) + number + 1

    assert archive.values(f"select code from raw.quarantine where line = {line}") == [
        BAD[number][1]
    ]


def test_nothing_is_lost(archive: Landing) -> None:
    good, bad = len(SAID), len(BAD)

    assert archive.counts() == [("a.json.gz", good + bad, good, 0, bad)]


def test_a_person_whom_only_a_merge_names_is_erased(rudderstack: Landing) -> None:
    joined = [
        merge(("userId", f"u9{n}"), ("anonymousId", f"d7{n}"), ("email", f"Ann{n}@Maple.example"),
              userId="u1", messageId=f"m{n}")
        for n in range(3)
    ]  # fmt: skip
    path = rudderstack.put("web/a.jsonl", lines(rudder(userId="u5", messageId="m5"), *joined))
    rudderstack.load()

    rudderstack.location.erase(keys(user_id="u90", anonymous_id="d71", email="ann2@maple.example"))

    assert rudderstack.counts() == [("web/a.jsonl", 1, 1, 0, 0)]
    assert b"Maple" not in path.read_bytes()


def test_a_person_is_erased_by_the_names_of_a_warehouse(rudderstack: Landing) -> None:
    rudderstack.put("web/a.jsonl", lines(SNAKE, rudder()))
    rudderstack.load()

    rudderstack.location.erase(keys(anonymous_id="d1"))

    assert rudderstack.values("select event_id from raw.events") == ["m1"]
    assert rudderstack.counts() == [("web/a.jsonl", 1, 1, 0, 0)]
