"""What was refused can be looked at, and comes back after a correction."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any
from unittest.mock import Mock

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingestion import UnknownRowError, standing
from ingestion.files import digest_of
from ingestion.load import LoadContext
from ingestion.quarantine import (
    ReplayReport,
    Scope,
    count_codes,
    count_refused,
    find_refused,
    list_refused,
    read_raw,
    replay,
)
from ingestion.reload import Missing
from ingestion.standing import PastLoads, count_standing, past_loads
from tests.ingestion.conftest import Landing, call, lines, nobody

LATER = datetime.fromisoformat("2026-12-24T12:00")
CONTACTS = b"Id,User,Email,Phone,Name,Key\n,,a@x.example,,Ann,k1\n2,,b@x.example,,Bo,k2\n"


def again(landing: Landing, **scope: Any) -> ReplayReport:
    context = LoadContext(landing.warehouse, LATER, nobody, "US")
    return replay(context, landing.config, landing.folder, Scope(**scope))


def correct(landing: Landing, source: str, **changes: Any) -> None:
    """Change what sources.yml says of a source."""
    landing.sources = {**landing.sources, source: {**landing.sources[source], **changes}}


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory) -> Landing:
    """What is refused, for tests that only look."""
    return _refusing(Landing(tmp_path_factory.mktemp("landing")))


@pytest.fixture
def refusing(landing: Landing) -> Landing:
    """The same, for tests that change it."""
    return _refusing(landing)


def _refusing(landing: Landing) -> Landing:
    """Two good rows and four that are refused, in three files of two days."""
    landing.put("web/2026-07-05.jsonl", lines(call(), b"{", b'{"type": "x\xe2\x80\xae"}'))
    landing.put("web/2026-07-06.jsonl", lines(b"{"))
    landing.put("crm/2026-07-06.csv", CONTACTS)
    landing.load()
    return landing


def test_refused_rows_are_counted_by_source_code_and_reason_with_the_latest_day(
    refused: Landing,
) -> None:
    rows = count_refused(refused.warehouse, Scope()).to_pylist()

    counted = [
        (row["source"], row["code"], row["rows"], row["files"], row["newest"]) for row in rows
    ]
    assert counted == [
        ("web", "invalid_json", 2, 2, date(2026, 7, 6)),
        ("crm", "no_key", 1, 1, date(2026, 7, 6)),
        ("web", "unknown_type", 1, 1, date(2026, 7, 5)),
    ]
    nothing_past = PastLoads((), ())
    assert count_codes(refused.warehouse, nothing_past) == {
        "invalid_json": 2,
        "no_key": 1,
        "unknown_type": 1,
    }


@pytest.mark.parametrize(
    ("change", "refused_now", "in_history"),
    [
        pytest.param(
            [("crm/2026-07-06.csv", CONTACTS.replace(b"\n,,", b"\n1,,"))], 3, 4, id="mended"
        ),
        pytest.param([("crm/2026-07-06.csv", None)], 3, 4, id="taken-away"),
        pytest.param(
            [("crm/2026-07-06.csv", None), ("crm/2026-07-06-old.csv", CONTACTS)], 4, 4, id="moved"
        ),
        pytest.param(
            [("web/2026-07-06.jsonl", lines(call())), ("web/2026-07-06.jsonl", lines(b"{"))],
            4,
            4,
            id="mended-and-back",
        ),
        pytest.param([("web/2026-07-06.jsonl", lines(b"{", b"{"))], 5, 6, id="worse"),
    ],
)
def test_what_is_refused_is_counted_in_files_as_they_are_now(
    refusing: Landing, change: list[tuple[str, bytes | None]], refused_now: int, in_history: int
) -> None:
    for name, content in change:
        (refusing.folder / name).unlink() if content is None else refusing.put(name, content)
        refusing.load()

    past = past_loads(refusing.warehouse, refusing.config, refusing.folder)

    assert count_standing(refusing.warehouse, past) == refused_now
    listed = list_refused(refusing.warehouse, Scope(without=past.all), limit=99)
    assert listed.num_rows == refused_now
    assert list_refused(refusing.warehouse, Scope(), limit=99).num_rows == in_history


def test_what_was_mended_stays_history_when_the_file_changes_again_and_each_file_is_read_once(
    landing: Landing, monkeypatch: pytest.MonkeyPatch
) -> None:
    digests = Mock(side_effect=digest_of)
    monkeypatch.setattr(standing, "digest_of", digests)
    for content in (lines(b"{"), lines(b"{", b"{"), lines(call(), b"{", b"{", b"{")):
        landing.put("web/grown.jsonl", content)
        landing.load()
    landing.put("web/grown.jsonl", lines(call(), b"{", b"{", b"{", b"{"))  # not loaded yet

    past = past_loads(landing.warehouse, landing.config, landing.folder)

    assert (len(past.replaced), count_standing(landing.warehouse, past)) == (2, 3)
    digests.assert_called_once_with(landing.folder / "web/grown.jsonl")


@pytest.mark.parametrize(
    ("scope", "rows"),
    [
        (Scope(source="crm"), 1),
        (Scope(code="invalid_json"), 2),
        (Scope(day=date(2026, 7, 5)), 2),
        (Scope("web", "invalid_json", date(2026, 7, 6)), 1),
    ],
)
def test_refused_rows_are_listed_by_source_code_and_day(
    refused: Landing, scope: Scope, rows: int
) -> None:
    assert list_refused(refused.warehouse, scope, limit=20).num_rows == rows


def test_a_refused_row_says_where_it_lies_and_when_it_was_judged(refused: Landing) -> None:
    found = find_refused(
        refused.warehouse, refused.config, refused.folder, file="web/2026-07-05.jsonl", line=2
    )

    assert found.path == refused.folder / "web/2026-07-05.jsonl"
    assert found.reasons[0].startswith("invalid_json: ")
    assert refused.values("select count(*) from raw.quarantine where refused_at is null") == [0]


def test_the_raw_line_comes_from_the_landing_file_without_what_steers_a_terminal(
    refused: Landing,
) -> None:
    assert raw(refused, "web/2026-07-05.jsonl", 3) == r'{"type": "x\u202e"}'


def test_the_raw_row_of_a_parquet_file_is_shown_as_json(landing: Landing) -> None:
    (landing.folder / "crm").mkdir()
    columns = {"Id": ["1", None], "User": ["u", "v"], "Email": "ab", "Phone": "cd", "Name": "ef"}
    pq.write_table(
        pa.table({name: list(values) for name, values in columns.items()}),
        landing.folder / "crm/a.parquet",
    )
    landing.load()

    assert '"User": "v"' in raw(landing, "crm/a.parquet", 2)


def test_the_raw_line_of_a_changed_file_is_not_shown(refusing: Landing) -> None:
    refusing.put("web/2026-07-05.jsonl", lines(b"{", b"[", b"("))

    with pytest.raises(UnknownRowError, match="changed after it was loaded"):
        raw(refusing, "web/2026-07-05.jsonl", 2)


def test_a_row_that_was_not_refused_is_not_shown(refused: Landing) -> None:
    with pytest.raises(UnknownRowError, match="not refused"):
        raw(refused, "web/2026-07-05.jsonl", 1)


def raw(landing: Landing, file: str, line: int) -> str:
    return read_raw(landing.warehouse, landing.config, landing.folder, file=file, line=line)


def test_a_corrected_mapping_recovers_its_rows_and_no_good_row_changes(refusing: Landing) -> None:
    sql = "select event_id, load_id, loaded_at from raw.events"
    events = refusing.rows(sql)
    correct(refusing, "crm", id="Key")

    report = again(refusing, source="crm")

    assert (report.recovered, report.newly_refused, report.refused) == (1, 0, {})
    assert refusing.values("select source_record_id from raw.person_records order by 1") == [
        "k1", "k2",
    ]  # fmt: skip
    assert refusing.rows(sql) == events
    assert refusing.load(LATER).files == 0


def test_a_corrected_kind_recovers_its_rows(landing: Landing) -> None:
    merge = {"type": "merge", "messageId": "m", "mergeProperties": [
        {"type": "email", "value": "a@x.example"}, {"type": "mobile", "value": "+1"}]}  # fmt: skip
    landing.put("web/a.jsonl", lines(merge, call(userId="u")))
    landing.load()
    assert landing.codes() != []
    correct(landing, "web", kind="rudderstack")

    report = again(landing)

    assert report.recovered + sum(report.refused.values()) == 1
    assert landing.values("select kind from raw.loads") == ["rudderstack"]


def test_a_file_that_a_wrong_delimiter_made_unreadable_is_recovered(landing: Landing) -> None:
    landing.put("crm/a.csv", b"Id;User;Email;Phone;Name;Name,Name,Name\n1;;;;Ann;\n")
    landing.sources = {**landing.sources, "crm": {**landing.sources["crm"], "map": {}}}
    correct(landing, "crm", id="Name", user_id=None)
    landing.load()
    assert landing.codes() == [(None, "unreadable_file")]
    correct(landing, "crm", id="Id", delimiter=";", user_id=None)

    report = again(landing)

    assert report.recovered == 1
    assert landing.codes() == []


def test_what_is_still_wrong_is_told_by_code(refusing: Landing) -> None:
    report = again(refusing, code="invalid_json")

    assert report.recovered == 0
    assert report.refused == {"invalid_json": 2, "unknown_type": 1}
    assert refusing.values("select distinct refused_at from raw.quarantine where source = 'web'") == [LATER]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "why"),
    [
        pytest.param(lambda path: path.unlink(), Missing.GONE, id="gone"),
        pytest.param(lambda path: path.write_bytes(b"{}\n"), Missing.CHANGED, id="changed"),
    ],
)
def test_a_file_that_is_not_as_it_was_is_told_and_left(
    refusing: Landing, change: Callable[[Any], Any], why: Missing
) -> None:
    change(refusing.folder / "web/2026-07-06.jsonl")
    codes = refusing.codes()

    report = again(refusing, source="web", day=date(2026, 7, 6))

    assert [one.reason for one in report.reload.kept] == [why]
    assert refusing.codes() == codes


def test_a_source_that_is_no_longer_declared_is_told(refusing: Landing) -> None:
    refusing.sources = {name: one for name, one in refusing.sources.items() if name == "web"}

    report = again(refusing, source="crm")

    assert [one.reason for one in report.reload.kept] == [Missing.UNDECLARED]


def test_a_recovered_event_that_came_first_takes_the_place_of_its_later_copy(
    landing: Landing,
) -> None:
    early = call(messageId="a", receivedAt="2026-11-01T10:00:02Z", event=None)
    landing.put("web/1.jsonl", lines({**early, "event": "x" * 40_000}))
    landing.put("web/2.jsonl", lines(call(messageId="a", receivedAt="2026-11-01T10:00:05Z")))
    landing.load()
    assert landing.values("select file from raw.events") == ["web/2.jsonl"]
    correct(landing, "web", kind="rudderstack")

    report = again(landing)

    assert landing.values("select file from raw.events") == [
        "web/1.jsonl" if report.recovered else "web/2.jsonl"
    ]
    assert [row[1:] for row in landing.counts()][1] == (
        (1, 0, 1, 0) if report.recovered else (1, 1, 0, 0)
    )


def test_rows_of_erased_persons_are_not_even_read_again(landing: Landing) -> None:
    landing.put("web/a.jsonl", lines(call()))
    landing.load()
    landing.warehouse.execute("update raw.quarantine set code = 'suppressed'")
    landing.warehouse.execute(
        "insert into raw.quarantine (load_id, source, file, line, code) "
        "select load_id, source, file, 1, 'suppressed' from raw.loads"
    )

    assert again(landing).reload.reloaded == ()


def test_of_several_loads_of_a_name_the_one_whose_file_is_there_is_shown(landing: Landing) -> None:
    for version in range(4):
        landing.put("web/a.jsonl", b"no json %d\n" % version)
        landing.load()

    assert raw(landing, "web/a.jsonl", 1).startswith("no json 3")
