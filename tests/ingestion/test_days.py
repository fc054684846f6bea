"""A day that is redone is as if it had come once; one that is dropped, as if never."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from ingestion import EmptySourceError, UnknownDayError
from ingestion.days import (
    Day,
    DayReport,
    drop_day,
    irrecoverable_files,
    list_days,
    redo_day,
    restore_day,
)
from ingestion.earlier_loads import Reload, ask_again, note_retention
from ingestion.inventory import EVENTS, table_of
from ingestion.load import LoadContext
from ingestion.mapping import KINDS
from ingestion.received_dates import received_date
from ingestion.reload import FILLED, Missing
from tests.ingestion.conftest import Landing, call, keys, lines, nobody

LATER = datetime.fromisoformat("2026-12-24T12:00")
MODIFIED = datetime.fromisoformat("2026-08-01T23:59")
FIFTH, SIXTH = Day(date(2026, 7, 5)), Day(date(2026, 7, 6))


def context(landing: Landing, **changes: Any) -> LoadContext:
    return LoadContext(landing.warehouse, LATER, nobody, "US", **changes)


def redo(landing: Landing, day: Day = FIFTH) -> Any:
    return redo_day(context(landing), landing.config, landing.folder, day)


def drop(landing: Landing, day: Day = FIFTH) -> Any:
    return drop_day(context(landing), landing.config, landing.folder, day)


def restore(landing: Landing, day: Day = FIFTH) -> Any:
    return restore_day(context(landing), landing.config, landing.folder, day)


def events(landing: Landing) -> list[tuple[str, str]]:
    """Id and file of every event."""
    rows = landing.rows("select event_id, file from raw.events order by all")
    return [(row["event_id"], row["file"][4:14]) for row in rows]


def put_events(landing: Landing, day: str, *ids: str, second: int = 2, gz: bool = False) -> None:
    calls = [call(messageId=one, receivedAt=f"2026-11-01T10:00:0{second}Z") for one in ids]
    landing.put(f"web/{day}/calls.jsonl{'.gz' if gz else ''}", lines(*calls))


@pytest.mark.parametrize(
    ("name", "day"),
    [
        ("web/date=2026-07-05/a.jsonl", "2026-07-05"),
        ("web/2026-07-05/a.jsonl", "2026-07-05"),
        ("web/2026/07/05/a.jsonl", "2026-07-05"),
        ("web/year=2026/month=07/day=05/a.jsonl", "2026-07-05"),
        ("crm/contacts_20260705.csv", "2026-07-05"),
        ("crm/2026-07-05/since_2026-01-01.csv", "2026-07-05"),
        ("segment-logs/src/1783209600000/x.gz", "2026-07-05"),
        ("crm/account-20269999.csv", "2026-08-01"),
        ("crm/batch-420260705123.csv", "2026-08-01"),
        ("crm/contacts.csv", "2026-08-01"),
    ],
)
def test_a_file_was_received_when_its_path_says_so_else_when_it_was_written(
    name: str, day: str
) -> None:
    assert received_date(name, MODIFIED) == date.fromisoformat(day)


def test_a_day_that_is_redone_leaves_every_table_as_it_was(landing: Landing) -> None:
    put_events(landing, "2026-07-05", "a", "b")
    put_events(landing, "2026-07-06", "b", "c", second=5, gz=True)
    landing.put("web/2026-07-05/bad.jsonl", b"{\n")
    landing.load()
    tables = (
        "events",
        "(from raw.loads select * exclude (stored_at))",
        "(from raw.quarantine select * exclude (refused_at))",
    )
    before = [landing.rows(f"from {_in_raw(table)} order by all") for table in tables]

    report = redo(landing)
    note_retention(landing.warehouse)  # as whoever loads does afterwards

    assert (report.files, report.rows) == (2, 2)
    assert [landing.rows(f"from {_in_raw(table)} order by all") for table in tables] == before


def _in_raw(table: str) -> str:
    return table if table.startswith("(") else f"raw.{table}"


def test_a_copy_on_another_day_takes_the_place_of_a_dropped_event(landing: Landing) -> None:
    put_events(landing, "2026-07-05", "a", "b")
    put_events(landing, "2026-07-06", "b", "c", second=5)
    put_events(landing, "2026-07-07", "d")
    landing.load()

    report = drop(landing)

    assert events(landing) == [("b", "2026-07-06"), ("c", "2026-07-06"), ("d", "2026-07-07")]
    assert [one.count.file.name for one in report.reload.reloaded] == ["web/2026-07-06/calls.jsonl"]


def test_a_copy_in_another_format_takes_the_place_of_a_dropped_event(landing: Landing) -> None:
    landing.sources = {
        **landing.sources,
        "rudder": {"kind": "rudderstack", "files": "rud/**/*.jsonl", "optional": True},
    }
    put_events(landing, "2026-07-05", "a")
    landing.put(
        "rud/2026-07-06.jsonl", lines(call(messageId="a", receivedAt="2026-11-01T10:00:09Z"))
    )
    landing.load()

    drop(landing)

    assert landing.values("select source from raw.events") == ["rudder"]


def test_a_dropped_day_is_not_loaded_again_not_even_a_new_file_of_it(landing: Landing) -> None:
    put_events(landing, "2026-07-05", "a")
    landing.load()
    drop(landing)
    landing.put("web/2026-07-05/more.jsonl", lines(call(messageId="z")))

    report = landing.load(LATER)

    assert report.files == 0
    assert events(landing) == []
    assert [row["dropped_at"] for row in list_days(landing.warehouse).to_pylist()] == [LATER]


def test_one_source_of_a_day_can_be_dropped(landing: Landing) -> None:
    put_events(landing, "2026-07-05", "a")
    landing.put("crm/2026-07-05.csv", b"Id,User,Email,Phone,Name\n1,,,,Ann\n")
    landing.load()

    drop(landing, Day(FIFTH.received_date, "crm"))

    assert landing.rows("from raw.person_records") == []
    assert events(landing) == [("a", "2026-07-05")]


def test_a_record_keeps_the_time_of_its_first_load_so_that_the_latest_version_stays_the_latest(
    landing: Landing,
) -> None:
    for day, name in (("05", "Ann"), ("06", "Anna"), ("07", "Ann")):
        landing.put(f"crm/2026-07-{day}.csv", f"Id,User,Email,Phone,Name\n1,,,,{name}\n".encode())
        landing.load(datetime.fromisoformat(f"2026-07-{day}T23:00"))
    sql = "select full_name, loaded_at from raw.person_records order by loaded_at"
    before = landing.rows(sql)

    drop(landing)
    landing.load(LATER)  # the third file says what the first one said, and is new now
    dropped = landing.rows(sql)
    restore(landing)

    assert [row["full_name"] for row in dropped] == ["Anna", "Ann"]
    assert landing.rows(sql) == before


def test_a_corrected_file_takes_the_place_of_the_one_of_its_name_and_day(landing: Landing) -> None:
    put_events(landing, "2026-07-05", "wrong", "b")
    landing.load()
    put_events(landing, "2026-07-05", "right", "b")

    redo(landing)

    assert events(landing) == [("b", "2026-07-05"), ("right", "2026-07-05")]
    assert landing.load(LATER).files == 0
    assert len(landing.counts()) == 1


def test_what_a_file_brought_that_is_gone_stays_and_is_told(landing: Landing) -> None:
    put_events(landing, "2026-07-05", "a")
    landing.load()
    (landing.folder / "web/2026-07-05/calls.jsonl").unlink()

    report = redo(landing)

    assert events(landing) == [("a", "2026-07-05")]
    assert [one.reason for one in report.reload.kept] == [Missing.GONE]
    assert landing.values("select reload from raw.loads") == [None]


def test_a_file_that_was_renamed_is_loaded_again_under_its_new_name(landing: Landing) -> None:
    put_events(landing, "2026-07-05", "a")
    landing.load()
    (landing.folder / "web/2026-07-05").rename(landing.folder / "web/2026-07-09")

    redo(landing)

    assert events(landing) == [("a", "2026-07-09")]
    assert len(landing.counts()) == 1


def test_a_file_that_a_drop_cannot_bring_back_is_told_beforehand(landing: Landing) -> None:
    put_events(landing, "2026-07-05", "a")
    landing.put("web/2026-07-05/more.jsonl", lines(call(messageId="b")))
    landing.load()
    (landing.folder / "web/2026-07-05/more.jsonl").unlink()

    gone = irrecoverable_files(landing.warehouse, landing.config, landing.folder, FIFTH)

    assert gone == ["web/2026-07-05/more.jsonl"]


def test_a_file_that_lacks_a_column_now_stays_as_it_stood(landing: Landing) -> None:
    landing.put("crm/2026-07-05.csv", b"Id,User,Email,Phone,Name\n1,,,,Ann\n")
    landing.load()
    mapping = {"email": "Mail"}
    landing.sources = {**landing.sources, "crm": {**landing.sources["crm"], "map": mapping}}

    report = redo(landing)

    assert landing.values("select full_name from raw.person_records") == ["Ann"]
    assert "'Mail'" in report.reload.kept[0].reason
    assert landing.load(LATER).files == 0


def test_an_erased_person_stays_out_of_a_day_that_is_redone(landing: Landing) -> None:
    put_events(landing, "2026-07-05", "a", "b")
    landing.load()
    everybody = LoadContext(landing.warehouse, LATER, lambda identifiers: identifiers, "US")

    redo_day(everybody, landing.config, landing.folder, FIFTH)

    assert events(landing) == []
    assert landing.codes() == [(1, "suppressed"), (2, "suppressed")]


def test_a_person_who_was_erased_while_the_day_was_dropped_does_not_come_back_with_it(
    landing: Landing,
) -> None:
    landing.put("web/2026-07-05/a.jsonl", lines(call(userId="u1"), call(messageId="m2")))
    landing.load()
    drop(landing)
    landing.location.erase(keys(user_id="u1"))

    report = restore(landing)

    assert landing.values("select event_id from raw.events") == ["m2"]
    assert report.reload.kept == ()


def test_a_file_that_an_erasure_rewrote_can_be_loaded_again(landing: Landing) -> None:
    landing.put("web/2026-07-05/a.jsonl", lines(call(userId="u1"), call(messageId="m2")))
    landing.load()
    landing.location.erase(keys(user_id="u1"))

    report = redo(landing)

    assert (report.files, report.rows, report.reload.kept) == (1, 1, ())
    assert landing.load(LATER).files == 0


def test_dates_are_read_as_before_where_the_row_that_told_their_order_was_erased(
    landing: Landing,
) -> None:
    """Of 14/03/2026 the day is known, and by it that of 03/04/2026 in the same file."""
    landing.sources = {
        "shop": {"kind": "orders", "files": "shop/*", "id": "order", "created_at": "made",
                 "person": {"email": "mail"}, "map": {"ordered_at": "at"}},
        "mail": {"kind": "events", "files": "mail/*",
                 "map": {"event": "what", "occurred_at": "at", "email": "mail"}},
    }  # fmt: skip
    day, rest = b"14/03/2026,ann@x.example", b"03/04/2026,ben@x.example"
    shop = landing.put(
        "shop/2026-07-05.csv", b"order,at,mail,made\n1,%s,\n2,%s,05/06/2026\n" % (day, rest)
    )
    mail = landing.put("mail/2026-07-05.csv", b"what,at,mail\nread,%s\nread,%s\n" % (day, rest))
    landing.load()
    read = (
        "select strftime(ordered_at, '%d.%m.') || strftime(record_created_at, '%d.%m.') as at "
        "from raw.orders union all select strftime(timestamp, '%d.%m.') from raw.events order by 1"
    )
    landing.location.erase(keys(email="ann@x.example"))
    before = landing.values(read)
    assert before == ["03.04.", "03.04.05.06."]

    for _ in range(2):
        redo(landing)
        assert landing.values(read) == before
    assert landing.values("select is_rewritten from raw.loads") == [True, True]
    for path in (shop, mail):  # another file in its place tells its own order
        path.write_bytes(path.read_bytes().replace(b"03/04", b"03/14"))
    redo(landing)
    assert landing.values(read) == ["14.03.", "14.03.06.05."]


SHOP = {
    "kind": "orders", "files": "shop/*", "id": "order", "person": {"email": "mail"},
    "map": {"ordered_at": "at"},
}  # fmt: skip
ORDERED = "select strftime(ordered_at, '%d.%m.') from raw.orders order by order_id"


def put_orders(landing: Landing, *dates: str, **changes: Any) -> Path:
    """A file of orders, the first of them by Ann."""
    landing.sources = {"shop": {**SHOP, **changes}}
    rows = [f"{i},{at},{'ann' if i == 1 else i}@x.example" for i, at in enumerate(dates, 1)]
    path = landing.put("shop/2026-07-05.csv", "\n".join(["order,at,mail", *rows, ""]).encode())
    landing.load()
    return path


def erase_ann(landing: Landing) -> None:
    landing.location.erase(keys(email="ann@x.example"))


def test_a_file_whose_dates_an_earlier_release_read_tells_their_order_itself(
    landing: Landing,
) -> None:
    put_orders(landing, "14/03/2026", "03/04/2026", "25/03/2026")
    landing.warehouse.execute("update raw.loads set date_orders = null")
    erase_ann(landing)

    for _ in range(2):
        assert redo(landing).reload.newly_refused == 0
        assert landing.values(ORDERED) == ["03.04.", "25.03."]
    assert landing.rows("select date_orders, is_rewritten from raw.loads") == [
        {"date_orders": '{"ordered_at": "day_first"}', "is_rewritten": True}
    ]


@pytest.mark.parametrize(
    ("added", "dates", "again"),
    [
        ("05/06/2026", ["03.04.", "05.06."], ["03.04.", "05.06."]),
        # Dates of its own that tell an order count more, as they do in any file.
        ("05/25/2026", ["03.04.", "25.05."], ["04.03.", "25.05."]),
    ],
)
def test_a_file_that_grows_after_an_erasure_is_read_as_before(
    landing: Landing, added: str, dates: list[str], again: list[str]
) -> None:
    path = put_orders(landing, "14/03/2026", "03/04/2026")
    erase_ann(landing)
    path.write_bytes(path.read_bytes() + f"3,{added},3@x.example\n".encode())

    landing.load()
    assert landing.values(ORDERED) == dates
    for _ in range(2):
        redo(landing)
        assert sorted(landing.values(ORDERED)) == again


def test_after_an_erasure_a_field_that_is_mapped_since_tells_its_own_order(
    landing: Landing,
) -> None:
    """What a source declares is nothing that its file told."""
    landing.sources = {"shop": {**SHOP, "date_order": "day_first"}}
    landing.put(
        "shop/2026-07-05.csv",
        b"order,at,mail,made\n1,03-14-2026,ann@x.example,\n2,03-04-2026,b@x.example,21/03/2026\n",
    )
    landing.load()
    erase_ann(landing)
    landing.sources = {"shop": {**SHOP, "created_at": "made"}}

    redo(landing)

    made = "select strftime(record_created_at, '%d.%m.') from raw.orders"
    assert (landing.values(ORDERED), landing.values(made)) == (["04.03."], ["21.03."])


@pytest.mark.parametrize("is_dropped", [False, True])
def test_dates_of_a_dropped_day_are_read_as_before_an_erasure_took_what_told_their_order(
    landing: Landing, *, is_dropped: bool
) -> None:
    put_orders(landing, "14/03/2026", "03/04/2026")

    for step in (drop, erase_ann) if is_dropped else (erase_ann, drop):
        step(landing)
    restore(landing)
    redo(landing)

    assert landing.values(ORDERED) == ["03.04."]


def test_what_a_kill_left_marked_the_next_load_loads_again(landing: Landing) -> None:
    put_events(landing, "2026-07-05", "a")
    landing.load()
    landing.warehouse.execute("delete from raw.events")
    load_ids = landing.values("select load_id from raw.loads")
    ask_again(landing.warehouse, load_ids, Reload.SAME)

    landing.load(LATER)

    assert events(landing) == [("a", "2026-07-05")]
    assert landing.values("select reload from raw.loads") == [None]


def test_a_load_that_fails_in_the_middle_leaves_the_day_as_it_was(
    landing: Landing, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_events(landing, "2026-07-05", "a")
    landing.load()

    def fail(*_arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("ingestion.load.write_loads", fail)
    with pytest.raises(KeyboardInterrupt):
        redo(landing)

    assert events(landing) == [("a", "2026-07-05")]
    assert landing.values("select reload from raw.loads") == ["day"]


def test_up_to_when_the_warehouse_knows_goes_back_with_the_day(landing: Landing) -> None:
    landing.put("web/2026-07-04.jsonl", lines(call(receivedAt="2026-07-04T10:00:02Z")))
    landing.put("web/2026-07-05.jsonl", lines(call(messageId="b")))
    landing.load()

    drop(landing)

    assert landing.values("select as_of from raw.as_of") == [datetime.fromisoformat("2026-07-05")]


def test_a_day_of_which_nothing_came_is_refused(landing: Landing) -> None:
    put_events(landing, "2026-07-05", "a")
    landing.load()

    with pytest.raises(UnknownDayError, match="2026-07-06 brought no file"):
        drop(landing, SIXTH)
    with pytest.raises(UnknownDayError, match="2026-07-05 is not dropped"):
        restore(landing)


def test_loads_of_an_earlier_release_get_their_day(landing: Landing) -> None:
    put_events(landing, "2026-07-05", "a")
    landing.load()
    landing.warehouse.execute("update raw.loads set received_date = null")

    landing.load(LATER)

    assert landing.values("select received_date from raw.loads") == [FIFTH.received_date]


@pytest.mark.parametrize("act", [redo, drop])
def test_a_listed_day_of_an_earlier_release_can_be_redone_and_dropped(
    landing: Landing, act: Callable[[Landing, Day], DayReport]
) -> None:
    put_events(landing, "2026-07-05", "a")
    landing.load()
    landing.warehouse.execute("update raw.loads set received_date = null")

    (listed,) = list_days(landing.warehouse).to_pylist()

    assert listed["received_date"] == FIFTH.received_date
    landing.warehouse.execute("update raw.loads set received_date = null")
    assert act(landing, Day(listed["received_date"])).rows == 1


def test_every_table_that_a_source_fills_is_forgotten_and_has_a_key_by_which_copies_are_found() -> (
    None
):
    filled = {table_of(kind).name for kind in KINDS} | {EVENTS.name}

    assert filled <= {table.name for table in FILLED}
    assert [table.name for table in FILLED if not table.key] == []


def test_a_dropped_file_whose_date_moves_stays_out(landing: Landing) -> None:
    path = landing.put("web/calls.jsonl", lines(call()))
    os.utime(path, (1_783_252_800, 1_783_252_800))  # 2026-07-05T12:00Z
    landing.load()
    drop(landing)

    os.utime(path, (1_790_000_000, 1_790_000_000))
    landing.load()

    assert events(landing) == []


def test_a_source_all_of_whose_days_are_dropped_is_empty(landing: Landing) -> None:
    landing.sources = {"web": {"kind": "segment", "files": "web/**/*.jsonl"}}
    put_events(landing, "2026-07-05", "a")
    landing.load()
    drop(landing)

    with pytest.raises(EmptySourceError):
        landing.load()


def test_a_batch_in_which_one_file_is_unreadable_and_one_lacks_a_column_is_counted_once(
    landing: Landing,
) -> None:
    landing.sources = {
        "mail": {
            "kind": "events", "files": "mail/**/*.csv", "event_name": "Opened",
            "map": {"email": "mail", "occurred_at": "at"},
        }
    }  # fmt: skip
    good = b"mail,at\nann@maple.example,2026-07-01\n"
    for name in "abc":
        landing.put(f"mail/2026-07-05/{name}.csv", good.replace(b"ann", name.encode()))
    landing.load()
    landing.put("mail/2026-07-05/b.csv", b"\xff\xfe\n\0")
    landing.put("mail/2026-07-05/c.csv", b"address,at\nc@maple.example,2026-07-01\n")

    redo(landing)

    counted = landing.rows("select file, count(*) as n, sum(rows_loaded)::int as loaded from raw.loads "
                           "group by file order by file")  # fmt: skip
    assert [(row["n"], row["loaded"]) for row in counted] == [(1, 1), (1, 0), (1, 1)]
