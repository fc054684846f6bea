from __future__ import annotations

import gzip
import itertools
import json
import os
import random
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from identifiers import normalise_email
from ingestion import files, load_events, load_landing
from ingestion.formats.json_text import odd_lines, shape_code_sql
from tests.ingestion.conftest import NOW, Landing, call, lines
from warehouse import DuckDBWarehouse


def _refused_as(landing: Landing, line: Mapping[str, Any] | bytes) -> list[str]:
    landing.put("web/a.jsonl", lines(call(messageId="good"), line))
    landing.load()
    return [code for _, code in landing.codes()]


def test_a_good_call_is_loaded_with_its_four_times(landing: Landing) -> None:
    landing.put("web/a.jsonl", lines(call(timestamp="2026-11-01T11:00:00+01:00")))

    landing.load()

    stored = landing.rows(
        'select original_timestamp, sent_at, received_at, "timestamp", file, line from raw.events'
    )[0]
    assert [str(value) for value in stored.values()] == [
        "2026-11-01 10:00:00", "2026-11-01 10:00:01", "2026-11-01 10:00:02",
        "2026-11-01 10:00:01", "web/a.jsonl", "1",
    ]  # fmt: skip


def test_a_device_whose_clock_is_a_year_behind_is_put_right(landing: Landing) -> None:
    late = call(originalTimestamp="2025-11-01T10:00:00Z", sentAt="2025-11-01T10:00:30Z")
    landing.put("web/a.jsonl", lines(late))

    landing.load()

    assert landing.values('select "timestamp" from raw.events') == [
        datetime.fromisoformat("2026-11-01T09:59:32")
    ]


def test_a_call_without_any_time_has_that_of_its_file(landing: Landing) -> None:
    path = landing.put(
        "web/a.jsonl", lines(call(originalTimestamp=None, sentAt=None, receivedAt=None))
    )
    os.utime(path, (1_760_000_000, 1_760_000_000))

    landing.load()

    assert landing.rows('select "timestamp", received_at from raw.events') == [
        {"timestamp": datetime.fromisoformat("2025-10-09T08:53:20"), "received_at": None}
    ]


def test_the_elder_names_of_type_and_user_are_read(landing: Landing) -> None:
    landing.put("web/a.jsonl", lines(call(type=None, action="track", user_id="u1")))

    landing.load()

    assert landing.rows("select type, user_id from raw.events") == [
        {"type": "track", "user_id": "u1"}
    ]


def test_a_call_without_an_id_is_known_by_its_line(landing: Landing) -> None:
    landing.put("web/a.jsonl", lines(call(messageId=None), call(messageId=None)))

    landing.load()

    assert landing.counts() == [("web/a.jsonl", 2, 1, 1, 0)]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        pytest.param(b'{"type": "track"', "invalid_json", id="cut-off"),
        pytest.param(b"   ", "invalid_json", id="blanks"),
        pytest.param(b"[1, 2]", "not_an_object", id="array"),
        pytest.param(b'"track"', "not_an_object", id="text"),
        pytest.param(b"{ }", "empty_object", id="empty"),
        pytest.param(b'{"type": "\xff"}', "invalid_utf8", id="not-utf8"),
        pytest.param(b'{"type": "a\x00"}', "null_byte", id="null-byte"),
        pytest.param(b'{"type": "a\\u0000"}', "null_byte", id="escaped-null-byte"),
        pytest.param(call(properties={"x": "y" * 40_000}), "too_large", id="too-large"),
        pytest.param(b'{"a":' * 70 + b"1" + b"}" * 70, "too_deep", id="too-deep"),
        pytest.param(b'{"n": 123456789012345678901234567890}', "number_out_of_range", id="number"),
        pytest.param(b'{"n": 1e999}', "number_out_of_range", id="exponent"),
        pytest.param(b'{"n": 1E+999 }', "number_out_of_range", id="spelt-with-a-plus"),
        pytest.param(b'{"n": [-9223372036854775809]}', "number_out_of_range", id="below-64-bits"),
        pytest.param(b'{"n":-Infinity}', "number_out_of_range", id="infinity"),
        pytest.param(call(userId={"a": 1}), "wrong_type", id="object-as-id"),
        pytest.param(call(userId=1.5), "wrong_type", id="fraction-as-id"),
        pytest.param(call(userId=True), "wrong_type", id="truth-as-id"),
        pytest.param(call(event=5), "wrong_type", id="number-as-name"),
        pytest.param(call(sentAt=1_790_000_000), "wrong_type", id="number-as-time"),
        pytest.param(call(properties='{"a": 1}'), "wrong_type", id="text-like-an-object"),
        pytest.param(
            b'{"properties": "\\u007b}", "type": "track"}',
            "wrong_type",
            id="the-same-with-an-escape",
        ),
        pytest.param(call(context={"page": "/"}), "wrong_type", id="text-as-page"),
        pytest.param(call(event=["a"]), "wrong_type", id="list-as-name"),
        pytest.param(call(properties="a"), "wrong_type", id="text-as-properties"),
        pytest.param(call(type="purchase"), "unknown_type", id="type"),
        pytest.param(call(anonymousId=None), "no_identity", id="nobody"),
        pytest.param(call(anonymousId="  "), "no_identity", id="blank-id"),
        pytest.param(
            b'{"type": "track", "event": "X", "timestamp": "2026-11-01T00:00:00Z"}',
            "no_identity",
            id="nobody-by-hand",
        ),
        pytest.param(call(event=None), "no_event_name", id="no-name"),
        pytest.param(call(receivedAt="yesterday"), "invalid_timestamp", id="time"),
        pytest.param(call(receivedAt="2036-01-01T00:00:00Z"), "implausible_timestamp", id="future"),
        pytest.param(call(timestamp="1970-01-01T00:00:00Z"), "implausible_timestamp", id="past"),
    ],
)
def test_a_line_that_is_no_call_is_refused_with_its_reason(
    landing: Landing, line: Mapping[str, Any] | bytes, code: str
) -> None:
    assert _refused_as(landing, line) == [code]


def test_no_reason_shows_what_the_line_says(landing: Landing) -> None:
    _refused_as(landing, call(type="ann@maple.example"))

    assert "ann" not in str(landing.rows("select code, reason from raw.quarantine"))


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(call(userId=12345), id="number-as-id"),
        pytest.param(call(properties={"deep": [[[[[[1]]]]]]}), id="nested"),
        pytest.param(call(properties={"text": '}{"[' * 100}), id="brackets-in-text"),
        pytest.param(call(properties={"text": "1e999 NaN"}), id="numbers-in-text"),
        pytest.param(call(properties={"n": 1.5e300, "m": 2**63}), id="large-numbers"),
        pytest.param(call(properties={"id": "00000000000000000000e999"}), id="numbers-like-ids"),
        pytest.param(call(userId="1.5e3", event="7 days"), id="texts-like-numbers"),
        pytest.param(call(event="{first}", context={"page": {"x": 1}}), id="name-in-braces"),
        pytest.param(call(properties={"e": "\U0001f600é"}), id="unicode"),
        pytest.param(call(receivedAt="2026-11-25T11:00:00Z"), id="clock-a-day-ahead"),
        pytest.param(call(originalTimestamp="2026-06-01T00:00:00Z"), id="late"),
        pytest.param(call(traits=None, context=None, integrations={"All": False}), id="extra"),
    ],
)
def test_an_odd_but_good_call_is_loaded(landing: Landing, line: Mapping[str, Any]) -> None:
    assert _refused_as(landing, line) == []


def test_byte_order_mark_carriage_returns_and_blank_lines_are_no_rows(landing: Landing) -> None:
    one, two = (json.dumps(call(messageId=name)).encode() for name in ("a", "b"))
    landing.put("web/a.jsonl", b"\xef\xbb\xbf" + one + b"\r\n\r\n\n" + two)

    landing.load()

    assert landing.counts() == [("web/a.jsonl", 2, 2, 0, 0)]
    assert landing.values("select line from raw.events order by line") == [1, 4]


def test_every_example_of_the_specification_is_loaded(landing: Landing, shared_data: Path) -> None:
    file = shared_data / "formats" / "segment" / "spec_example_payloads.ndjson"
    examples = [json.loads(line)["payload"] for line in file.read_text().splitlines()]
    copies = len(examples) - len({one.get("messageId") or str(one) for one in examples})
    landing.put("web/a.jsonl", lines(*examples))

    landing.load()

    assert (len(examples), copies) == (75, 5)
    assert landing.counts() == [("web/a.jsonl", 75, 70, 5, 0)]


def _cut(line: bytes, chance: random.Random) -> bytes:
    return line[: chance.randrange(1, len(line))]


def _flip(line: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(line))
    return line[:place] + bytes([chance.randrange(256)]) + line[place + 1 :]


def _insert(line: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(line))
    noise = chance.choice([b"\x00", b"\xff\xfe", b"\\u0000", b'"', b"{", b"}", b"[", b"\\", b"\r"])
    return line[:place] + noise * chance.randrange(1, 4) + line[place:]


def _swap_value(line: bytes, chance: random.Random) -> bytes:
    body = json.loads(line)
    body[chance.choice(list(body))] = chance.choice(
        [None, True, -1, 10**30, "", "NaN", [], {}, [[{}]], {"a": {"b": None}}, "\x00", "9" * 50]
    )
    return json.dumps(body).encode()


def _wild_number(line: bytes, chance: random.Random) -> bytes:
    number = chance.choice([b"NaN", b"-Infinity", b"1e400", b"-1e-400", b"9" * 30, b"01", b".5"])
    return line[:-1] + b', "n": ' + number + b"}"


def _deepen(line: bytes, chance: random.Random) -> bytes:
    depth = chance.choice([10, 63, 64, 65, 500, 5000])
    return line[:-1] + b', "d": ' + b"[" * depth + b"]" * depth + b"}"


def _repeat_key(line: bytes, chance: random.Random) -> bytes:
    key = chance.choice([b"messageId", b"type", b"userId", b"properties"])
    return line[:-1] + b', "' + key + b'": {"again": 1}}'


def _odd_time(line: bytes, chance: random.Random) -> bytes:
    body = json.loads(line)
    body[chance.choice(["sentAt", "receivedAt", "originalTimestamp", "timestamp"])] = chance.choice(
        ["0000-00-00", "infinity", "-infinity", "290000-01-01", "2026-13-45", "now", "12:00", "1e9"]
    )
    return json.dumps(body).encode()


def _replace_whole(_line: bytes, chance: random.Random) -> bytes:
    return chance.choice(
        [
            b"null",
            b"{}",
            b"[]",
            b'""',
            b"0",
            b"\xef\xbb\xbf",
            b"{" * 100,
            b"\t \t x",
            bytes(range(1, 9)),
        ]
    )


CORRUPTIONS: Sequence[Callable[[bytes, random.Random], bytes]] = (
    _cut, _flip, _insert, _swap_value, _wild_number, _deepen, _repeat_key, _odd_time, _replace_whole,
)  # fmt: skip


@pytest.mark.parametrize("seed", range(3))
def test_no_corruption_stops_a_load_or_loses_a_line(landing: Landing, seed: int) -> None:
    chance = random.Random(seed)
    made: list[bytes] = []
    for number in range(100 * len(CORRUPTIONS)):
        line = json.dumps(call(messageId=f"m{number}", properties={"a": [1, "x"]})).encode()
        broken = CORRUPTIONS[number % len(CORRUPTIONS)](line, chance)
        made.append(broken.replace(b"\n", b" "))
    good = [json.dumps(call(messageId=f"g{number}")).encode() for number in range(50)]
    chance.shuffle(made)
    filled = [line for line in made if line not in {b"", b"\r"}]
    landing.put("web/a.jsonl.gz", b"\n".join([*filled, *good]))

    report = landing.load()

    assert report.rows_in == len(filled) + len(good)
    assert report.rows_in == report.rows_loaded + report.rows_deduplicated + report.rows_quarantined
    assert report.rows_loaded == landing.warehouse.scalar("select count(*) from raw.events")
    assert report.rows_quarantined == len(landing.codes())
    assert landing.warehouse.scalar(
        "select count(*) from raw.events where event_id like 'g%'"
    ) == len(good)
    assert report.rows_quarantined > len(filled) / 3


@pytest.mark.parametrize("tile_bytes", [1, 300, 2**20])
def test_a_line_that_is_not_looked_at_closely_would_be_judged_the_same(
    monkeypatch: pytest.MonkeyPatch, tile_bytes: int
) -> None:
    monkeypatch.setattr("ingestion.formats.json_text._TILE_BYTES", tile_bytes)
    chance = random.Random(23)
    plain = json.dumps(call(properties={"id": "2e100-9e1", "n": [1234567890123456, 1e-5]})).encode()
    made = [one(plain, chance) for one in CORRUPTIONS for _ in range(60)]
    raw = pa.chunked_array([pa.array([b"%b\n" % one for one in made], pa.large_binary())])
    table = pa.table({"raw": raw, "is_odd": odd_lines(raw), "is_any": [True] * len(made)})
    warehouse = DuckDBWarehouse.in_memory()

    with warehouse.view("made", table):
        judged = warehouse.read(
            f"select is_odd, {shape_code_sql(32_768)} as closely, "
            f"{shape_code_sql(32_768, 'is_odd')} as quickly "
            "from (select *, octet_length(raw) as bytes, try(decode(raw)) as text from made)"
        )

    assert judged["closely"] == judged["quickly"]
    assert {"too_deep", "number_out_of_range"} <= set(judged["closely"].to_pylist())
    assert 0 < sum(judged["is_odd"].to_pylist()) < len(made) / 2


def test_lines_are_the_same_however_small_the_pieces_that_are_read(
    landing: Landing, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = b"\xef\xbb\xbf" + lines(*(call(messageId=f"m{i}") for i in range(9))) + b"\r\n\ncut"
    stored = []
    for size in (1, 50, 2**22):
        monkeypatch.setattr(files, "PIECE_BYTES", size)
        fresh = Landing(landing.folder.parent / str(size))
        fresh.put("web/a.jsonl.gz", content)
        fresh.load()
        stored.append(
            (fresh.rows("select * exclude (load_id) from raw.events order by line"), fresh.codes())
        )

    assert [len(rows) for rows, _ in stored] == [9, 9, 9]
    assert stored[0] == stored[1] == stored[2]
    assert stored[0][1] == [(12, "invalid_json")]


CONTENT = "select * exclude (load_id, source, file, line, loaded_at) from raw.events order by all"


def _batches(calls: Sequence[Mapping[str, Any]], chance: random.Random) -> list[bytes]:
    """The calls, some of them repeated, shuffled, and cut into files."""
    repeated = [*calls, *chance.sample(calls, 20)]
    chance.shuffle(repeated)
    cuts = sorted(chance.sample(range(1, len(repeated)), chance.randrange(5)))
    edges = [0, *cuts, len(repeated)]
    return [lines(*repeated[a:b]) for a, b in itertools.pairwise(edges)]


@pytest.mark.parametrize("at_once", [1, 30, 200_000])
def test_order_batches_and_repetition_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(load_events, "CALLS_AT_ONCE", at_once)
    monkeypatch.setattr(files, "EVENT_BLOCK_BYTES", min(at_once, 30) * 200)
    chance = random.Random(11)
    calls = [
        call(
            messageId=f"m{number % 40}",
            receivedAt=f"2026-11-0{chance.randrange(1, 4)}T10:00:02Z",
            properties={"copy": number},
        )
        for number in range(100)
    ]
    seen = []
    for attempt in range(4):
        landing = Landing(tmp_path / str(attempt))
        for place, content in enumerate(_batches(calls, chance)):
            landing.put(f"web/{chance.randrange(1000)}-{place}.jsonl", content)
            if chance.random() < 0.6:
                landing.load()
        landing.load()
        seen.append(landing.rows(CONTENT))
        assert landing.warehouse.scalar(
            "select sum(rows_loaded) from raw.loads"
        ) == landing.warehouse.scalar("select count(*) from raw.events")
        assert all(row[1] == sum(row[2:]) for row in landing.counts())

    assert len(seen[0]) == 40
    assert all(rows == seen[0] for rows in seen)


def test_of_copies_the_one_received_first_stays(landing: Landing) -> None:
    landing.put("web/a.jsonl", lines(call(receivedAt="2026-11-05T00:00:00Z", event="Late")))
    landing.load()
    landing.put("web/b.jsonl", lines(call(receivedAt="2026-11-04T00:00:00Z", event="Early")))
    landing.load()

    assert landing.values("select event from raw.events") == ["Early"]
    assert landing.counts() == [("web/a.jsonl", 1, 0, 1, 0), ("web/b.jsonl", 1, 1, 0, 0)]


def test_calls_of_erased_people_are_refused(landing: Landing) -> None:
    landing.put(
        "web/a.jsonl",
        lines(
            call(messageId="1", traits={"email": "Ann@Maple.example"}),
            call(messageId="2", type="alias", previousId="ann", userId="x"),
            call(messageId="3"),
        ),
    )

    _load_without(landing, {("email", "ann@maple.example"), ("user_id", "ann")})

    assert landing.codes() == [(1, "suppressed"), (2, "suppressed")]


@pytest.mark.parametrize(
    "written",
    [
        "mailto:<Ann@X.example>",
        " <ann@x.example> ",
        "MAILTO:ann@x.example",
        "\u00a0ann@x.example\t",
    ],
)
def test_an_erased_address_stays_out_however_it_is_wrapped(landing: Landing, written: str) -> None:
    landing.put("web/a.jsonl", lines(call(traits={"email": written}), call(messageId="m2")))
    bare = normalise_email(written)

    _load_without(landing, {("email", bare)})

    assert bare == "ann@x.example"
    assert landing.codes() == [(1, "suppressed")]


def _load_without(landing: Landing, erased: set[tuple[str, str | None]]) -> None:
    def is_suppressed(asked: pa.Table) -> pa.Table:
        rows = [row for row in asked.to_pylist() if (row["kind"], row["value"]) in erased]
        return pa.Table.from_pylist(rows, asked.schema)

    load_landing(
        landing.warehouse, landing.config, landing.folder, now=NOW, is_suppressed=is_suppressed
    )


@pytest.mark.parametrize("cut", [30, 5], ids=["content", "trailer"])
def test_a_truncated_archive_is_refused_whole_and_the_others_go_on(
    landing: Landing, cut: int
) -> None:
    landing.put("web/a.jsonl", lines(call(messageId="a")))
    path = landing.put("web/b.jsonl.gz", lines(*(call(messageId=f"b{i}") for i in range(50))))
    path.write_bytes(path.read_bytes()[:-cut])
    landing.put("web/c.jsonl", lines(call(messageId="c")))

    report = landing.load()

    assert len(report.unreadable) == 1
    assert landing.codes() == [(None, "unreadable_file")]
    assert landing.values("select event_id from raw.events order by 1") == ["a", "c"]
    assert ("web/b.jsonl.gz", 1, 0, 0, 1) in landing.counts()


def test_an_archive_with_a_damaged_middle_is_refused_whole(landing: Landing) -> None:
    path = landing.put("web/a.jsonl.gz", lines(*(call(messageId=f"b{i}") for i in range(50))))
    whole = path.read_bytes()
    middle = len(whole) // 2
    path.write_bytes(whole[:middle] + b"\xff" * 20 + whole[middle + 20 :])

    landing.load()

    assert landing.codes() == [(None, "unreadable_file")]
    assert landing.values("select event_id from raw.events") == []


def test_a_file_that_only_claims_to_be_an_archive_is_refused(landing: Landing) -> None:
    landing.put("web/a.jsonl", b"").rename(landing.folder / "web" / "a.jsonl.gz")
    (landing.folder / "web" / "a.jsonl.gz").write_bytes(b"plain text")

    landing.load()

    assert landing.codes() == [(None, "unreadable_file")]


def test_an_archive_of_several_members_is_read_to_its_end(landing: Landing) -> None:
    path = landing.put("web/a.jsonl.gz", b"")
    path.write_bytes(
        gzip.compress(lines(call(messageId="a"))) + gzip.compress(lines(call(messageId="b")))
    )

    assert landing.load().rows_loaded == 2
