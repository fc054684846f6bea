from __future__ import annotations

import contextlib
import gzip
import itertools
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import ingestion.landing
import ingestion.rewrite
from ingestion.config import SourcesConfig
from ingestion.landing_search import KEYS, Search, mentions_sql
from ingestion.rewrite import REWRITING
from tests.full_disk import full_disk
from tests.ingestion.conftest import SOURCES, Landing, call, keys, lines
from warehouse import DuckDBWarehouse, Location, SharedLocation

ANN = keys(
    email="ann@maple.example",
    anonymous_id="device-ann-1",
    user_id="7",
    source_record="crm|7",
    phone="+12065557870",
)
CRM = (
    b'Id,User,Name,Email,Phone,Note\n'
    b'7,7,Ann Lee,Ann@Maple.example,,"two\nlines"\n'
    b'8,8,"Ben ""B"" Lee",ben@maple.example,,\xc3\xa9\n'
    b'9,,Joann Lee,joann.ann@maple.example,,x\n'
)  # fmt: skip
KEPT_CRM = b'Id,User,Name,Email,Phone,Note\n\n\n' + CRM[CRM.index(b"8,8"):]  # fmt: skip


def _events() -> bytes:
    return lines(
        call(messageId="a1", anonymousId="device-ann-1"),
        call(messageId="b1", anonymousId="device-ben-1", properties={"é": "kept  as is"}),
        call(messageId="a2", anonymousId="device-ben-1", userId="7"),
        call(messageId="a3", userId=None, context={"traits": {"email": "ANN@maple.example"}}),
        b'{"type": "track", "userId": "7", "truncated',
        b'\xff ann@maple.example',
        b'\xff joann@maple.example',
        call(messageId="b2", anonymousId="device-ben-1", userId="77"),
    )  # fmt: skip


def test_it_is_a_location(landing: Landing) -> None:
    assert isinstance(landing.location, Location)


def test_lines_that_name_two_persons_are_counted_for_both(landing: Landing) -> None:
    landing.put("web/a.jsonl", _events())
    landing.put("crm/people.csv", CRM)
    landing.load()
    ben = keys(anonymous_id="device-ben-1", source_record="crm|8")

    assert isinstance(landing.location, SharedLocation)
    assert landing.location.count_shared(ANN, ben) == 1  # a2, on Ben's device
    assert landing.location.count_shared(ANN, keys(user_id="nobody-else")) == 0


def test_a_persons_lines_go_and_all_other_bytes_stay(landing: Landing) -> None:
    path = landing.put("web/a.jsonl", _events())
    landing.load()
    given = path.read_bytes().split(b"\n")

    traces = landing.location.erase(ANN)

    kept = [b"" if place in {0, 2, 3, 4, 5} else line for place, line in enumerate(given)]
    assert path.read_bytes() == b"\n".join(kept)
    assert [(trace.location, trace.rows) for trace in traces] == [("landing/web/a.jsonl", 5)]


def test_refused_lines_that_name_the_person_leave_the_quarantine(landing: Landing) -> None:
    landing.put("web/a.jsonl", _events())
    landing.load()

    landing.location.erase(ANN)

    assert landing.codes() == [(7, "invalid_utf8")]


def test_a_quarantined_line_with_the_address_in_an_odd_place_goes(landing: Landing) -> None:
    path = landing.put("web/a.jsonl", lines(call(type="odd", extra=["x", "ann@maple.example"])))
    landing.load()

    landing.location.erase(ANN)

    assert path.read_bytes() == b"\n"
    assert landing.counts() == [("web/a.jsonl", 0, 0, 0, 0)]


def test_counts_stay_exact_after_a_rewrite(landing: Landing) -> None:
    landing.put("web/a.jsonl", _events() + lines(call(messageId="a1", anonymousId="device-ann-1")))
    landing.put("web/b.jsonl", lines(call(messageId="a2", userId="7"), call(messageId="b9")))
    landing.load()
    before = landing.counts()

    landing.location.erase(ANN)

    assert before == [("web/a.jsonl", 9, 4, 2, 3), ("web/b.jsonl", 2, 2, 0, 0)]
    assert landing.counts() == [("web/a.jsonl", 3, 2, 0, 1), ("web/b.jsonl", 1, 1, 0, 0)]
    assert sorted(landing.values("select event_id from raw.events")) == ["b1", "b2", "b9"]


def test_counts_add_up_even_where_the_tables_were_erased_before(landing: Landing) -> None:
    landing.put("web/a.jsonl", _events())
    landing.load()
    landing.warehouse.execute("delete from raw.events where event_id like 'a%'")

    landing.location.erase(ANN)

    assert landing.counts() == [("web/a.jsonl", 3, 2, 0, 1)]


def test_a_rewritten_file_is_not_loaded_again(landing: Landing) -> None:
    landing.put("web/a.jsonl.gz", _events())
    landing.put("crm/people.csv", CRM)
    landing.load()
    landing.location.erase(ANN)

    assert landing.load().files == 0


def test_a_rebuild_from_the_rewritten_files_gives_the_same_tables(landing: Landing) -> None:
    landing.put("web/a.jsonl", _events())
    landing.put("crm/people.csv", CRM)
    landing.load()
    landing.location.erase(ANN)
    rebuilt = Landing(landing.folder)
    rebuilt.load()

    for table in ("events", "person_records"):
        asked = f"select * exclude (load_id) from raw.{table} order by all"
        assert rebuilt.rows(asked) == landing.rows(asked)
    assert rebuilt.counts() == landing.counts()
    assert rebuilt.codes() == landing.codes()


def test_a_second_erasure_finds_nothing(landing: Landing) -> None:
    landing.put("web/a.jsonl", _events())
    landing.put("crm/people.csv", CRM)
    landing.load()

    landing.location.erase(ANN)

    assert landing.location.find(ANN) == ()
    assert landing.location.erase(ANN) == ()


def test_a_row_of_a_csv_file_goes_with_its_line_breaks(landing: Landing) -> None:
    path = landing.put("crm/people.csv", CRM)
    landing.load()

    landing.location.erase(ANN)

    assert path.read_bytes() == KEPT_CRM


def test_a_csv_row_that_does_not_fit_its_header_goes_when_it_names_the_person(
    landing: Landing,
) -> None:
    path = landing.put("crm/people.csv", b"Id,User,Name,Email,Phone\n7,ann@maple.example\n8,b\n")
    landing.load()

    landing.location.erase(ANN)

    assert path.read_bytes() == b"Id,User,Name,Email,Phone\n\n8,b\n"
    assert landing.codes() == [(3, "unreadable_row")]


def test_a_record_is_found_by_its_phone_in_any_spelling(landing: Landing) -> None:
    path = landing.put("crm/people.csv", b"Id,User,Name,Email,Phone\n5,,A,,(206) 555-7870\n")
    landing.load()

    landing.location.erase(ANN)

    assert b"555" not in path.read_bytes()


def test_orders_of_the_person_go_too(landing: Landing) -> None:
    path = landing.put(
        "shop/o.csv",
        b"order,contact,mail,at,amount\n"
        b"o1,7,,2026-01-01,5\no2,,ann@maple.example ,2026-01-01,5\no3,8,,2026-01-01,5\n",
    )
    landing.load()

    landing.location.erase(ANN)

    assert path.read_bytes() == b"order,contact,mail,at,amount\n\n\no3,8,,2026-01-01,5\n"
    assert landing.values("select order_id from raw.orders") == ["o3"]


def test_rows_of_a_parquet_file_go_and_the_schema_stays(landing: Landing) -> None:
    table = pa.table(
        {
            "Id": pa.array([6, 7, 8], pa.int32()),
            "User": pa.array([None, None, None], pa.string()),
            "Name": ["F", "Ann", "B"],
            "Email": [None, "ann@maple.example", None],
            "Phone": pa.array([None, None, None], pa.string()),
        }
    )
    path = landing.folder / "crm" / "p.parquet"
    path.parent.mkdir()
    pq.write_table(table, path, compression="zstd")
    landing.load()

    landing.location.erase(ANN)

    assert pq.read_table(path).equals(table.filter(pa.array([True, False, True])))
    assert b"ann@maple" not in path.read_bytes()
    assert landing.load().files == 0


def test_refused_rows_of_a_parquet_file_are_counted_anew(landing: Landing) -> None:
    table = pa.table({name: ["7", None, "8"] for name in ("Id", "User", "Name", "Email", "Phone")})
    path = landing.folder / "crm" / "p.parquet"
    path.parent.mkdir()
    pq.write_table(table, path)
    landing.load()

    landing.location.erase(keys(source_record="crm|7"))

    assert landing.codes() == [(1, "no_key")]


def test_a_file_that_two_sources_read_is_rewritten_once_for_both(landing: Landing) -> None:
    tickets = {
        "kind": "tickets", "files": "help/*.csv", "id": "t", "person": {"source": "askers", "id": "t"},
    }  # fmt: skip
    askers = {"kind": "person_records", "files": "help/*.csv", "id": "t", "map": {"email": "mail"}}
    landing.sources = {"askers": askers, "tickets": tickets}
    path = landing.put("help/t.csv", b"t,mail\n1,ann@maple.example\n2,ben@maple.example\n")
    landing.load()

    landing.location.erase(ANN)

    assert path.read_bytes() == b"t,mail\n\n2,ben@maple.example\n"
    assert landing.counts() == [("help/t.csv", 1, 1, 0, 0)] * 2
    assert landing.load().files == 0


def test_consent_decisions_of_the_person_go(landing: Landing) -> None:
    line = '{"who": {"%s": "%s"}, "purpose": "ads", "status": "granted", "at": "2026-01-01"}\n'
    mine = line % ("email", "Ann@maple.example") + line % ("device", "device-ann-1")
    path = landing.put("consent/c.jsonl", (mine + line % ("device", "other")).encode())
    landing.load()

    landing.location.erase(ANN)

    assert path.read_bytes() == b"\n\n" + (line % ("device", "other")).encode()
    assert landing.warehouse.scalar("select count(*) from raw.consent_events") == 1


def test_files_that_were_never_loaded_are_rewritten_too(landing: Landing) -> None:
    path = landing.put("web/new.jsonl", lines(call(userId="7"), call(messageId="b")))

    landing.location.erase(ANN)

    assert path.read_bytes().startswith(b"\n{")


def test_a_compressed_file_stays_compressed_with_its_mode_and_time(landing: Landing) -> None:
    path = landing.put("web/a.jsonl.gz", _events())
    path.chmod(0o640)
    os.utime(path, (1_700_000_000, 1_700_000_000))
    landing.load()

    landing.location.erase(ANN)

    assert b"kept  as is" in gzip.decompress(path.read_bytes())
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert path.stat().st_mtime == 1_700_000_000


def test_a_source_that_reports_refuses_and_keeps_its_files(landing: Landing) -> None:
    landing.sources = {**SOURCES, "web": {**SOURCES["web"], "erase": "report"}}
    landing.put("web/a.jsonl", _events())
    landing.load()

    refusals = landing.location.refusals(ANN)

    assert len(refusals) == 1
    assert "erase: report" in refusals[0]
    assert "ann" not in refusals[0]
    assert landing.location.refusals(keys(user_id="nobody")) == ()


def test_a_file_that_may_not_be_written_is_a_refusal(
    landing: Landing, monkeypatch: pytest.MonkeyPatch
) -> None:
    landing.put("web/a.jsonl", _events())
    landing.load()
    monkeypatch.setattr(ingestion.landing.os, "access", lambda *_: False)

    assert "web/a.jsonl may not be written" in landing.location.refusals(ANN)[0]


def test_a_file_that_cannot_be_read_is_a_refusal_until_it_is_repaired(landing: Landing) -> None:
    path = landing.put("web/a.jsonl.gz", _events())
    path.write_bytes(path.read_bytes()[:-20])
    landing.load()

    assert "cannot be read" in landing.location.refusals(ANN)[0]
    path.unlink()
    assert landing.location.refusals(ANN) == ()


class _KilledError(Exception):
    pass


@pytest.mark.parametrize("moment", ["forget_rows", "put_in_place"])
def test_an_erasure_killed_at_any_moment_ends_as_an_undisturbed_one(
    landing: Landing, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    path = landing.put("web/a.jsonl", _events())
    landing.load()

    def kill(*_args: object) -> None:
        raise _KilledError

    with monkeypatch.context() as patched:
        patched.setattr(ingestion.landing, moment, kill)
        with pytest.raises(_KilledError):
            landing.location.erase(ANN)
    if moment == "put_in_place":
        assert landing.load().files == 0
    landing.location.erase(ANN)

    assert landing.counts() == [("web/a.jsonl", 3, 2, 0, 1)]
    assert landing.load().files == 0
    assert b"device-ann-1" not in path.read_bytes()
    assert list(landing.folder.rglob(f"*{REWRITING}")) == []


def test_the_file_of_old_coming_back_is_loaded_under_another_id(landing: Landing) -> None:
    path: Path = landing.put("web/a.jsonl", _events())
    old = path.read_bytes()
    landing.load()
    landing.location.erase(ANN)

    path.write_bytes(old)
    landing.load()

    load_ids = landing.values("select load_id from raw.loads")
    assert len(load_ids) == len(set(load_ids)) == 2


def test_an_address_that_is_written_with_escapes_is_found(landing: Landing) -> None:
    written = lines(call(messageId="a1", context={"traits": {"email": "ann@maple.example"}}))
    path = landing.put("web/a.jsonl", written.replace(b"@", b"\\u0040"))
    landing.load()

    landing.location.erase(keys(email="ann@maple.example"))

    assert path.read_bytes() == b"\n"


@pytest.mark.parametrize("name", ["crm/people.csv", "crm/people.parquet"])
def test_a_half_written_file_is_its_owners_alone(
    landing: Landing, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    path = landing.put(name, CRM)
    if path.suffix == ".parquet":
        columns = {name: ["7", "8"] for name in ("Id", "User", "Name", "Email", "Phone")}
        pq.write_table(pa.table(columns), path)
    path.chmod(0o640)
    landing.load()
    modes: list[int] = []

    def copymode(source: Path, fresh: Path) -> None:
        modes.append(stat.S_IMODE(fresh.stat().st_mode))
        fresh.chmod(source.stat().st_mode)

    monkeypatch.setattr(ingestion.rewrite.shutil, "copymode", copymode)
    landing.location.erase(keys(user_id="7"))

    assert modes == [0o600]
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_an_address_in_a_wrapping_is_found(landing: Landing) -> None:
    wrapped = call(messageId="a1", context={"traits": {"email": "mailto:<Ann@Maple.example>"}})
    path = landing.put("web/a.jsonl", lines(wrapped))
    landing.load()

    landing.location.erase(keys(email="ann@maple.example"))

    assert path.read_bytes() == b"\n"


def test_a_refused_line_is_searched_in_a_file_that_names_the_person_nowhere_else(
    landing: Landing,
) -> None:
    others = [
        b'{"phone": "(206) 555-78701"\n', b'{"order": 99, "phone": 912065557870\n',
        b'{"ids": [206555, 17870], "to": "joann@maple.example"\n', b'{"to": "ann@maple.example.org"\n',
        b'{"phones": ["+1", 206, "555-7870"]\n',
    ]  # fmt: skip
    kept = b"".join(others) + lines(call(messageId="b1", anonymousId="device-ben-1"))
    theirs = [
        b'{"phone": "(206) 555-7870"\n',
        b'{"phones": ["+1 206", "206.555.7870"]\n',
        b"?to=ann%40maple.example\n",
    ]
    path = landing.put("web/a.jsonl", b"".join(theirs) + kept)
    landing.load()

    landing.location.erase(keys(email="ann@maple.example", phone="+12065557870"))

    assert path.read_bytes() == b"\n\n\n" + kept


@pytest.mark.parametrize(
    ("number", "text", "is_theirs"),
    [
        ("+447700900123", "bob@y.example,2026,7700,900,123,gb", False),
        ("+447700900123", "ref 12-7700900123-9", False), ("+447700900123", "7700 900123 4", False),
        ("+447700900123", '"770","0900123"', False), ("+447700900123", "107700900123", False),
        ("+14155550123", "order 41,55,55,01,23", False), ("+14155550123", "1,415,555,0123", False),
        ("+447700900123", "p=%2b44%207700900123", True), ("+447700900123", "a%e9 %2b447700900123", True),
        ("+447700900123", "tel +44 (0)7700 900123.", True), ("+447700900123", "0044-7700-900123", True),
        ("+447700900123", "at 10:00 07700 900123", True), ("+447700900123", "x,7700900123,9", True),
        ("+14155550123", "(415) 555-0123", True), ("+4915123456789", "0151 23456789", True),
        ("+79123456789", "8 (912) 345-67-89", True), ("+3545551234", "5551234", False),
        ("+3545551234", "354 555 1234", True),
    ],
)  # fmt: skip
def test_a_number_in_a_refused_row_is_theirs_only_as_a_whole(
    number: str, text: str, is_theirs: bool
) -> None:
    assert _is_named(number, text) is is_theirs


@pytest.mark.parametrize("length", range(8, 16))
def test_numbers_of_any_length_are_looked_for(length: int) -> None:
    number = "+46872345600000"[: length + 1].ljust(length + 1, "7")

    assert _is_named(number, f"call {number[:3]} {number[3:]} now")
    assert not _is_named(number, f"call {number}1 now")


def _is_named(number: str, text: str) -> bool:
    warehouse = DuckDBWarehouse.in_memory()
    with warehouse.view(KEYS, keys(phone=number)):
        Search(
            warehouse, SourcesConfig.model_validate({"sources": SOURCES}), None
        ).prepare_needles()
        return bool(warehouse.scalar(f"select {mentions_sql('$text::varchar')}", {"text": text}))


def test_a_link_is_named_and_not_rewritten(landing: Landing, tmp_path: Path) -> None:
    path = landing.put("web/a.jsonl", _events())
    target = path.rename(tmp_path / "elsewhere.jsonl")
    path.symlink_to(target)
    landing.load()

    (refusal,) = landing.location.refusals(ANN)

    assert "web/a.jsonl is a link" in refusal
    assert landing.location.refusals(keys(user_id="nobody")) == ()


@pytest.mark.parametrize("name", ["web/a.jsonl", "web/a.jsonl.gz"])
def test_a_full_disk_leaves_a_landing_file_as_it_was_or_without_the_person(
    landing: Landing, name: str
) -> None:
    """The n-th thing that is asked of the disk fails, for every n, and the next try goes on."""
    path = landing.put(name, _events())
    landing.load()
    before = path.read_bytes()

    for n in itertools.count(1):
        with full_disk(n) as disk, contextlib.suppress(OSError):
            landing.location.erase(ANN)
        if not disk.has_refused:
            break
        assert path.read_bytes() == before or b"kept  as is" in _unpacked(path)

    assert n > 3
    assert b"kept  as is" in _unpacked(path)
    assert landing.location.find(ANN) == ()
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def _unpacked(path: Path) -> bytes:
    content = path.read_bytes()
    return gzip.decompress(content) if path.suffix == ".gz" else content


_CONSENTS = {
    "kind": "consent_events", "files": "consent/*.csv", "delimiter": ";",
    "map": {"subject_email": "mail", "purpose": "zweck", "status": "status", "occurred_at": "am"},
}  # fmt: skip
_DECISIONS = (
    b"mail;zweck;status;am\n%s;ads;granted;2026-01-01\nben@maple.example;ads;denied;2026-01-01\n"
)


def _mapped(source: Mapping[str, Any], **changed: str) -> dict[str, Any]:
    return {**source, "map": {**source["map"], **changed}}


@pytest.mark.parametrize(
    "changed",
    [
        {"anonymous_id": "geraet"},
        {"subject_email": "e-mail"},
        {"subject_email": "x", "status": "y"},
    ],
)
def test_a_file_that_its_mapping_no_longer_fits_is_rewritten(
    landing: Landing, changed: dict[str, str]
) -> None:
    landing.sources = {"consents": _CONSENTS}
    path = landing.put("consent/alt.csv", _DECISIONS % b"ann@maple.example")
    landing.load()
    landing.sources = {"consents": _mapped(_CONSENTS, **changed)}

    assert landing.location.refusals(ANN) == ()
    landing.location.erase(ANN)

    assert path.read_bytes() == (_DECISIONS % b"").replace(b";ads;granted;2026-01-01", b"")


def test_a_row_is_found_by_its_key_where_the_column_of_its_person_was_renamed(
    landing: Landing,
) -> None:
    landing.sources = {name: SOURCES[name] for name in ("crm", "shop")}
    path = landing.put(
        "shop/o.csv", b"order,contact,mail,at,amount\no1,7,,2026-01-01,5\no2,8,,2026-01-01,7\n"
    )
    landing.load()
    shop = SOURCES["shop"]
    landing.sources = {
        **landing.sources,
        "shop": {**shop, "person": {"source": "crm", "id": "who"}},
    }

    assert landing.location.refusals(ANN) == ()
    landing.location.erase(ANN)

    assert path.read_bytes() == b"order,contact,mail,at,amount\n\no2,8,,2026-01-01,7\n"


def test_what_a_renamed_column_hides_is_a_refusal_that_names_it(landing: Landing) -> None:
    landing.sources = {"consents": _mapped(_CONSENTS, anonymous_id="mail")}
    landing.put("consent/alt.csv", _DECISIONS % b"7")
    landing.load()
    landing.sources = {"consents": _mapped(_CONSENTS, anonymous_id="geraet", subject_email="e")}

    (refusal,) = landing.location.refusals(keys(anonymous_id="7"))

    assert "1 cannot be found" in refusal
    assert "no column 'e', 'geraet'; the file has mail, zweck, status, am" in refusal
    assert landing.location.refusals(keys(anonymous_id="8")) == ()


def test_a_file_that_was_never_loaded_for_a_column_is_a_refusal(landing: Landing) -> None:
    landing.sources = {"consents": _mapped(_CONSENTS, anonymous_id="geraet")}
    landing.put("consent/neu.csv", _DECISIONS % b"ann@maple.example")

    (refusal,) = landing.location.refusals(keys(user_id="nobody"))

    assert refusal.startswith("consent/neu.csv was never loaded")
    assert "no column 'geraet'" in refusal


def test_a_field_that_json_lines_have_under_another_name_is_found(landing: Landing) -> None:
    line = b'{"who": {"email": "%s"}, "purpose": "ads", "status": "granted", "at": "2026-01-01"}\n'
    path = landing.put("consent/c.jsonl", line % b"Ann@maple.example" + line % b"b@x.example")
    landing.load()
    landing.sources = {**SOURCES, "consents": _mapped(SOURCES["consents"], subject_email="mail")}

    landing.location.erase(ANN)

    assert path.read_bytes() == b"\n" + line % b"b@x.example"


def test_events_of_a_file_that_its_mapping_no_longer_fits_go(landing: Landing) -> None:
    web = {
        "kind": "events", "files": "web/*.csv", "event_name": "Seen",
        "map": {"user_id": "user", "occurred_at": "at"},
    }  # fmt: skip
    landing.sources = {"web": web}
    path = landing.put("web/a.csv", b"user,at\n7,2026-01-01\n8,2026-01-02\n")
    landing.load()
    landing.sources = {"web": _mapped(web, user_id="customer")}

    assert landing.location.refusals(ANN) == ()
    landing.location.erase(ANN)

    assert path.read_bytes() == b"user,at\n\n8,2026-01-02\n"


@pytest.mark.parametrize("files", ["consent/neu*.csv", None])
def test_a_loaded_file_that_no_source_names_now_is_a_refusal(
    landing: Landing, files: str | None
) -> None:
    landing.sources = {"consents": _CONSENTS}
    path = landing.put("consent/alt.csv", _DECISIONS % b"ann@maple.example")
    landing.load()
    landing.sources = (
        {"consents": {**_CONSENTS, "files": files}} if files else {"crm": SOURCES["crm"]}
    )

    (refusal,) = landing.location.refusals(ANN)

    assert "consent/alt.csv was loaded as one of source 'consents'" in refusal
    path.unlink()
    assert landing.location.refusals(ANN) == ()


def test_a_file_that_cannot_be_read_any_more_is_a_refusal_with_the_cause(landing: Landing) -> None:
    path = landing.put("crm/people.csv", CRM)
    landing.load()
    path.write_bytes(CRM.decode().encode("utf-16"))

    (refusal,) = landing.location.refusals(keys(user_id="nobody"))

    assert "crm/people.csv cannot be read: it is UTF-16 text" in refusal
