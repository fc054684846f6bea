"""Odd names of files, odd things that are no files, and ids that only look like ids."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ingestion import UnreadableFileError
from tests.ingestion.conftest import Landing, call, lines

GOOD = lines(call())


@pytest.fixture
def web(tmp_path: Path) -> Landing:
    made = Landing(tmp_path / "landing")
    (made.folder / "web").mkdir(parents=True)
    made.sources = {"web": {"kind": "segment", "files": "web/**/*.jsonl*", "optional": True}}
    return made


def test_files_of_any_name_are_read(web: Landing) -> None:
    names = [
        "a'b", 'a"b', "a\nb", "a*[x]?", "$now", "%s", "a; drop table x", "é", "-rf", "\u202e", "{}",
        "a\\b", " ", "", "x" * 240, "NULL", "'; --", "..a",
    ]  # fmt: skip
    for number, name in enumerate(names):
        web.put(f"web/{name}.jsonl", lines(call(messageId=f"m{number}")))

    web.load()

    assert len(web.counts()) == len(names)
    assert {count[1:] for count in web.counts()} == {(1, 1, 0, 0)}
    assert set(web.values("select file from raw.events")) == {f"web/{n}.jsonl" for n in names}


def test_a_name_that_is_no_text_is_written_out(web: Landing) -> None:
    Path(os.fsdecode(os.fsencode(web.folder / "web") + b"/\xff.jsonl")).write_bytes(
        GOOD + b"{bad\n"
    )

    web.load()

    assert web.counts() == [("web/\\xff.jsonl", 2, 1, 0, 1)]


def test_links_are_followed_and_folders_and_pipes_are_no_files(web: Landing) -> None:
    folder = web.folder / "web"
    web.put("elsewhere.bin", GOOD)
    (folder / "link.jsonl").symlink_to(web.folder / "elsewhere.bin")
    (folder / "nowhere.jsonl").symlink_to(web.folder / "nothing")
    (folder / "loop.jsonl").symlink_to(folder / "loop.jsonl")
    (folder / "deeper").symlink_to(folder)
    os.mkfifo(folder / "pipe.jsonl")
    web.put("web/folder.jsonl/b.jsonl", lines(call(messageId="m2")))

    web.load()

    assert web.counts() == [
        ("web/folder.jsonl/b.jsonl", 1, 1, 0, 0),
        ("web/link.jsonl", 1, 1, 0, 0),
    ]


def test_a_file_that_may_not_be_read_ends_the_load_before_anything_is_stored(
    web: Landing, monkeypatch: pytest.MonkeyPatch
) -> None:
    web.put("web/a.jsonl", GOOD)
    web.put("web/ann@maple.example/b.jsonl", lines(call(messageId="m2")))
    opened = Path.open

    def refuse(path: Path, *how: str) -> object:
        if path.name == "b.jsonl":
            raise PermissionError(13, "Permission denied")
        return opened(path, *how)

    monkeypatch.setattr(Path, "open", refuse)  # the tests may run as root, who may read all

    with pytest.raises(
        UnreadableFileError, match=r"^web/\*@\*/b\.jsonl cannot be read: Permission denied"
    ) as raised:
        web.load()
    assert web.counts() == []
    assert "maple" not in str(raised.value)


@pytest.mark.parametrize("blank", ["", " ", "\t", "\u00a0", "\u200b\ufeff", "\u3000 \u2029"])
def test_an_id_of_blanks_is_no_id(web: Landing, blank: str) -> None:
    one, other = call(messageId=blank, event="One"), call(messageId=blank, event="Other")
    nobody = call(messageId="m3", anonymousId=blank)
    web.put("web/a.jsonl", lines(one, other, nobody))

    web.load()

    assert web.values("select event from raw.events order by event") == ["One", "Other"]
    assert web.codes() == [(3, "no_identity")]
