from __future__ import annotations

import itertools
import json
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jsonschema
import pyarrow as pa
import pytest

from ingestion import SourcesConfig, load_landing
from ingestion.formats import json_documents
from ingestion.formats.mparticle_rules import EVENT_TYPES
from ingestion.tracking_plan import EventContract, TrackingPlan, _ready
from settings import ConfigurationError, load_config
from tests.ingestion.conftest import NOW, Landing, keys, lines, nobody

SECOND = 1_793_000_000_000
CONTENT = "select * exclude (load_id, file, line, position, loaded_at) from raw.events order by all"


@pytest.fixture
def app(landing: Landing) -> Landing:
    landing.sources = {"app": {"kind": "mparticle", "files": "app/*", "optional": True}}
    return landing


def event(kind: str = "custom_event", **data: Any) -> dict[str, Any]:
    """One good event with some of its data changed; None takes a field away."""
    made = {
        "source_message_id": "m1",
        "timestamp_unixtime_ms": SECOND,
        **(
            {"event_name": "Seen", "custom_event_type": "navigation"}
            if kind == "custom_event"
            else {}
        ),
        **data,
    }
    return {"event_type": kind, "data": {name: v for name, v in made.items() if v is not None}}


def batch(*events: Any, **changes: Any) -> dict[str, Any]:
    """One good batch with some fields changed; None takes a field away."""
    made = {
        "environment": "production",
        "mp_deviceid": "5c7e3c2c-0001-4000-8000-000000000001",
        "user_identities": {"customer_id": "user-0001", "email": "Ann@Maple.example"},
        "timestamp_unixtime_ms": SECOND + 2000,
        "events": list(events),
        **changes,
    }
    return {name: value for name, value in made.items() if value is not None}


def _reasons(landing: Landing) -> list[tuple[str, str]]:
    rows = landing.rows("select code, reason from raw.quarantine order by line, position")
    return [(row["code"], row["reason"]) for row in rows]


# What an event becomes: every batch is a line of one file, loaded once

TOLD = {"consented": True, "timestamp_unixtime_ms": 1}
STATE = {
    "gdpr": {
        "silent": {"document": "d"},
        "analytics": TOLD,
        'odd "name"': {**TOLD, "consented": False},
    },
    "ccpa": {"data_sale_opt_out": TOLD},
}
BOUGHT = {"action": "purchase", "total_amount": "12.50", "products": [{"id": "a"}]}
ZEROS = "00000000-0000-0000-0000-000000000000"
SAID: Mapping[str, Mapping[str, Any]] = {
    "plain": batch(event()),
    "two": batch(event(), event("session_end", source_message_id="m2")),
    "sent-out": batch(
        event(),
        user_identities=[
            {"identity_type": "customer_id", "identity": 17, "timestamp_unixtime_ms": 1},
            {"identity_type": "email", "identity": "ann@maple.example", "timestamp_unixtime_ms": 1},
        ],
    ),
    "started": batch(event(event_start_unixtime_ms=str(SECOND - 5000))),
    "not-received": batch(event(), timestamp_unixtime_ms=None),
    "bought": batch(
        event(
            "commerce_event",
            custom_attributes={"coupon": "x"},
            product_action=BOUGHT,
            location={"latitude": 1, "longitude": 2},
        )
    ),
    "clash": batch(event("breadcrumb", label="kept", custom_attributes={"label": "mine"})),
    "keys": batch(event(), api_key="secret", application_info={"package": "p"}),
    "reserved": batch(event(), user_attributes={"$firstname": "Ann", "tags": ["a"]}),
    "consent": batch(event(), consent_state=STATE),
    "no-opt-out": batch(
        event(), consent_state={"ccpa": {"data_sale_opt_out": {**TOLD, "consented": False}}}
    ),
    "screen": batch(event("screen_view", screen_name="Home")),
    "page": batch(
        event("screen_view", screen_name="Home", custom_attributes={"title": "Welcome"}),
        device_info={"platform": "web"},
    ),
    "attribute": batch(
        event("user_attribute_change", user_attribute_name="plan", new="pro", old="free"),
        user_attributes={"plan": "free", "city": "Ely"},
    ),
    "promotion": batch(event("commerce_event", promotion_action={"action": "view"})),
    "impression": batch(event("commerce_event", product_impressions=[{}])),
    "opt-out": batch(event("opt_out", is_opted_out=True)),
    "new-customer-id": batch(
        event(
            "user_identity_change",
            old={"identity_type": "customer_id", "identity": "u-old"},
            new={"identity_type": "customer_id", "identity": "u-new"},
        )
    ),
    "no-events": batch(user_attributes={"a": 1}, events=None),
    "ios": batch(
        event(), mp_deviceid=None, device_info={"ios_idfv": "idfv", "android_uuid": "a"}
    ),
    "android": batch(event(), mp_deviceid=None, device_info={"android_uuid": "uuid"}),
    "zeros": batch(
        event(), mp_deviceid=None, device_info={"ios_advertising_id": ZEROS}, mpid=-58
    ),
    "mpid": batch(event(), mp_deviceid=None, mpid="7"),
    "no-mpid": batch(event(), mp_deviceid=None, mpid=0),
    **{
        f"every {kind}": batch(
            event(
                kind, screen_name="s", label="l", register=True, registration_token="t",
                application_transition_type="application_exit", push_message_type="sent",
                user_attribute_name="a",
            )
        )
        for kind in EVENT_TYPES
    },
}  # fmt: skip


def _unlike(number: int, given: Any) -> Any:
    """The batch with ids that no other batch of the file has."""
    if not isinstance(given, dict) or not isinstance(given.get("events"), list):
        return given
    copy = json.loads(json.dumps(given))
    for one in copy["events"]:
        if isinstance(one, dict) and one.get("data", {}).get("source_message_id"):
            one["data"]["source_message_id"] += f"-{number}"
    return copy


def _loaded(folder: Path, given: Sequence[Any]) -> Landing:
    made = Landing(folder, sources={"app": {"kind": "mparticle", "files": "app/*"}})
    made.put("app/a.jsonl", lines(*(_unlike(number, one) for number, one in enumerate(given))))
    made.load()
    return made


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Sequence[dict[str, Any]]]:
    made = _loaded(tmp_path_factory.mktemp("said"), list(SAID.values()))
    rows = made.rows("select * from raw.events order by line, position")
    assert not made.codes()
    return {
        name: [row for row in rows if row["line"] == line]
        for line, name in enumerate(SAID, start=1)
    }


Said = Mapping[str, Sequence[dict[str, Any]]]


def test_a_batch_becomes_one_row_for_each_event(said: Said) -> None:
    assert [(row["event_id"], row["position"], row["type"], row["event"]) for row in said["two"]] == [
        ("m1-1", 1, "track", "Seen"), ("m2-1", 2, "track", "session_end"),
    ]  # fmt: skip


def test_an_event_has_the_identities_of_its_batch(said: Said) -> None:
    (row,) = said["plain"]

    assert (row["user_id"], row["anonymous_id"], row["email"]) == (
        "user-0001", "5c7e3c2c-0001-4000-8000-000000000001", "ann@maple.example",
    )  # fmt: skip


def test_the_identities_that_mparticle_sends_out_are_read_too(said: Said) -> None:
    (row,) = said["sent-out"]

    assert (row["user_id"], row["email"]) == ("17", "ann@maple.example")


def test_the_times_are_kept_and_none_is_invented(said: Said) -> None:
    (row,) = said["started"]

    assert str(row["timestamp"]) == "2026-10-26 07:33:20"
    seconds = [(row[name] - row["timestamp"]).seconds for name in ("received_at", "timestamp")]
    assert ((row["timestamp"] - row["original_timestamp"]).seconds, seconds) == (5, [2, 0])
    assert row["sent_at"] is None


def test_a_batch_that_says_not_when_it_was_received_has_no_such_time(said: Said) -> None:
    (row,) = said["not-received"]

    assert (row["received_at"], row["is_late"]) == (None, None)


def test_attributes_are_properties_and_commerce_stands_beside_them(said: Said) -> None:
    (row,) = said["bought"]

    assert row["event"] == "purchase"
    assert json.loads(row["properties"]) == {"coupon": "x", "product_action": BOUGHT}
    assert json.loads(row["context"])["event"]["location"] == {"latitude": 1, "longitude": 2}


def test_an_attribute_named_like_a_field_loses_neither(said: Said) -> None:
    (row,) = said["clash"]

    assert json.loads(row["properties"]) == {
        "label": "kept",
        "custom_attributes": {"label": "mine"},
    }


def test_the_context_is_the_batch_without_events_and_keys_to_the_account(said: Said) -> None:
    context = json.loads(said["keys"][0]["context"])

    assert context["application_info"] == {"package": "p"}
    assert not {"events", "api_key", "user_attributes"} & set(context)


def test_reserved_attributes_also_have_the_names_that_profiles_read(said: Said) -> None:
    assert json.loads(said["reserved"][0]["traits"]) == {
        "first_name": "Ann", "$firstname": "Ann", "tags": ["a"],
    }  # fmt: skip


def test_consent_has_the_form_of_segments_and_the_original_is_kept(said: Said) -> None:
    (row,) = said["consent"]

    assert json.loads(row["consent"]) == {
        "categoryPreferences": {"analytics": True, 'odd "name"': False, "data_sale": False}
    }
    assert json.loads(row["context"])["consent_state"] == STATE


def test_who_did_not_opt_out_has_not_agreed(said: Said) -> None:
    assert said["no-opt-out"][0]["consent"] == '{"categoryPreferences":{}}'


@pytest.mark.parametrize(
    ("name", "type_", "event_name"),
    [
        ("screen", "screen", "Home"), ("page", "page", "Home"),
        ("attribute", "identify", "user_attribute_change"),
        ("promotion", "track", "promotion_view"), ("impression", "track", "impression"),
        ("opt-out", "track", "opt_out"), ("new-customer-id", "alias", "user_identity_change"),
    ],
)  # fmt: skip
def test_the_type_follows_from_what_mparticle_says(
    said: Said, name: str, type_: str, event_name: str
) -> None:
    (row,) = said[name]

    assert (row["type"], row["event"]) == (type_, event_name)


def test_a_customer_id_that_changes_joins_the_two(said: Said) -> None:
    (row,) = said["new-customer-id"]

    assert (row["previous_id"], row["user_id"]) == ("u-old", "u-new")


def test_a_changed_attribute_is_a_trait_at_once(said: Said) -> None:
    assert json.loads(said["attribute"][0]["traits"]) == {"plan": "pro", "city": "Ely"}


@pytest.mark.parametrize("kind", EVENT_TYPES)
def test_every_type_of_the_schema_is_loaded(said: Said, kind: str) -> None:
    assert len(said[f"every {kind}"]) == 1


def test_a_batch_about_a_user_without_events_is_one_identify(said: Said) -> None:
    (row,) = said["no-events"]

    assert (row["type"], row["user_id"], row["position"]) == ("identify", "user-0001", 1)


@pytest.mark.parametrize(
    ("name", "device"),
    [("ios", "idfv"), ("android", "uuid"), ("zeros", "-58"), ("mpid", "7"), ("no-mpid", None)],
)
def test_the_device_is_the_best_id_that_is_there(said: Said, name: str, device: str) -> None:
    assert said[name][0]["anonymous_id"] == device


# What is refused: every case is a line of one file, loaded once

_ANNS = "ann@maple.example"
NO_BATCH: Sequence[tuple[Any, str, str]] = (
    (b'{"events": [', "invalid_json", ""),
    (b"[]", "not_an_object", ""),
    (b"[1]", "not_an_object", ""),
    (b"{}", "empty_object", ""),
    (batch(event(), x="a\x00"), "null_byte", ""),
    (batch(events={}), "wrong_type", "events"),
    (batch(event(), user_attributes=[]), "wrong_type", "user_attributes"),
    (batch(event(), user_identities={"customer_id": {}}), "wrong_type",
     "user_identities, user_identities.customer_id"),
    (batch(event(), mpid="x"), "wrong_type", "mpid"),
    (batch(event(), timestamp_unixtime_ms=1.5), "wrong_type", "timestamp_unixtime_ms"),
    (batch(event(), environment=_ANNS), "value_not_allowed", "environment"),
    (batch(event(), consent_state={"gdpr": {"ads": {"consented": "yes"}}}), "wrong_type",
     "consent_state.gdpr"),
    ({"environment": "production"}, "empty_batch", ""),
    ({"events": [event()]}, "no_identity", ""),
)  # fmt: skip
BAD_EVENTS: Sequence[tuple[Any, str, str]] = (
    ("x", "wrong_type", "events[1]"),
    (None, "wrong_type", "events[1]"),
    ({"event_type": "custom_event"}, "missing_field",
     "events[1]: data, data.event_name, data.custom_event_type"),
    ({"data": {}}, "missing_field", "events[1]: event_type"),
    (event(_ANNS), "unknown_type", "events[1]: event_type"),
    (event(event_name=None), "missing_field", "events[1]: data.event_name"),
    (event(custom_event_type=_ANNS), "value_not_allowed", "events[1]: data.custom_event_type"),
    (event(custom_attributes=["a"]), "wrong_type", "events[1]: data.custom_attributes"),
    (event(timestamp_unixtime_ms=_ANNS), "wrong_type", "events[1]: data.timestamp_unixtime_ms"),
    (event(timestamp_unixtime_ms=2**62), "invalid_timestamp",
     "events[1]: data.timestamp_unixtime_ms"),
    (event(timestamp_unixtime_ms=SECOND // 1000), "implausible_timestamp",
     "events[1]: data.timestamp_unixtime_ms"),
    (event("commerce_event", product_action={"total_amount": "a lot"}), "wrong_type",
     "events[1]: data.product_action.total_amount"),
    (event("commerce_event", product_action={}), "missing_field",
     "events[1]: data.product_action.action"),
    (event("commerce_event", product_action={"action": "click", "products": [1]}), "wrong_type",
     "events[1]: data.product_action.products"),
    (event("screen_view"), "missing_field", "events[1]: data.screen_name"),
)  # fmt: skip


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory) -> Landing:
    around = [
        batch(event(), bad, event("opt_out", source_message_id="m3")) for bad, _, _ in BAD_EVENTS
    ]
    given = [line for line, _, _ in NO_BATCH] + around
    return _loaded(tmp_path_factory.mktemp("refused"), given)


def _of_line(landing: Landing, line: int) -> tuple[list[tuple[str, str]], int]:
    """Code and named fields of what was refused in a line, and how much of it was loaded."""
    rows = landing.rows(f"select code, reason from raw.quarantine where line = {line}")
    loaded = landing.warehouse.scalar(f"select count(*) from raw.events where line = {line}")
    return [(row["code"], row["reason"].partition(": ")[2]) for row in rows], loaded


@pytest.mark.parametrize("number", range(len(NO_BATCH)), ids=lambda n: f"{n}-{NO_BATCH[n][1]}")
def test_what_is_no_batch_is_one_refused_row(refused: Landing, number: int) -> None:
    _, code, named = NO_BATCH[number]

    assert _of_line(refused, number + 1) == ([(code, named)], 0)


@pytest.mark.parametrize("number", range(len(BAD_EVENTS)), ids=lambda n: f"{n}-{BAD_EVENTS[n][1]}")
def test_a_bad_event_is_refused_and_its_neighbours_are_loaded(
    refused: Landing, number: int
) -> None:
    _, code, named = BAD_EVENTS[number]

    assert _of_line(refused, len(NO_BATCH) + number + 1) == ([(code, named)], 2)


def test_no_reason_shows_what_a_batch_says(refused: Landing) -> None:
    assert _ANNS not in str(_reasons(refused))


# Files


def _printed(*batches: Mapping[str, Any]) -> bytes:
    return json.dumps(list(batches), indent=2).encode()


def test_a_printed_file_is_read_with_the_line_where_each_batch_begins(app: Landing) -> None:
    one = batch(event())
    other = batch(event(source_message_id="m2"), event("opt_out", source_message_id="m3"))
    app.put("app/a.json", _printed(one, other))

    app.load()

    second = _printed(one).count(b"\n") + 1
    assert app.rows("select event_id, line, position from raw.events order by 1") == [
        {"event_id": "m1", "line": 2, "position": 1},
        {"event_id": "m2", "line": second, "position": 1},
        {"event_id": "m3", "line": second, "position": 2},
    ]


def _written(batches: Sequence[Mapping[str, Any]]) -> Iterator[bytes]:
    yield lines(*batches)
    yield _printed(*batches)
    yield json.dumps(list(batches)).encode()
    yield b"\n\n".join(json.dumps(one, indent=1).encode() for one in batches)
    yield (
        b"\xef\xbb\xbf" + b"[\r\n" + b",\r\n".join(lines(one).strip() for one in batches) + b"\r\n]"
    )
    yield json.dumps(list(batches), indent=0).replace("},\n{", "}, {").encode()


def test_however_batches_are_written_they_give_the_same_events(app: Landing) -> None:
    batches = [
        batch(event(source_message_id=None, event_name='brackets "}{[\\'), event()),
        batch(event("opt_out", source_message_id=None), mp_deviceid="other"),
    ]
    for number, content in enumerate(_written(batches)):
        app.put(f"app/{number}.json{'.gz' if number % 2 else 'l'}", content)

    app.load()

    assert sorted(tuple(counts) for _, *counts in app.counts()) == [
        (3, 0, 3, 0), (3, 0, 3, 0), (3, 0, 3, 0), (3, 0, 3, 0), (3, 0, 3, 0), (3, 3, 0, 0),
    ]  # fmt: skip


def test_a_printed_file_that_was_cut_off_loses_only_its_last_batch(app: Landing) -> None:
    app.put("app/a.json", _printed(batch(event()), batch(event()))[:-40])

    app.load()

    assert app.counts() == [("app/a.json", 2, 1, 0, 1)]
    assert [code for code, _ in _reasons(app)] == ["invalid_json"]


def test_a_broken_first_line_does_not_hide_the_others(app: Landing) -> None:
    app.put("app/a.jsonl", b'{"events": [\n' + lines(batch(event())))

    app.load()

    assert app.counts() == [("app/a.jsonl", 2, 1, 0, 1)]


def test_a_printed_file_beyond_the_limit_is_refused_as_a_whole(
    app: Landing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_documents, "MAX_PRINTED_BYTES", 100)
    app.put("app/a.json", _printed(batch(event())))

    report = app.load()

    assert app.counts() == [("app/a.json", 1, 0, 0, 1)]
    assert "write one batch a line" in report.unreadable[0]


# Copies


def test_a_batch_that_comes_again_is_counted_as_copies(app: Landing) -> None:
    given = batch(event(), event(source_message_id=None), {"event_type": "?", "data": {}})
    app.put("app/a.jsonl", lines(given))
    app.put("app/b.json", _printed(given))

    app.load()

    assert app.counts() == [("app/a.jsonl", 3, 2, 0, 1), ("app/b.json", 3, 0, 2, 1)]


def test_events_are_the_same_in_any_order_and_batching(tmp_path: Path) -> None:
    chance = random.Random(5)
    users = [{"customer_id": f"user-{n:04}"} for n in range(3)]
    given = [
        (
            user,
            event(
                source_message_id=None, timestamp_unixtime_ms=SECOND + place, event_name=f"e{place}"
            ),
        )
        for user, place in itertools.product(users, range(4))
    ]
    found = []
    for number in range(2):
        repeated = [*given, *chance.sample(given, 5)]
        chance.shuffle(repeated)
        batches = [
            batch(
                *(one for who, one in repeated[start : start + 6] if who is user),
                user_identities=user,
            )
            for start in range(0, len(repeated), 6)
            for user in users
        ]
        held = [one for one in batches if one["events"]]
        made = Landing(
            tmp_path / str(number), sources={"app": {"kind": "mparticle", "files": "app/*"}}
        )
        made.put("app/a.jsonl", lines(*held[::2]))
        made.put("app/b.json", _printed(*held[1::2]))
        made.load()
        found.append(made.rows(CONTENT))

    assert [len(rows) for rows in found] == [12] * 2
    assert found[0] == found[1]


# Erasure

ANN = keys(email="ann@maple.example", user_id="user-0001")
BOB = {"user_identities": {"customer_id": "user-0002"}, "mp_deviceid": "bobs-phone"}


@pytest.mark.parametrize("printed", [False, True])
def test_an_erasure_takes_the_batch_and_its_rows(app: Landing, printed: bool) -> None:
    anns = batch(event(), event(), event("opt_out", source_message_id="m2"), event("clicked"))
    bobs = batch(event(source_message_id="b1"), {"event_type": "?", "data": {}}, **BOB)
    path = app.put("app/a.json", _printed(anns, bobs) if printed else lines(anns, bobs))
    app.load()
    before = app.counts()

    found = app.location.find(ANN)
    app.location.erase(ANN)

    assert (before, [trace.rows for trace in found]) == ([("app/a.json", 6, 3, 1, 2)], [1])
    assert app.counts() == [("app/a.json", 2, 1, 0, 1)]
    assert app.values("select user_id from raw.events") == ["user-0002"]
    assert b"user-0001" not in path.read_bytes()
    assert app.location.find(ANN) == ()
    app.load()
    assert app.counts() == [("app/a.json", 2, 1, 0, 1)]


def test_after_an_erasure_the_files_give_the_same_rows_again(app: Landing, tmp_path: Path) -> None:
    bobs = [batch(event(source_message_id=f"b{n}"), **BOB) for n in range(3)]
    app.put("app/a.json", _printed(bobs[0], batch(event()), bobs[1]))
    app.put("app/b.json", json.dumps([batch(event())], indent=0).encode())
    app.put("app/c.jsonl", lines(bobs[2], batch(event())))
    app.load()
    app.location.erase(ANN)

    anew = Landing(app.folder, sources={"app": {**app.sources["app"], "optional": True}})
    anew.load()

    assert anew.rows(CONTENT) == app.rows(CONTENT)
    assert len(anew.rows(CONTENT)) == 3


def test_a_copy_in_another_file_is_erased_and_the_counts_hold(app: Landing) -> None:
    given = batch(event(), event("opt_out", source_message_id=None))
    app.put("app/a.jsonl", lines(given, batch(event(source_message_id="b"), **BOB)))
    app.put("app/b.json", _printed(given, given))
    app.load()

    app.location.erase(ANN)

    assert app.counts() == [("app/a.jsonl", 1, 1, 0, 0), ("app/b.json", 0, 0, 0, 0)]


def test_refused_batches_are_searched_for_short_ids_too(app: Landing) -> None:
    anns = [
        batch(event("clicked"), user_identities={"customer_id": 17}),
        batch(events=1, user_identities={"customer_id": 17}),
        b'{"user_identities": {"customer_id": 17}, "events": [',
        batch(
            event("clicked"), user_identities=[{"identity_type": "customer_id", "identity": "17"}]
        ),
    ]
    app.put("app/a.jsonl", lines(batch(event(), **BOB), *anns))
    app.load()

    app.location.erase(keys(user_id="17"))

    assert app.counts() == [("app/a.jsonl", 1, 1, 0, 0)]


def test_whoever_was_erased_is_refused_when_a_batch_comes_again(app: Landing) -> None:
    app.put("app/a.jsonl", lines(batch(event(), event("opt_out", source_message_id="m2"))))

    def is_suppressed(identifiers: pa.Table) -> pa.Table:
        return identifiers.filter(pa.compute.equal(identifiers["value"], "user-0001"))

    load_landing(app.warehouse, app.config, app.folder, now=NOW, is_suppressed=is_suppressed)

    assert [code for code, _ in _reasons(app)] == ["suppressed", "suppressed"]


# The company's own schema, and the published examples


def _named_places(reason: str) -> Iterator[tuple[str | int, ...]]:
    """Places in a reason, as the path of a JSON Schema validator."""
    told = reason.partition(": ")[2]
    prefix, _, rest = told.rpartition("]: ")
    begin: tuple[str | int, ...] = ("events", int(prefix[len("events[") :])) if prefix else ()
    for place in rest.split(", "):
        name = place.partition(" ")[0]
        steps = re.findall(r"[^.\[\]]+", name) if not name.startswith("(") else []
        yield (*begin, *(int(step) if step.isdigit() else step for step in steps))


def _failing(schema: Mapping[str, Any], given: Any) -> set[tuple[str | int, ...]]:
    """Where a document breaks its schema, as an independent library says."""
    validator = jsonschema.validators.validator_for(schema)(schema)
    return {tuple(error.absolute_path) for error in validator.iter_errors(given)}


def _load_with_plan(app: Landing, schema: Mapping[str, Any], given: bytes) -> None:
    app.sources = {"app": {"kind": "mparticle", "files": "app/*", "data_plan": schema}}
    app.put("app/a.json", given)
    app.load()


@pytest.fixture
def batches(shared_data: Path) -> Path:
    return shared_data / "formats" / "mparticle" / "batch-level"


@pytest.fixture
def events(shared_data: Path) -> Path:
    return shared_data / "formats" / "mparticle" / "event-level"


@pytest.mark.parametrize("plan", ["schema.json", None])
def test_the_good_batch_is_loaded(app: Landing, batches: Path, plan: str | None) -> None:
    schema = json.loads((batches / plan).read_text()) if plan else {}

    _load_with_plan(app, schema, (batches / "goodbatch.json").read_bytes())

    assert (_reasons(app), app.counts()) == ([], [("app/a.json", 3, 3, 0, 0)])


@pytest.mark.parametrize(
    ("plan", "is_readable"), [("schema.json", True), ("schema_noref.json", False)]
)
def test_the_bad_batch_is_refused_for_what_its_schema_says(
    app: Landing, batches: Path, plan: str, is_readable: bool
) -> None:
    schema = json.loads((batches / plan).read_text())
    given = (batches / "badbatch.json").read_bytes()
    given = given.replace(b"\\u0000", b"") if is_readable else given

    _load_with_plan(app, schema, given)

    count = 14 if is_readable else 1
    assert app.counts() == [("app/a.json", count, 0, 0, count)]
    reasons = _reasons(app)
    assert {code for code, _ in reasons} == {"against_data_plan"}
    assert set(_named_places(reasons[0][1])) == _failing(schema, json.loads(given))


def test_without_its_schema_the_bad_batch_is_refused_for_its_null_characters(
    app: Landing, batches: Path
) -> None:
    app.put("app/a.json", (batches / "badbatch.json").read_bytes())

    app.load()

    assert _reasons(app) == [("null_byte", "the line holds a null character")]


def _plan_of(events: Path, kind: str) -> Mapping[str, Any]:
    """The schema of an event as that of a batch."""
    schema = json.loads((events / f"{kind}_schema.json").read_text())
    return {
        "$schema": schema.pop("$schema"),
        "definitions": schema.pop("definitions"),
        "properties": {"events": {"items": schema}},
    }


@pytest.mark.parametrize("kind", ["custom_event", "commerce_event"])
def test_an_event_is_judged_as_its_schema_says(app: Landing, events: Path, kind: str) -> None:
    plan = _plan_of(events, kind)
    good, bad = (json.loads((events / f"{kind}{end}.json").read_text()) for end in ("", "_bad"))
    given = batch(good, bad)

    _load_with_plan(app, plan, lines(given))

    assert app.counts() == [("app/a.json", 2, 1, 0, 1)]
    ((_, reason),) = _reasons(app)
    assert set(_named_places(reason)) <= _failing(plan, given)


def test_the_bad_commerce_event_is_refused_without_a_schema_too(app: Landing, events: Path) -> None:
    bad = json.loads((events / "commerce_event_bad.json").read_text())
    app.put("app/a.jsonl", lines(batch(bad)))

    app.load()

    ((code, reason),) = _reasons(app)
    assert code == "wrong_type"
    assert set(_named_places(reason)) <= _failing(_plan_of(events, "commerce_event"), batch(bad))


def test_the_bad_custom_event_breaks_a_tracking_plan(app: Landing, events: Path) -> None:
    schema = json.loads((events / "custom_event_schema.json").read_text())
    attributes = schema["properties"]["data"]["properties"]["custom_attributes"]
    contract = EventContract.model_validate(
        {
            "event": "example custom 1",
            "schema": {
                "$schema": schema["$schema"],
                "definitions": schema["definitions"],
                **attributes,
            },
            "actions": {"default": "quarantine"},
        }
    )
    good, bad = (
        json.loads((events / f"custom_event{end}.json").read_text()) for end in ("", "_bad")
    )
    app.put("app/a.jsonl", lines(batch(good, bad)))

    load_landing(
        app.warehouse, app.config, app.folder, now=NOW, is_suppressed=nobody,
        plan=TrackingPlan((_ready(contract),)),
    )  # fmt: skip

    assert app.counts() == [("app/a.json" + "l", 2, 1, 0, 1)]


def test_a_data_plan_is_read_beside_its_configuration(tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text('{"required": ["mpid"]}')
    config = tmp_path / "sources.yml"
    config.write_text("sources: {app: {kind: mparticle, files: a, data_plan: plan.json}}")

    source = load_config(config, SourcesConfig).sources["app"]

    assert source.data_plan == {"required": ["mpid"]}  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param(
            "{kind: mparticle, files: a, data_plan: none.json}", "cannot be read", id="none"
        ),
        pytest.param(
            "{kind: mparticle, files: a, data_plan: {type: thing}}", "thing", id="no-schema"
        ),
        pytest.param("{kind: segment, files: a, data_plan: {}}", "only sources of kind", id="kind"),
    ],
)
def test_a_data_plan_that_cannot_hold_is_refused(tmp_path: Path, text: str, why: str) -> None:
    config = tmp_path / "sources.yml"
    config.write_text(f"sources: {{app: {text}}}")

    with pytest.raises(ConfigurationError, match=why):
        load_config(config, SourcesConfig)


def test_no_reason_shows_a_name_that_only_the_data_says(app: Landing) -> None:
    plan = {"properties": {"user_attributes": {"additionalProperties": {"type": "number"}}}}

    _load_with_plan(app, plan, lines(batch(event(), user_attributes={"ann@maple.example": "x"})))

    assert _reasons(app) == [
        (
            "against_data_plan",
            "the batch or event breaks the source's data plan: user_attributes.* (type)",
        )
    ]


# Anything else that a file may hold

ODD_VALUES: Sequence[Any] = (
    None, True, -1, 10**30, 1.5, "", " ", "NaN", [], {}, [[{}]], {"a": {"b": None}}, "9" * 40, "[",
    '{"x', [None], "\x00", 2**63,
)  # fmt: skip


def _paths(node: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    steps = node.items() if isinstance(node, dict) else enumerate(node)
    for step, value in steps:
        yield (*path, step)
        if isinstance(value, dict | list):
            yield from _paths(value, (*path, step))


def _changed(given: Mapping[str, Any], chance: random.Random) -> Mapping[str, Any]:
    """The batch with one or two of its values, at any depth, replaced by an odd one."""
    copy = json.loads(json.dumps(given))
    for _ in range(chance.randrange(1, 3)):
        *way, last = chance.choice(list(_paths(copy)))
        node = copy
        for step in way:
            node = node[step]
        node[last] = json.loads(json.dumps(chance.choice(ODD_VALUES)))
    return copy


def _cut(line: bytes, chance: random.Random) -> bytes:
    if chance.random() < 0.8:
        return line
    place = chance.randrange(1, len(line) - 1)
    return chance.choice([line[:place], line[:place] + b"\xff" + line[place:], line[place:]])


def test_no_odd_value_stops_a_load_or_loses_an_event(app: Landing) -> None:
    chance = random.Random(3)
    whole = [given for name, given in SAID.items() if name != "two"]
    made = [
        _cut(json.dumps(_changed(_unlike(number, chance.choice(whole)), chance)).encode(), chance)
        for number in range(200)
    ]
    app.put("app/a.jsonl", b"\n".join([*made, *lines(batch(event(), **BOB)).splitlines()]))

    report = app.load()

    assert report.rows_in == report.rows_loaded + report.rows_deduplicated + report.rows_quarantined
    assert report.rows_in >= 190
    assert report.rows_loaded == app.warehouse.scalar("select count(*) from raw.events")
    assert report.rows_quarantined == len(app.codes())
    assert min(report.rows_loaded, report.rows_quarantined) > 15

    app.location.erase(keys(user_id=["user-0001", "17"], anonymous_id=batch()["mp_deviceid"]))

    (counts,) = app.counts()
    left = app.warehouse.scalar("select count(*) from raw.events")
    assert counts[1:] == (left + counts[3] + len(app.codes()), left, counts[3], len(app.codes()))
    assert app.values("select count(*) from raw.events where user_id = 'user-0001'") == [0]


def test_batches_on_one_line_go_together_from_the_file_and_from_the_table(app: Landing) -> None:
    shared = json.dumps([batch(event()), batch(event(source_message_id="b1"), **BOB)]).encode()
    path = app.put(
        "app/a.json", shared + b"\n" + lines(batch(event(source_message_id="b2"), **BOB))
    )
    app.load()

    app.location.erase(ANN)

    assert app.values("select event_id from raw.events") == ["b2"]
    assert app.counts() == [("app/a.json", 1, 1, 0, 0)]
    assert b"b1" not in path.read_bytes()
