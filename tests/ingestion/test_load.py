from __future__ import annotations

import gzip
from datetime import datetime, timedelta

import pytest

from ingestion import MissingSourceError, load_events, new_files
from ingestion.errors import UnreadableFileError, WrongFilesError
from ingestion.files import empty_files
from ingestion.formats import segment
from tests.ingestion.conftest import NOW, SOURCES, Landing, call, lines


def test_only_new_files_are_loaded(landing: Landing) -> None:
    landing.put("web/a.jsonl", lines(call(messageId="a")))
    landing.load()
    landing.put("web/b.jsonl", lines(call(messageId="b")))

    assert new_files(landing.warehouse, landing.config, landing.folder) == ("web/b.jsonl",)
    assert landing.load().files == 1
    assert landing.load().files == 0


def test_a_file_that_grew_adds_what_is_new_in_it(landing: Landing) -> None:
    landing.put("web/a.jsonl", lines(call(messageId="a")))
    landing.load()
    landing.put("web/a.jsonl", lines(call(messageId="a"), call(messageId="b")))

    landing.load(NOW + timedelta(hours=1))

    assert landing.counts() == [("web/a.jsonl", 1, 1, 0, 0), ("web/a.jsonl", 2, 1, 1, 0)]


def test_a_known_file_under_another_name_is_skipped(landing: Landing) -> None:
    path = landing.put("web/a.jsonl", lines(call()))
    landing.load()

    path.rename(landing.folder / "web" / "z.jsonl")

    assert landing.load().files == 0


def test_what_a_vanished_file_brought_stays(landing: Landing) -> None:
    path = landing.put("web/a.jsonl", lines(call()))
    landing.load()
    path.unlink()

    landing.load()

    assert landing.warehouse.scalar("select count(*) from raw.events") == 1


def test_a_source_without_a_file_is_named_unless_it_is_optional(landing: Landing) -> None:
    assert landing.load().files == 0
    landing.sources = {"web": {**SOURCES["web"], "optional": False}}

    with pytest.raises(MissingSourceError, match=r"'web': no file matches .*web/\*\*"):
        landing.load()


def test_a_run_that_breaks_leaves_nothing_of_its_batch(
    landing: Landing, monkeypatch: pytest.MonkeyPatch
) -> None:
    landing.put("web/a.jsonl", lines(call(messageId="a"), b"broken"))

    def break_off(*_args: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(load_events, "_drop_copies", break_off)
        with pytest.raises(KeyboardInterrupt):
            landing.load()

    assert landing.counts() == []
    assert landing.codes() == []
    assert landing.warehouse.scalar("select count(*) from raw.events") == 0
    assert landing.load().rows_loaded == 1


def test_a_bad_file_among_many_costs_only_itself(
    landing: Landing, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "abc":
        landing.put(f"web/{name}.jsonl", lines(call(messageId=name)))
    original = segment.read_blocks

    def failing(files: list) -> object:  # type: ignore[type-arg]
        if any(file.name == "web/b.jsonl" for file in files):
            raise UnreadableFileError("web/b.jsonl", "OSError while reading")
        return original(files)

    monkeypatch.setattr(segment, "read_blocks", failing)

    report = landing.load()

    assert (report.rows_loaded, report.rows_quarantined, report.files) == (2, 1, 3)


def test_the_warehouse_knows_up_to_the_midnight_after_the_last_event(landing: Landing) -> None:
    landing.put("web/a.jsonl", lines(call(receivedAt="2026-11-03T23:00:00Z")))

    assert landing.load().as_of == datetime.fromisoformat("2026-11-04T00:00")
    assert landing.values("select as_of from raw.as_of") == [
        datetime.fromisoformat("2026-11-04T00:00")
    ]


def test_the_warehouse_never_knows_the_future(landing: Landing) -> None:
    landing.put("web/a.jsonl", lines(call(receivedAt="2026-11-24T11:59:00Z")))

    assert landing.load().as_of == NOW


def test_an_empty_landing_folder_knows_nothing(landing: Landing) -> None:
    assert landing.load().as_of is None


PACKED = gzip.compress(lines(call()))
DAMAGED = PACKED[:40] + bytes([PACKED[40] ^ 0xFF]) + PACKED[41:]


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        pytest.param("a.jsonl", PACKED, "compressed with gzip, though its name", id="hidden-gzip"),
        pytest.param("a.jsonl.gz", b"{}\n", "it is not compressed with gzip", id="no-gzip"),
        pytest.param("a.jsonl.gz", PACKED[:40], "in the middle of its compression", id="cut"),
        pytest.param("a.jsonl.gz", DAMAGED, "its compression is damaged", id="damaged"),
        pytest.param("a.jsonl.gz", gzip.compress(PACKED), "twice with gzip", id="twice"),
        pytest.param("a.jsonl", lines(call()).decode().encode("utf-16"), "UTF-16", id="utf-16"),
        pytest.param(
            "a.jsonl.gz",
            gzip.compress(b"\xfe\xff" + lines(call()).decode().encode("utf-16-be")),
            "UTF-16",
            id="utf-16-in-gzip",
        ),
    ],
)
def test_a_file_of_other_bytes_than_its_name_says_is_refused_once_in_plain_words(
    landing: Landing, name: str, content: bytes, why: str
) -> None:
    (landing.folder / "web").mkdir()
    (landing.folder / "web" / name).write_bytes(content)

    report = landing.load()

    assert landing.codes() == [(None, "unreadable_file")]
    assert why in report.unreadable[0]
    assert "Error" not in report.unreadable[0]
    assert "BadGzip" not in report.unreadable[0]


def test_a_first_line_that_begins_like_another_encoding_is_refused_alone(landing: Landing) -> None:
    landing.put("web/a.jsonl", b"\xff\xfe{broken\n" + lines(call()))

    report = landing.load()

    assert report.unreadable == ()
    assert [line for line, _ in landing.codes()] == [1]


def test_a_name_that_stands_twice_in_a_header_is_told_by_its_places(landing: Landing) -> None:
    landing.put("crm/a.csv", b"Id,ann@x.example,Name,ann@x.example,Phone,Name,Name\n")

    (told,) = landing.load().unreadable

    assert "over 2 and 4; over 3 and 6 and 7" in told
    assert "ann@x.example" not in told


def test_all_sources_without_a_file_are_told_at_once(landing: Landing) -> None:
    landing.sources = {
        name: {**SOURCES[name], "optional": name == "shop"} for name in ("web", "crm", "shop")
    }

    with pytest.raises(MissingSourceError) as caught:
        landing.load()

    assert caught.value.sources == ("web", "crm")
    assert "source 'web': no file matches 'web/**/*.jsonl*'; source 'crm'" in str(caught.value)


def test_all_files_that_lack_columns_are_told_at_once_and_the_others_are_loaded(
    landing: Landing,
) -> None:
    landing.put("crm/a.csv", b"Id,User,Name,Email\n1,,Ann,\n")
    landing.put("crm/b.csv", b"Id,User,Name,Email,Phone\n1,,Ann,,\n")
    landing.put("shop/a.csv", b"order,contact,mail,amount\n1,1,,5\n")

    with pytest.raises(WrongFilesError) as caught:
        landing.load()

    assert [error.file for error in caught.value.errors] == ["crm/a.csv", "shop/a.csv"]
    assert "no column 'Phone'" in str(caught.value)
    assert "no column 'at'" in str(caught.value)
    assert landing.counts() == [("crm/b.csv", 1, 1, 0, 0)]


def test_files_without_a_byte_are_told_from_those_that_an_erasure_emptied(landing: Landing) -> None:
    landing.put("web/broken.jsonl", b"")
    landing.put("web/erased.jsonl", b"\n")

    assert empty_files(landing.config, landing.folder) == ("web/broken.jsonl",)


def test_an_unreadable_file_counts_until_it_is_gone_or_repaired(landing: Landing) -> None:
    for name in ("gone", "repaired", "left"):
        landing.put(f"web/{name}.jsonl", name.encode("utf-16"))
    landing.load()
    (landing.folder / "web" / "gone.jsonl").unlink()
    landing.put("web/repaired.jsonl", lines(call(messageId="a")))

    landing.load(NOW + timedelta(hours=1))

    assert landing.codes() == [(None, "unreadable_file")]
    assert landing.counts() == [("web/left.jsonl", 1, 0, 0, 1), ("web/repaired.jsonl", 1, 1, 0, 0)]
