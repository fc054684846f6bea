"""An id of blanks is no id, whatever the format: two such events are not of one person."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.ingestion.conftest import Landing, call, lines
from tests.ingestion.test_mparticle import batch
from tests.ingestion.test_mparticle import event as batched
from tests.ingestion.test_rudderstack import merge, rudder
from tests.ingestion.test_snowplow import event as enriched
from tests.ingestion.test_snowplow import stream

# The last one holds what is not seen: a no-break space and a joiner of no width.
BLANKS = ("", "  ", "\u00a0\u2003", "\u00a0\u200b")
_MAPPED = {
    "kind": "events", "files": "app/*", "event_name": "Seen",
    "map": {"occurred_at": "at", "user_id": "user", "anonymous_id": "device"},
}  # fmt: skip


def _segment(blank: str, user: str | None) -> bytes:
    return lines(call(userId=user or blank, anonymousId=blank, messageId=blank))


def _rudderstack(blank: str, user: str | None) -> bytes:
    return lines(
        rudder(messageId=None, message_id=blank, anonymousId=None, anonymous_id=blank,
               userId=user or blank)
    )  # fmt: skip


def _mparticle(blank: str, user: str | None) -> bytes:
    identities = {"customer_id": user or blank, "email": blank}
    return lines(
        batch(batched(source_message_id=blank), mp_deviceid=blank, user_identities=identities)
    )


def _mparticle_list(blank: str, user: str | None) -> bytes:
    identities = [{"identity_type": "customer_id", "identity": user or blank}]
    return lines(
        batch(batched(source_message_id=blank), mp_deviceid=blank, user_identities=identities)
    )


def _snowplow(blank: str, user: str | None) -> bytes:
    ids = {"user_id": user or blank, "domain_userid": blank, "network_userid": blank}
    return stream(enriched(event_id=user or "e1", **ids))


def _events(blank: str, user: str | None) -> bytes:
    return lines({"at": "2026-11-01T10:00:00Z", "user": user or blank, "device": blank})


FORMATS: Mapping[str, tuple[Callable[[str, str | None], bytes], Mapping[str, Any]]] = {
    "segment": (_segment, {"kind": "segment", "files": "app/*"}),
    "rudderstack": (_rudderstack, {"kind": "rudderstack", "files": "app/*"}),
    "mparticle": (_mparticle, {"kind": "mparticle", "files": "app/*"}),
    "mparticle, listed": (_mparticle_list, {"kind": "mparticle", "files": "app/*"}),
    "snowplow": (_snowplow, {"kind": "snowplow", "files": "app/*"}),
    "events": (_events, _MAPPED),
}


@pytest.mark.parametrize("name", FORMATS)
def test_a_blank_id_is_absent(landing: Landing, name: str) -> None:
    write, source = FORMATS[name]
    landing.sources = {"app": source}
    for number, blank in enumerate(BLANKS):
        landing.put(f"app/{number}.jsonl", write(blank, f"user-{number}"))

    report = landing.load()

    assert (report.rows_in, report.rows_quarantined) == (len(BLANKS), 0)
    assert landing.rows("select user_id, anonymous_id from raw.events order by user_id") == [
        {"user_id": f"user-{number}", "anonymous_id": None} for number in range(len(BLANKS))
    ]
    assert landing.values("select count(*) from raw.events where trim(event_id) = ''") == [0]


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "snowplow"])
def test_an_event_of_blank_ids_alone_is_nobodys(landing: Landing, name: str) -> None:
    write, source = FORMATS[name]
    landing.sources = {"app": source}
    for number, blank in enumerate(BLANKS):
        landing.put(f"app/{number}.jsonl", write(blank, None))

    landing.load()

    assert [code for _, code in landing.codes()] == ["no_identity"] * len(BLANKS)


@pytest.mark.parametrize("blank", BLANKS)
def test_a_merge_with_a_blank_identity_joins_nobody(landing: Landing, blank: str) -> None:
    landing.sources = {"app": {"kind": "rudderstack", "files": "app/*"}}
    landing.put("app/a.jsonl", lines(merge(("userId", "u1"), ("email", blank), userId="u1")))

    landing.load()

    assert [code for _, code in landing.codes()] == ["no_merge_properties"]
