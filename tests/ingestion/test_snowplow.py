"""Snowplow events: read in three forms, against the tables that Snowplow's own package expects."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingestion import WrongColumnError
from ingestion.formats.snowplow_fields import FIELDS
from tests.ingestion.conftest import Landing, keys

SOURCES = {"web": {"kind": "snowplow", "files": "web/*", "optional": True}}
# A context or event column of the table, and the schema of what it holds.
_KINDS = {
    "contexts_com_snowplowanalytics_snowplow_web_page_1_0_0": ("com.snowplowanalytics.snowplow", "web_page"),
    "contexts_com_iab_snowplow_spiders_and_robots_1_0_0": ("com.iab.snowplow", "spiders_and_robots"),
    "contexts_com_snowplowanalytics_snowplow_ua_parser_context_1_0_0": ("com.snowplowanalytics.snowplow", "ua_parser_context"),
    "contexts_nl_basjes_yauaa_context_1_0_0": ("nl.basjes", "yauaa_context"),
    "unstruct_event_com_snowplowanalytics_snowplow_consent_preferences_1_0_0": ("com.snowplowanalytics.snowplow", "consent_preferences"),
    "unstruct_event_com_snowplowanalytics_snowplow_cmp_visible_1_0_0": ("com.snowplowanalytics.snowplow", "cmp_visible"),
}  # fmt: skip
_WEB_PAGE = "contexts_com_snowplowanalytics_snowplow_web_page_1_0_0"
_PAGE_VIEW_ID = "json_extract_string(context, '$.page_view_id')"

Row = dict[str, str]


@pytest.fixture
def web(landing: Landing) -> Landing:
    landing.sources = SOURCES
    return landing


def event(**changes: str) -> Row:
    """One good page view as a line of the stream says it."""
    return dict.fromkeys(FIELDS, "") | {
        "app_id": "site", "platform": "web", "event": "page_view", "event_name": "page_view",
        "event_id": "e1", "domain_userid": "device-0001", "domain_sessionid": "visit-0001",
        "collector_tstamp": "2026-11-01 10:00:02", "dvce_created_tstamp": "2026-11-01 10:00:00",
        "dvce_sent_tstamp": "2026-11-01 10:00:01", "derived_tstamp": "2026-11-01 10:00:01",
        "page_url": "https://shop.example/a", "page_urlpath": "/a", **changes,
    }  # fmt: skip


def said(name: str, data: Mapping[str, Any], vendor: str = "com.snowplowanalytics.snowplow") -> str:
    return json.dumps({"schema": f"iglu:{vendor}/{name}/jsonschema/1-0-0", "data": data})


def unstruct(name: str, data: Mapping[str, Any], **changes: str) -> Row:
    whole = f'{{"schema": "iglu:x/unstruct_event/jsonschema/1-0-0", "data": {said(name, data)}}}'
    return event(event="unstruct", event_name=name, unstruct_event=whole, **changes)


def contexts(*entities: str) -> str:
    return f'{{"schema": "iglu:x/contexts/jsonschema/1-0-1", "data": [{",".join(entities)}]}}'


def stream(*events: Mapping[str, str]) -> bytes:
    """Lines of the stream."""
    return b"".join(
        "\t".join(one.get(name, "") for name in FIELDS).encode() + b"\n" for one in events
    )


def table(events: Sequence[Mapping[str, str]]) -> bytes:
    """A CSV file of the events table."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(events[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(events)
    return text.getvalue().encode()


def _one(landing: Landing, given: Row) -> dict[str, Any]:
    landing.put("web/a.tsv", stream(given))
    landing.load()
    (row,) = landing.rows("select * from raw.events")
    return row


# One event


def test_a_page_view_is_a_page_with_its_times_and_ids(web: Landing) -> None:
    row = _one(web, event(
        user_id=" u1 ", user_ipaddress="198.51.100.7", useragent="Mozilla", br_lang="en-US",
        os_timezone="America/Boise", dvce_type="Mobile", page_title="A", mkt_source="news",
        mkt_medium="email", mkt_campaign="spring", mkt_term="t", mkt_content="c",
        page_referrer="https://search.example/",
    ))  # fmt: skip

    wanted = {
        "type": "page", "event": None, "event_id": "e1", "anonymous_id": "device-0001",
        "user_id": "u1", "session_id": "visit-0001", "channel": "web", "ip": "198.51.100.7",
        "user_agent": "Mozilla", "locale": "en-US", "timezone": "America/Boise",
        "device_type": "Mobile", "page_url": "https://shop.example/a", "page_path": "/a",
        "page_title": "A", "page_referrer": "https://search.example/", "campaign_source": "news",
        "campaign_medium": "email", "campaign_name": "spring", "campaign_term": "t",
        "campaign_content": "c", "is_late": False,
        "received_at": datetime.fromisoformat("2026-11-01T10:00:02"),
        "original_timestamp": datetime.fromisoformat("2026-11-01T10:00:00"),
        "sent_at": datetime.fromisoformat("2026-11-01T10:00:01"),
        "timestamp": datetime.fromisoformat("2026-11-01T10:00:01"),
    }  # fmt: skip
    assert {name: row[name] for name in wanted} == wanted


def test_the_time_is_the_pipelines_else_the_trackers_else_by_the_clock_rule(web: Landing) -> None:
    no_estimate = {"derived_tstamp": ""}
    slow_clock = {
        "dvce_sent_tstamp": "2026-11-01 10:00:30", "dvce_created_tstamp": "2026-11-01 10:00:29",
    }  # fmt: skip
    no_clock = {"dvce_sent_tstamp": "", "dvce_created_tstamp": ""}
    web.put("web/a.tsv", stream(
        event(event_id="true", **no_estimate, true_tstamp="2026-11-01 10:00:09"),
        event(event_id="by the clock rule", **no_estimate, **slow_clock),
        event(event_id="received", **no_estimate, **no_clock),
    ))  # fmt: skip

    web.load()

    assert web.values('select second("timestamp") from raw.events order by line') == [9, 1, 2]


def test_what_no_column_takes_stays_in_the_context_with_its_entities(web: Landing) -> None:
    page, robot = said("web_page", {"id": "p1"}), {"spiderOrRobot": False, "category": "BROWSER"}
    row = _one(web, event(
        contexts=contexts(page, said("someThing", {"a": 1}, "com.acme-x"), said("someThing", {"a": 2}, "com.acme-x")),
        derived_contexts=contexts(said("spiders_and_robots", robot, "com.iab.snowplow")),
        geo_city="Boise", refr_medium="search",
    ))  # fmt: skip

    context = json.loads(row["context"])
    assert context["page_view_id"] == "p1"
    assert (context["geo_city"], context["refr_medium"]) == ("Boise", "search")
    assert context["contexts"] == {
        "com_snowplowanalytics_snowplow_web_page": [{"id": "p1"}],
        "com_acme_x_some_thing": [{"a": 1}, {"a": 2}],
        "com_iab_snowplow_spiders_and_robots": [robot],
    }


def test_every_field_that_is_given_is_somewhere_in_the_row(web: Landing) -> None:
    marked = {name: f"mark-{place}-" for place, name in enumerate(FIELDS)}
    given = marked | {name: event()[name] for name in FIELDS if "tstamp" in name}
    documents = {
        "contexts": contexts(said("a", {"m": marked["contexts"]})),
        "derived_contexts": contexts(said("b", {"m": marked["derived_contexts"]})),
        "platform": marked["platform"],
    }
    kinds = {
        "page_ping": ("pp_",), "struct": ("se_",), "transaction": ("tr_", "base_currency"),
        "transaction_item": ("ti_", "base_currency"), "unstruct": ("unstruct_event",),
    }  # fmt: skip
    of_one_kind = tuple(prefix for prefixes in kinds.values() for prefix in prefixes)
    lines = [
        given | documents | {
            "event": kind, "event_id": f"mark-{FIELDS.index('event_id')}-{kind}",
            "unstruct_event": json.dumps({"data": {"data": {"m": marked["unstruct_event"]}}}),
        }
        for kind in kinds
    ]  # fmt: skip
    web.put("web/a.tsv", stream(*lines))

    web.load()

    assert web.codes() == []
    rows = web.rows("select * from raw.events")
    for row, (kind, own) in zip(
        sorted(rows, key=lambda r: str(r["event_id"])), sorted(kinds.items()), strict=True
    ):
        kept = {int(place) for place in re.findall(r"mark-(\d+)-", json.dumps(row, default=str))}
        wanted = {
            place
            for place, name in enumerate(FIELDS)
            if "tstamp" not in name
            and name != "event"
            and (name.startswith(own) or not name.startswith(of_one_kind))
        }
        assert wanted - kept == set(), kind


def test_an_apps_device_and_visit_are_read_from_its_session(web: Landing) -> None:
    session = said("client_session", {"userId": "phone-1", "sessionId": "visit-9"})
    given = event(
        domain_userid="", domain_sessionid="", network_userid="cookie-1", platform="mob",
        contexts=contexts(session),
    )  # fmt: skip

    row = _one(web, given)

    assert [row["anonymous_id"], row["session_id"], row["channel"]] == [
        "phone-1", "visit-9", "mobile",
    ]  # fmt: skip


def test_who_may_not_be_known_is_nobody(web: Landing) -> None:
    cookies = ["cookie-1", "00000000-0000-0000-0000-000000000000", ""]
    web.put("web/a.tsv", stream(*(
        event(event_id=str(n), domain_userid="", network_userid=cookie)
        for n, cookie in enumerate(cookies)
    )))  # fmt: skip

    web.load()

    known = web.values("select anonymous_id from raw.events order by line")
    assert known == ["cookie-1", None, None]


def test_a_ping_tells_how_much_of_the_page_was_seen(web: Landing) -> None:
    row = _one(web, event(
        event="page_ping", pp_yoffset_min="0", pp_yoffset_max="500", br_viewheight="250",
        doc_height="1000",
    ))  # fmt: skip

    assert [row["type"], row["event"], row["scroll_depth"]] == ["track", "Page Ping", 0.75]
    assert json.loads(row["properties"]) == {"pp_yoffset_min": "0", "pp_yoffset_max": "500"}


def test_a_structured_event_is_named_by_its_action(web: Landing) -> None:
    row = _one(web, event(event="struct", se_category="shop", se_action="add", se_value="2.5"))

    assert [row["type"], row["event"]] == ["track", "add"]
    assert json.loads(row["properties"]) == {"category": "shop", "value": 2.5}


_SAID: Sequence[tuple[Row, str, str | None]] = [
    (unstruct("site_search", {"terms": ["red", "shoes"]}), "search_query", "red shoes"),
    (unstruct("file_download", {"fileName": "a.pdf"}), "download", "a.pdf"),
    (unstruct("link_click", {"targetUrl": "https://x.example/A.PDF?v=1"}), "download",
     "https://x.example/A.PDF?v=1"),
    (unstruct("link_click", {"targetUrl": "https://x.example/a"}), "download", None),
    (unstruct("link_click", {"elementId": "hero"}), "block", "hero"),
    (unstruct("screen_view", {"name": "Home"}), "type", "screen"),
    (unstruct("screen_view", {"name": "Home"}), "event", "Home"),
    (unstruct("sign_up", {"email": "Ann@Maple.example"}), "email", "ann@maple.example"),
    (unstruct("sign_up", {}) | {"event_name": ""}, "event", "sign_up"),
]  # fmt: skip


def test_what_a_self_describing_event_says_fills_columns(web: Landing) -> None:
    web.put("web/a.tsv", stream(*(row | {"event_id": str(n)} for n, (row, *_) in enumerate(_SAID))))

    web.load()

    rows = web.rows("select * from raw.events order by line")
    found = [row[column] for row, (_, column, _) in zip(rows, _SAID, strict=True)]
    assert found == [value for *_, value in _SAID]


def test_an_order_is_a_track_with_its_amounts(web: Landing) -> None:
    row = _one(web, event(event="transaction", tr_orderid="o1", tr_total="9.90"))

    assert [row["type"], row["event"]] == ["track", "transaction"]
    assert json.loads(row["properties"]) == {"tr_orderid": "o1", "tr_total": "9.90"}


_ANSWERS: Sequence[tuple[str, str, bool | None]] = [
    ("allow_selected", "consent", True), ("deny_all", "consent", False),
    ("withdrawn", "consent", False), ("pending", "consent", None),
    ("implicit_consent", "consent", None), ("allow_all", "legitimate_interests", None),
]  # fmt: skip


def test_only_an_answer_on_the_basis_of_consent_is_a_decision(web: Landing) -> None:
    said_so = [
        {"event_type": answer, "basis_for_processing": basis, "consent_scopes": ["stats", "ads"]}
        for answer, basis, _ in _ANSWERS
    ]
    web.put("web/a.tsv", stream(*(
        unstruct("consent_preferences", one, event_id=str(n)) for n, one in enumerate(said_so)
    )))  # fmt: skip

    web.load()

    rows = web.rows("select consent, properties from raw.events order by line")
    assert [json.loads(row["properties"]) for row in rows] == said_so
    assert [row["consent"] and json.loads(row["consent"]) for row in rows] == [
        None if granted is None else {"categoryPreferences": {"ads": granted, "stats": granted}}
        for *_, granted in _ANSWERS
    ]


# Refusals


_BAD_LINES: Mapping[str, tuple[bytes, str, str]] = {
    "too-few-fields": (b"a\tb\n", "wrong_field_count", "131 fields"),
    "too-many-fields": (stream(event())[:-1] + b"\t\n", "wrong_field_count", "131 fields"),
    "utf-8": (stream(event()).replace(b"site", b"\xff"), "invalid_utf8", "UTF-8"),
    "null-character": (stream(event(page_title="a\0b")), "null_byte", "null character"),
    "too-large": (stream(event(page_title="x" * 1_100_000)), "too_large", "1048576 bytes"),
    "no-id": (stream(event(event_id=" ")), "missing_field", "event_id"),
    "no-times": (
        stream({**event(), **{name: "" for name in FIELDS if "tstamp" in name}}),
        "missing_field", "collector_tstamp",
    ),
    "no-event": (stream(event(event="")), "missing_field", "event"),
    "unknown-event": (stream(event(event="secret")), "unknown_type", "page_view"),
    "header": (stream({name: name for name in FIELDS}), "invalid_json", "contexts"),
    "no-action": (stream(event(event="struct")), "no_event_name", "se_action"),
    "no-name": (stream(event(event="unstruct", event_name="")), "no_event_name", "name"),
    "unread-time": (stream(event(dvce_sent_tstamp="secret")), "invalid_timestamp",
                    "dvce_sent_tstamp"),
    "ages-ago": (stream(event(derived_tstamp="1970-01-01 00:00:00")), "implausible_timestamp",
                 "derived_tstamp"),
    "far-ahead": (stream(event(collector_tstamp="2099-01-01 00:00:00")), "implausible_timestamp",
                  "collector_tstamp"),
    "json": (stream(event(contexts='{"secret')), "invalid_json", "contexts"),
    "json-of-event": (stream(event(unstruct_event="[1")), "invalid_json", "unstruct_event"),
    "depth": (stream(event(contexts=contexts("[" * 70 + "]" * 70))), "too_deep", "nests"),
    "number": (stream(event(contexts=contexts('{"a": 1e999}'))), "number_out_of_range", "64 bits"),
}  # fmt: skip


@pytest.fixture(scope="module")
def refusing(tmp_path_factory: pytest.TempPathFactory) -> Landing:
    """A file of bad lines, a good one before each; tests only read it."""
    landing = Landing(tmp_path_factory.mktemp("bad"), sources=SOURCES)
    pairs = enumerate(_BAD_LINES.values())
    content = (stream(event(event_id=f"good-{n}")) + bad for n, (bad, *_) in pairs)
    landing.put("web/a.tsv", b"".join(content))
    landing.load()
    return landing


@pytest.mark.parametrize("name", _BAD_LINES)
def test_a_bad_line_is_refused_with_the_field_that_is_at_fault(
    refusing: Landing, name: str
) -> None:
    _, code, part = _BAD_LINES[name]
    line = 2 * (list(_BAD_LINES).index(name) + 1)

    (refused,) = refusing.rows(f"select code, reason from raw.quarantine where line = {line}")

    assert refused["code"] == code
    assert part in refused["reason"]
    assert "secret" not in refused["reason"]


def test_the_neighbours_of_bad_lines_are_loaded(refusing: Landing) -> None:
    count = len(_BAD_LINES)

    assert refusing.counts() == [("web/a.tsv", 2 * count, count, 0, count)]
    assert all(
        name.startswith("good-") for name in refusing.values("select event_id from raw.events")
    )


def test_odd_documents_lose_no_event(web: Landing) -> None:
    odd = ["null", "[]", '{"data": 1}', '{"data": [null, 1, {}]}', '"x"']
    web.put("web/a.tsv", stream(*(
        event(event_id=str(n), contexts=one, unstruct_event=one, derived_contexts=one)
        for n, one in enumerate(odd)
    )))  # fmt: skip

    web.load()

    assert web.counts() == [("web/a.tsv", len(odd), len(odd), 0, 0)]
    assert all(json.loads(context) for context in web.values("select context from raw.events"))


def test_a_table_without_the_columns_of_events_is_not_loaded(web: Landing) -> None:
    web.put("web/a.csv", b"name,age\na,1\n")

    with pytest.raises(WrongColumnError, match="event_id"):
        web.load()


def test_a_row_that_does_not_fit_its_header_is_refused(web: Landing) -> None:
    web.put("web/a.csv", table([event(event_id="a"), event(event_id="b")]) + b"x,y\n")

    web.load()

    assert web.counts() == [("web/a.csv", 3, 2, 0, 1)]
    assert web.codes() == [(4, "unreadable_row")]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("web/a.tsv.gz", stream(event())),
        ("web/run=2026-11-01.gz", stream(event())),
        ("web/part-0001.txt", b"\xef\xbb\xbf" + stream(event())),
        ("web/odd.csv", stream(event()).replace(b"\n", b"\r\n")),
        ("web/events.csv.gz", table([event()])),
        ("web/upper.csv", table([event()]).replace(b"event_id", b"EVENT_ID")),
        ("web/table.txt", table([event()])),
    ],
)
def test_the_form_is_told_by_name_or_first_line(web: Landing, name: str, content: bytes) -> None:
    web.put(name, content)

    web.load()

    assert web.counts() == [(name, 1, 1, 0, 0)]


def test_entities_that_a_loader_wrote_as_parquet_structs_are_read(web: Landing) -> None:
    plain = {name: pa.array([value or None], pa.string()) for name, value in event().items()}
    nested = {
        "contexts_com_snowplowanalytics_snowplow_web_page_1": pa.array([[{"id": "p1"}]]),
        "contexts_nl_basjes_yauaa_context_1": pa.array([[{"device_class": "Phone"}]]),
        "unstruct_event_com_acme_sign_up_1": pa.array([{"email": "ann@maple.example"}]),
    }
    written = io.BytesIO()
    pq.write_table(pa.table(plain | nested), written)
    web.put("web/a.parquet", written.getvalue())

    web.load()

    (row,) = web.rows("select context->>'page_view_id' as view, device_type, email from raw.events")
    assert list(row.values()) == ["p1", "Phone", "ann@maple.example"]


def test_the_copy_that_was_collected_first_stays(web: Landing) -> None:
    late, early = event(collector_tstamp="2026-11-01 11:00:00", app_id="late"), event()
    web.put("web/a.tsv", stream(late))
    web.load()
    web.put("web/b.csv", table([early]))
    web.load()

    assert web.counts() == [("web/a.tsv", 1, 0, 1, 0), ("web/b.csv", 1, 1, 0, 0)]
    assert web.values("select context->>'app_id' from raw.events") == ["site"]


# The same events in three forms, with the tables that Snowplow's package expects of them


def _given(shared_data: Path, name: str) -> list[Row]:
    folder = shared_data / "formats" / "snowplow"
    with (folder / name).open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def _expected(shared_data: Path, name: str) -> list[Row]:
    return _given(shared_data, f"expected/snowplow_web_{name}_expected.csv")


@pytest.fixture(scope="module")
def loaded(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Landing:
    """The events table as Snowplow gives it, loaded once; tests only read it."""
    landing = Landing(tmp_path_factory.mktemp("events"), sources=SOURCES)
    source = shared_data / "formats" / "snowplow" / "source" / "snowplow_web_events.csv"
    landing.put("web/events.csv", source.read_bytes())
    landing.load()
    return landing


def test_the_events_table_loads_with_exact_counts(loaded: Landing) -> None:
    assert loaded.counts() == [("web/events.csv", 160, 157, 3, 0)]
    assert loaded.codes() == []


def _in_stream(row: Row) -> Row:
    """A row of the table as the stream says it."""
    entities = [
        f'{{"schema": "iglu:{vendor}/{name}/jsonschema/1-0-0", "data": {one}}}'
        for column, (vendor, name) in _KINDS.items()
        if column.startswith("contexts_") and row[column]
        for one in (json.dumps(item) for item in json.loads(row[column]))
    ]
    events = [
        said(name, json.loads(row[column])[0], vendor)
        for column, (vendor, name) in _KINDS.items()
        if column.startswith("unstruct_") and row[column]
    ]
    whole = (
        f'{{"schema": "iglu:x/unstruct_event/jsonschema/1-0-0", "data": {events[0]}}}'
        if events
        else ""
    )
    return row | {
        "contexts": contexts(*entities[:1]), "derived_contexts": contexts(*entities[1:]),
        "unstruct_event": whole,
    }  # fmt: skip


def _as_parquet(rows: Sequence[Row]) -> bytes:
    times = {name for name in rows[0] if name.endswith("_tstamp")}
    columns = {
        name: pa.array(
            [
                (datetime.fromisoformat(row[name]) if name in times else row[name])
                if row[name]
                else None
                for row in rows
            ],
            pa.timestamp("us") if name in times else pa.string(),
        )
        for name in rows[0]
    }
    written = io.BytesIO()
    pq.write_table(pa.table(columns), written)
    return written.getvalue()


_SAID_OF_EVENTS = "select * exclude (load_id, file, line) from raw.events order by all"


@pytest.mark.parametrize("name", ["web/events.tsv", "web/events.parquet"])
def test_stream_and_parquet_of_the_same_events_give_the_rows_of_the_csv(
    web: Landing, loaded: Landing, shared_data: Path, name: str
) -> None:
    rows = _given(shared_data, "source/snowplow_web_events.csv")
    is_stream = name.endswith("tsv")
    web.put(name, stream(*map(_in_stream, rows)) if is_stream else _as_parquet(rows))

    web.load()

    assert web.counts() == [(name, 160, 157, 3, 0)]
    assert web.rows(_SAID_OF_EVENTS) == loaded.rows(_SAID_OF_EVENTS)


def test_the_fields_are_those_of_the_table_with_its_json_in_the_published_places(
    shared_data: Path,
) -> None:
    header = list(_given(shared_data, "source/snowplow_web_events.csv")[0])

    without_documents = [
        name for name in FIELDS if name not in {"contexts", "derived_contexts", "unstruct_event"}
    ]
    assert header[: len(without_documents)] == without_documents
    assert [FIELDS.index(name) for name in ("contexts", "unstruct_event", "derived_contexts")] == [
        52,
        58,
        122,
    ]
    assert len(FIELDS) == 131


# Two copies of this view were collected at one moment and derive two times; either may stay.
_TIED_VIEW = "86dd35a0-2625-4ad5-bf4f-801d8478d97c"
# Page views that Snowplow's table lacks, by event, and why.
_MORE_VIEWS = {
    "b0833046": "it has no page view id",
    "b0c248b5": "its visit began more than 3 days before",
    "941c1388": "it was sent more than 3 days after it was made",
    "9b02c625": "its visit began more than 3 days before",
    "6d72f61a": "its visit began more than 3 days before",
}
_SAME_COLUMNS = {
    "event_id": "event_id", "domain_sessionid": "session_id", "user_id": "user_id",
    "page_title": "page_title", "page_url": "page_url", "page_urlpath": "page_path",
    "page_referrer": "page_referrer", "mkt_medium": "campaign_medium",
    "mkt_source": "campaign_source", "mkt_campaign": "campaign_name", "useragent": "user_agent",
    "user_ipaddress": "ip", "br_lang": "locale", "device_class": "device_type",
}  # fmt: skip


def _first_views(landing: Landing) -> list[dict[str, Any]]:
    """One row per page view: of several with one id the first."""
    return list(landing.rows(
        f"""
        select *, {_PAGE_VIEW_ID} as page_view_id from raw.events where type = 'page'
        qualify page_view_id is null
            or row_number() over (partition by page_view_id order by "timestamp", event_id) = 1
        """
    ))  # fmt: skip


def test_page_views_are_those_of_snowplows_table_row_by_row(
    loaded: Landing, shared_data: Path
) -> None:
    ours = _first_views(loaded)
    expected = {row["page_view_id"]: row for row in _expected(shared_data, "page_views")}
    shared = {row["page_view_id"]: row for row in ours if row["page_view_id"] in expected}

    assert shared.keys() == expected.keys()
    for view, row in expected.items():
        assert {theirs: shared[view][mine] or "" for theirs, mine in _SAME_COLUMNS.items()} == {
            theirs: row[theirs] for theirs in _SAME_COLUMNS
        }
        if view != _TIED_VIEW:
            assert shared[view]["timestamp"] == datetime.fromisoformat(row["derived_tstamp"])
    more = {row["event_id"][:8] for row in ours if row["page_view_id"] not in expected}
    assert more == _MORE_VIEWS.keys()


# Snowplow gives a visit to the visitor of its first event; these come later in the visit.
_VIEWS_OF_ANOTHER_VISITOR = {"d986a746", "0702cd11"}


def test_visitors_of_page_views_are_those_of_snowplows_table_or_the_collectors_cookie(
    loaded: Landing, shared_data: Path
) -> None:
    rows = loaded.rows("select event_id, anonymous_id from raw.events")
    ours = {row["event_id"]: row["anonymous_id"] for row in rows}

    different = {
        row["event_id"][:8]
        for row in _expected(shared_data, "page_views")
        if ours[row["event_id"]] != (row["domain_userid"] or row["network_userid"])
    }

    assert different == _VIEWS_OF_ANOTHER_VISITOR


def test_the_share_that_was_seen_is_that_of_snowplows_table_where_there_were_pings(
    loaded: Landing, shared_data: Path
) -> None:
    seen = {
        row["view"]: row["depth"]
        for row in loaded.rows(
            f"select {_PAGE_VIEW_ID} as view, max(scroll_depth) as depth from raw.events "
            "where event = 'Page Ping' group by all"
        )
    }
    expected = {row["page_view_id"]: row for row in _expected(shared_data, "page_views")}

    pinged = [row for view, row in expected.items() if row["engaged_time_in_s"] != "0"]
    assert [float(row["vertical_percentage_scrolled"]) / 100 for row in pinged] == [
        seen[row["page_view_id"]] for row in pinged
    ]


# Visits that differ from Snowplow's table, and why.
_LONGER_VISITS = {"2bfc2c": "long session", "d21c00": "Unexpired session"}
_VISITS_OF_A_PING = 3
_MORE_VISITS = {
    "e79711": "no event of it has a page view id",
    "7edb16": "all of it was sent more than 3 days after it was made",
}


def _visits(landing: Landing, events: str = "true") -> dict[str, dict[str, Any]]:
    rows = landing.rows(
        f"""
        select session_id, min("timestamp") as began, max("timestamp") as ended,
            count(*) as events, count(distinct {_PAGE_VIEW_ID}) filter (
                type = 'page' or event = 'Page Ping') as pages,
            bool_and(event = 'Page Ping') is true as is_ping_only,
            bool_or(type = 'page' or event = 'Page Ping') is true as is_visit
        from raw.events where session_id is not null and {events} group by all
        """
    )
    return {row["session_id"]: row for row in rows}


def _same_visit(mine: Mapping[str, Any], theirs: Row) -> bool:
    return [mine["began"], mine["ended"], mine["pages"], mine["events"]] == [
        datetime.fromisoformat(theirs["start_tstamp"]), datetime.fromisoformat(theirs["end_tstamp"]),
        int(theirs["page_views"]), int(theirs["total_events"]),
    ]  # fmt: skip


def test_visits_are_those_of_snowplows_table_row_by_row(loaded: Landing, shared_data: Path) -> None:
    ours = _visits(loaded)
    expected = {row["domain_sessionid"]: row for row in _expected(shared_data, "sessions")}

    differing = {visit for visit, row in expected.items() if not _same_visit(ours[visit], row)}
    pings = {visit for visit in differing if ours[visit]["is_ping_only"]}
    assert len(expected) == 18
    assert {visit[:6] for visit in differing - pings} == _LONGER_VISITS.keys()
    assert len(pings) == _VISITS_OF_A_PING
    for visit in pings:
        # Snowplow adds the 5 seconds that the tracker had waited before the ping.
        began = datetime.fromisoformat(expected[visit]["start_tstamp"]) + timedelta(seconds=5)
        assert _same_visit(ours[visit], expected[visit] | {"start_tstamp": began.isoformat()})
    more = {visit[:6] for visit, row in ours.items() if row["is_visit"] and visit not in expected}
    assert more == _MORE_VISITS.keys()


def test_visits_that_snowplow_cuts_are_the_same_up_to_its_bound_of_three_days(
    loaded: Landing, shared_data: Path
) -> None:
    (quarantined,) = _expected(shared_data, "base_quarantined_sessions")
    expected = {row["domain_sessionid"]: row for row in _expected(shared_data, "sessions")}

    cut = [visit for visit in expected if visit[:6] in _LONGER_VISITS]

    assert quarantined["session_identifier"] in cut
    for visit in cut:
        began = f"timestamp '{expected[visit]['start_tstamp']}'"
        visits = _visits(loaded, f"\"timestamp\" <= {began} + interval '3 days'")
        assert _same_visit(visits[visit], expected[visit])


def test_visitors_are_those_of_snowplows_table(loaded: Landing, shared_data: Path) -> None:
    expected = {row["domain_userid"]: row for row in _expected(shared_data, "users")}
    visits = _visits(loaded)
    found = loaded.rows(
        "select distinct anonymous_id, session_id from raw.events where session_id is not null"
    )

    different = set()
    for visitor, row in expected.items():
        theirs = {one["session_id"] for one in found if one["anonymous_id"] == visitor}
        pages = sum(visits[one]["pages"] for one in theirs)
        if (len(theirs), pages) != (int(row["sessions"]), int(row["page_views"])):
            different.add(row["user_id"])
        ends = max(visits[one]["ended"] for one in theirs)
        assert (ends == datetime.fromisoformat(row["end_tstamp"])) == (
            row["user_id"] not in _LONGER_VISITS.values()
        )
    assert different == set(_LONGER_VISITS.values())


def test_decisions_are_those_of_snowplows_consent_log(loaded: Landing, shared_data: Path) -> None:
    ours = {
        row["event_id"]: row
        for row in loaded.rows("select event_id, event, consent, properties from raw.events")
    }
    log = _expected(shared_data, "consent_log")

    assert len(log) == 65
    for row in log:
        mine = ours[row["event_id"]]
        scopes = [scope for scope in row["consent_scopes"].split(", ") if scope]
        decided = dict.fromkeys(scopes, row["event_type"] != "deny_all")
        wanted = {"categoryPreferences": decided} if scopes else None
        assert mine["event"] == row["event_name"]
        assert (mine["consent"] and json.loads(mine["consent"])) == wanted
        waited = json.loads(mine["properties"]).get("elapsed_time")
        assert (waited and float(waited)) == (float(row["cmp_load_time"] or 0) or None)


# Erasure


ANN = keys(anonymous_id="device-ann-1", user_id="7", email="ann@maple.example")


def _people() -> list[Row]:
    return [
        event(event_id="a1", domain_userid="device-ann-1"),
        event(event_id="b1", domain_userid="device-ben-1", page_title="kept,  as\tis".replace("\t", " ")),
        event(event_id="a2", domain_userid="device-ben-1", user_id="7"),
        unstruct("sign_up", {"email": "Ann@Maple.example"}, event_id="a3", domain_userid="x"),
        event(event_id="a4", domain_userid="", contexts=contexts(said("client_session", {"userId": "device-ann-1"}))),
        event(event_id="", domain_userid="device-ann-1"),
        event(event_id="b2", domain_userid="device-ben-1", derived_tstamp="odd", page_url="https://x.example/?e=ann@maple.example"),
        event(event_id="b3", domain_userid="device-ben-1", derived_tstamp="odd"),
        event(event_id="a1", domain_userid="device-ann-1", collector_tstamp="2026-11-02 10:00:00"),
        event(event_id="b4", domain_userid="device-ben-1", user_id="77"),
    ]  # fmt: skip


_KEPT = [1, 7, 9]


def _without(lines: Iterable[bytes], first: int) -> bytes:
    """The lines of a file of which those of Ann's events are empty."""
    return b"\n".join(
        b""
        if place >= first and place - first < len(_people()) and place - first not in _KEPT
        else line
        for place, line in enumerate(lines)
    )


@pytest.mark.parametrize(
    ("name", "content", "first"),
    [
        ("web/a.tsv", stream(*_people()), 0),
        ("web/a.tsv.gz", stream(*_people()), 0),
        ("web/a.csv", table(_people()), 1),
    ],
)
def test_a_persons_lines_go_and_all_other_bytes_stay(
    web: Landing, name: str, content: bytes, first: int
) -> None:
    path = web.put(name, content)
    web.load()
    before = web.counts()

    traces = web.location.erase(ANN)

    left = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    assert left == _without(content.split(b"\n"), first)
    assert [(trace.location, trace.rows) for trace in traces] == [(f"landing/{name}", 7)]
    assert before == [(name, 10, 6, 1, 3)]
    assert web.counts() == [(name, 3, 2, 0, 1)]
    assert web.location.find(ANN) == ()
    assert web.load().files == 0


def test_a_persons_rows_of_a_parquet_file_go(web: Landing) -> None:
    path = web.put(
        "web/a.parquet", _as_parquet([row | {"derived_tstamp": ""} for row in _people()])
    )
    web.load()

    web.location.erase(ANN)

    assert pq.read_table(path)["event_id"].to_pylist() == ["b1", "b2", "b3", "b4"]
    assert web.counts() == [("web/a.parquet", 4, 4, 0, 0)]
    assert web.load().files == 0


def test_a_row_of_the_table_goes_with_its_line_breaks(web: Landing) -> None:
    rows = [event(event_id="a", domain_userid="device-ann-1", page_title="two\nlines"), event()]
    content = table(rows)
    path = web.put("web/a.csv", content)
    web.load()

    web.location.erase(ANN)

    header, last = content.split(b"\n")[0], content.split(b"\n")[-2]
    assert path.read_bytes() == header + b"\n\n\n" + last + b"\n"
    assert web.values("select event_id from raw.events") == ["e1"]
