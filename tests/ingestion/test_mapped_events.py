from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from ingestion import SourcesConfig, WrongColumnError, load_landing
from ingestion.expectations import SUITES, judge_tables
from ingestion.load import LoadContext
from ingestion.quarantine import Scope, replay
from tests.ingestion.conftest import NOW, Landing, call, keys, lines, nobody

MAIL: Mapping[str, Any] = {
    "kind": "events",
    "files": "mail/*",
    "map": {
        "event": "action",
        "occurred_at": "at",
        "email": "address",
        "content_id": "item",
        "page_url": "link",
    },
}
HEADER = "action,at,address,item,link,device\n"
OPENED = "Email Opened,2026-11-01 10:00,Ann@X.org,c1,,phone\n"


@pytest.fixture
def mail(landing: Landing) -> Landing:
    landing.sources = {"mail": MAIL}
    return landing


def _put(landing: Landing, text: str, name: str = "mail/a.csv") -> None:
    landing.put(name, text.encode())


def test_rows_of_a_table_are_events(mail: Landing) -> None:
    _put(mail, HEADER + OPENED)

    mail.load()

    assert mail.rows(
        "select type, event, email, content_id, page_url, properties, timestamp, received_at, "
        "is_late, context, line, position from raw.events"
    ) == [
        {
            "type": "track",
            "event": "Email Opened",
            "email": "ann@x.org",
            "content_id": "c1",
            "page_url": None,
            "properties": '{"device":"phone"}',
            "timestamp": datetime.fromisoformat("2026-11-01T10:00"),
            "received_at": None,
            "is_late": None,
            "context": None,
            "line": 2,
            "position": 1,
        }
    ]


@pytest.mark.parametrize(
    ("row", "code"),
    [
        pytest.param("Opened,soon,a@x.org,,,", "invalid_timestamp", id="time-unread"),
        pytest.param("Opened,,a@x.org,,,", "missing_time", id="no-time"),
        pytest.param("Opened,1999-01-01,a@x.org,,,", "implausible_timestamp", id="too-early"),
        pytest.param("Opened,2027-01-01,a@x.org,,,", "implausible_timestamp", id="too-late"),
        pytest.param("Opened,2026-11-01,,,,", "no_identity", id="nobody"),
        pytest.param(",2026-11-01,a@x.org,,,", "no_event_name", id="no-name"),
        pytest.param("Opened,2026-11-01,a@x.org", "unreadable_row", id="ragged"),
        pytest.param('"Opened,2026-11-01,a@x.org,,,', "unreadable_row", id="open-quote"),
    ],
)
def test_a_bad_row_is_refused_and_its_neighbours_are_kept(
    mail: Landing, row: str, code: str
) -> None:
    _put(mail, f"{HEADER}{OPENED}{row}\n{OPENED.replace('Ann', 'Ben')}")

    report = mail.load()

    assert mail.codes() == [(3, code)]
    assert (report.rows_in, report.rows_loaded) == (3, 2)


def test_equal_rows_are_one_event_and_ids_tell_rows_apart(mail: Landing) -> None:
    _put(mail, HEADER + OPENED + OPENED)
    mail.sources = {"mail": MAIL, "ids": {**MAIL, "files": "ids/*", "id": "key"}}
    _put(mail, f"key,{HEADER}1,{OPENED}2,{OPENED}1,{OPENED}", "ids/a.csv")

    mail.load()

    assert mail.counts() == [("ids/a.csv", 3, 2, 1, 0), ("mail/a.csv", 2, 1, 1, 0)]


def test_ids_are_those_of_one_source_only(mail: Landing) -> None:
    mail.sources = {
        name: {**MAIL, "files": f"{name}/*", "id": "key"} for name in ("first", "second")
    } | {"web": {"kind": "segment", "files": "web/*"}}
    for name in ("first", "second"):
        _put(mail, f"key,{HEADER}m1,{OPENED}", f"{name}/a.csv")
    mail.put("web/a.jsonl", lines(call(messageId="m1")))

    mail.load()

    assert mail.values("select event_id from raw.events order by 1") == [
        "first|m1",
        "m1",
        "second|m1",
    ]


def test_the_copy_received_first_is_kept(mail: Landing) -> None:
    mapped = {**MAIL["map"], "received_at": "got"}
    mail.sources = {"mail": {**MAIL, "id": "key", "map": mapped}}
    head = f"key,got,{HEADER}"
    _put(mail, f"{head}1,2026-11-03,{OPENED}")
    mail.load()
    _put(mail, f"{head}1,2026-11-02,{OPENED.replace('c1', 'c2')}", "mail/b.csv")

    mail.load()

    assert mail.values("select content_id from raw.events") == ["c2"]
    assert [row[1:] for row in mail.counts()] == [(1, 0, 1, 0), (1, 1, 0, 0)]


def test_name_and_type_may_be_said_for_all_rows(mail: Landing) -> None:
    mapped = {"occurred_at": "at", "user_id": "who", "page_url": "url"}
    mail.sources = {
        "views": {"kind": "events", "files": "mail/*", "type": "page", "map": mapped},
        "seen": {"kind": "events", "files": "mail/*", "event_name": "Seen", "map": mapped},
    }
    _put(mail, "at,who,url\n2026-11-01T10:00:00Z,7,https://x.example/\n")

    mail.load()

    assert mail.rows("select type, event, user_id from raw.events order by 1") == [
        {"type": "page", "event": None, "user_id": "7"},
        {"type": "track", "event": "Seen", "user_id": "7"},
    ]


def test_the_device_clock_is_corrected_as_in_other_formats(mail: Landing) -> None:
    mapped = {"event": "e", "original_timestamp": "o", "sent_at": "s", "received_at": "r"}
    mail.sources = {"mail": {**MAIL, "map": {**mapped, "anonymous_id": "d"}}}
    _put(mail, "e,o,s,r,d\nSeen,2026-11-01 09:00,2026-11-01 09:05,2026-11-01 10:05,d1\n")

    mail.load()

    assert mail.values("select timestamp from raw.events") == [
        datetime.fromisoformat("2026-11-01T10:00")
    ]


def test_json_lines_and_parquet_are_read_too(mail: Landing) -> None:
    row = {"action": "Seen", "at": "2026-11-01", "address": "a@x.org", "item": 5, "link": None}
    mail.put("mail/a.jsonl", lines(row, b"{", {**row, "at": 1793527200000}))
    table = pa.Table.from_pylist([{**row, "at": datetime.fromisoformat("2026-11-03T10:00")}])
    pq.write_table(table, mail.folder / "mail" / "b.parquet")

    mail.load()

    assert mail.rows(
        'select content_id, "timestamp"::varchar as at from raw.events order by 2'
    ) == [
        {"content_id": "5", "at": "2026-11-01 00:00:00"},
        {"content_id": "5", "at": "2026-11-01 10:00:00"},
        {"content_id": "5", "at": "2026-11-03 10:00:00"},
    ]
    told = mail.values('select properties from raw.events order by "timestamp"')
    assert json.loads(told[0]) == row, "of JSON lines the whole line stays"
    assert told[2] is None, "of a table what is not mapped does"
    assert mail.codes() == [(2, "invalid_json")]


@pytest.mark.parametrize("content", ["", HEADER], ids=["empty", "header-only"])
def test_a_file_without_rows_is_loaded_as_such(mail: Landing, content: str) -> None:
    mail.sources = {"mail": {**MAIL, "optional": True}}
    _put(mail, content)

    mail.load()

    assert mail.counts() == [("mail/a.csv", 0, 0, 0, 0)]


def test_a_file_without_a_mapped_column_is_named(mail: Landing) -> None:
    _put(mail, "action,at,address,item\nOpened,2026-11-01,a@x.org,\n")

    with pytest.raises(WrongColumnError, match="no column 'link'"):
        mail.load()


def test_an_export_of_email_events_needs_no_mapping(mail: Landing) -> None:
    mail.sources = {"mail": {"kind": "hubspot_email_events", "files": "mail/*"}}
    event = {
        "id": "e-1",
        "type": "CLICK",
        "created": 1793527200000,
        "recipient": "Ann@x.org",
        "url": "https://x.example/a",
        "emailCampaignId": 12,
    }
    mail.put("mail/a.jsonl", lines(event, {**event, "id": "e-2", "type": "OPEN", "url": None}))

    mail.load()

    assert mail.rows(
        "select event_id, event, email, page_url, campaign_name from raw.events order by 1"
    ) == [
        {"event_id": "mail|e-1", "event": "CLICK", "email": "ann@x.org",
         "page_url": "https://x.example/a", "campaign_name": "12"},
        {"event_id": "mail|e-2", "event": "OPEN", "email": "ann@x.org", "page_url": None,
         "campaign_name": "12"},
    ]  # fmt: skip
    assert mail.values("select kind from raw.loads") == ["hubspot_email_events"]


def test_events_of_erased_people_are_refused(mail: Landing) -> None:
    _put(mail, HEADER + OPENED + OPENED.replace("Ann", "Ben"))

    def is_suppressed(asked: pa.Table) -> pa.Table:
        rows = [row for row in asked.to_pylist() if row["value"] == "ann@x.org"]
        return pa.Table.from_pylist(rows, asked.schema)

    load_landing(mail.warehouse, mail.config, mail.folder, now=NOW, is_suppressed=is_suppressed)

    assert mail.codes() == [(2, "suppressed")]
    assert mail.values("select email from raw.events") == ["ben@x.org"]


def test_an_erasure_takes_a_persons_rows_refused_ones_too(mail: Landing) -> None:
    kept = OPENED.replace("Ann", "Ben")
    refused = "Opened,soon,ann@x.org,,,\n"
    broken = "ann@x.org wrote this\n"
    quoted = 'Opened,2026-11-02,ann@x.org,,,"two\nlines"\n'
    _put(mail, HEADER + OPENED + kept + refused + quoted + broken)
    mail.load()

    mail.location.erase(keys(email="ann@x.org"))

    left = (mail.folder / "mail/a.csv").read_text()
    assert left == f"{HEADER}\n{kept}\n\n\n\n"
    assert mail.values("select email from raw.events") == ["ben@x.org"]
    assert (mail.counts(), mail.codes()) == ([("mail/a.csv", 1, 1, 0, 0)], [])
    assert mail.load().files == 0


def test_an_erasure_finds_people_in_objects_and_in_parquet(mail: Landing) -> None:
    row = {"action": "Seen", "at": "2026-11-01", "address": "ann@x.org", "item": "", "link": ""}
    other = {**row, "address": "ben@x.org"}
    mail.put("mail/a.jsonl", lines(row, other, {**row, "at": "soon"}))
    pq.write_table(pa.Table.from_pylist([row, other]), mail.folder / "mail" / "b.parquet")
    mail.load()

    mail.location.erase(keys(email="ann@x.org"))

    assert json.loads((mail.folder / "mail/a.jsonl").read_text().strip()) == other
    assert pq.read_table(mail.folder / "mail/b.parquet").to_pylist() == [other]
    assert mail.values("select distinct email from raw.events") == ["ben@x.org"]


def test_what_is_expected_of_tables_holds_for_mapped_events_and_known_exports(
    mail: Landing,
) -> None:
    mail.sources = {
        "mail": MAIL,
        "people": {"kind": "hubspot_contacts", "files": "crm/*"},
        "stages": {"kind": "hubspot_lifecycle", "files": "crm/*"},
    }
    _put(mail, HEADER + OPENED)
    _put(mail, "Record ID,Email,Became a Lead Date\n1,a@x.org,2026-01-01\n", "crm/a.csv")
    mail.load()

    reports = judge_tables(mail.warehouse, list(SUITES))

    assert [unmet for report in reports for unmet in report.met.unmet] == []
    rows = {report.met.table.name: report.met.rows for report in reports}
    assert (rows["events"], rows["person_records"], rows["lifecycle_events"]) == (1, 1, 1)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"map": {"salary": "x"}}, "fields of events"),
        ({"map": {"event": "e", "email": "m"}}, "the time of an event is missing"),
        ({"map": {"event": "e", "occurred_at": "t"}}, "whose it is is missing"),
        ({"map": {"email": "m", "occurred_at": "t"}}, "the name of the event is missing"),
        ({"event_name": "Seen"}, "write one of both"),
    ],
)
def test_a_mapping_that_cannot_give_events_is_refused(
    change: Mapping[str, Any], problem: str
) -> None:
    with pytest.raises(ValidationError, match=problem):
        SourcesConfig.model_validate({"sources": {"mail": {**MAIL, **change}}})


def test_what_was_refused_comes_back_after_a_correction(mail: Landing) -> None:
    _put(mail, f"{HEADER}{OPENED},2026-11-01,ben@x.org,,,Opened\n")
    _put(mail, "Record ID,Key,Email\n,k1,ann@x.org\n2,k2,ben@x.org\n", "crm/a.csv")
    mail.sources = {"mail": MAIL, "crm": {"kind": "hubspot_contacts", "files": "crm/*"}}
    mail.load()
    before = mail.codes()
    mapped = {**MAIL["map"], "event": "device"}
    mail.sources = {
        "mail": {**MAIL, "map": mapped},
        "crm": {"kind": "hubspot_contacts", "files": "crm/*", "id": "Key"},
    }

    report = replay(
        LoadContext(mail.warehouse, NOW, nobody, "US"), mail.config, mail.folder, Scope()
    )

    assert before == [(2, "no_key"), (3, "no_event_name")]
    assert (report.recovered, report.newly_refused, mail.codes()) == (2, 0, [])
    assert mail.values("select event from raw.events order by 1") == ["Opened", "phone"]
    assert mail.values("select source_record_id from raw.person_records order by 1") == ["k1", "k2"]


def test_a_file_shows_which_number_of_its_dates_is_the_month(mail: Landing) -> None:
    _put(mail, "action,at,address,item,link\nA,05/11/2026,a@x.org,,\nB,14/11/2026,a@x.org,,\n")

    mail.load()

    days = "select strftime(timestamp, '%d.%m.') from raw.events order by event"
    assert mail.values(days) == ["05.11.", "14.11."]
