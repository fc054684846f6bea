"""Old landing files go; what is needed, held or not loaded stays."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pytest

from ingestion import OldFiles, UnknownRetentionSourceError, remove_old_files
from tests.ingestion.conftest import SOURCES, Landing, call, keys, lines

NOW = datetime.fromisoformat("2026-11-24T12:00")
NOBODY = pa.table({"kind": pa.array([], pa.string()), "value": pa.array([], pa.string())})
(EVENTS,) = [name for name, source in SOURCES.items() if "web" in str(source["files"])][:1]


def _remove(landing: Landing, held: pa.Table = NOBODY, days: int = 30) -> OldFiles:
    (outcome,) = remove_old_files(landing.location, {EVENTS: days}, held=held, now=NOW)
    return outcome


def _names(landing: Landing) -> list[str]:
    files = (path for path in landing.folder.rglob("*") if path.is_file())
    return sorted(str(path.relative_to(landing.folder)) for path in files)


def _put(landing: Landing, *days: str, user: str = "u1") -> None:
    for day in days:
        landing.put(f"web/{day}/a.jsonl", lines(call(messageId=f"{user} {day}", userId=user)))


def test_files_of_old_days_go_with_their_folder_and_rows_stay(landing: Landing) -> None:
    _put(landing, "2026-08-01", "2026-10-25", "2026-11-20")
    landing.load()

    outcome = _remove(landing)

    assert outcome == OldFiles(EVENTS, 30, deleted=1, held=0, unread=0)
    assert _names(landing) == ["web/2026-10-25/a.jsonl", "web/2026-11-20/a.jsonl"]
    assert not (landing.folder / "web/2026-08-01").exists()
    assert landing.warehouse.scalar("select count(*) from raw.events") == 3


def test_the_rows_stay_also_when_what_is_left_is_loaded_again(landing: Landing) -> None:
    _put(landing, "2026-08-01", "2026-11-20")
    landing.load()
    _remove(landing)

    landing.load()

    assert landing.warehouse.scalar("select count(*) from raw.events") == 2


def test_the_newest_file_stays_whatever_its_age(landing: Landing) -> None:
    _put(landing, "2025-01-01", "2025-01-02")
    landing.load()

    assert _remove(landing).deleted == 1
    assert _names(landing) == ["web/2025-01-02/a.jsonl"]


def test_a_file_without_a_date_in_its_path_is_as_old_as_its_last_change(landing: Landing) -> None:
    for name, written in (("old", "2026-01-01"), ("new", "2026-11-20")):
        path = landing.put(f"web/{name}.jsonl", lines(call(messageId=name)))
        moment = datetime.fromisoformat(f"{written}T12:00+00:00").timestamp()
        os.utime(path, (moment, moment))
    landing.load()

    _remove(landing)

    assert _names(landing) == ["web/new.jsonl"]


def test_what_was_not_loaded_stays(landing: Landing) -> None:
    _put(landing, "2026-11-20")
    landing.load()
    _put(landing, "2026-08-01")

    assert _remove(landing) == OldFiles(EVENTS, 30, deleted=0, held=0, unread=1)


def test_a_file_that_names_somebody_under_a_hold_stays(landing: Landing) -> None:
    _put(landing, "2026-08-01", "2026-11-20")
    _put(landing, "2026-08-02", user="ann-7")
    landing.load()

    outcome = _remove(landing, keys(user_id="ann-7"))

    assert outcome == OldFiles(EVENTS, 30, deleted=1, held=1, unread=0)
    assert "web/2026-08-02/a.jsonl" in _names(landing)


def test_a_file_that_could_not_be_read_stays(landing: Landing) -> None:
    _put(landing, "2026-11-20")
    broken = landing.put("web/2026-08-01/a.jsonl.gz", b"")
    broken.write_bytes(b"\x1f\x8b no gzip")
    landing.load()

    outcome = _remove(landing)

    assert landing.codes() == [(None, "unreadable_file")]
    assert (outcome.deleted, outcome.unread, broken.exists()) == (0, 1, True)


def test_files_that_are_not_ours_to_change_stay(landing: Landing) -> None:
    landing.sources = {**SOURCES, EVENTS: {**SOURCES[EVENTS], "erase": "report"}}
    _put(landing, "2026-08-01", "2026-11-20")
    landing.load()

    assert _remove(landing).deleted == 0
    assert len(_names(landing)) == 2


def test_a_file_that_may_not_be_removed_stops_no_other(
    landing: Landing, monkeypatch: pytest.MonkeyPatch
) -> None:
    _put(landing, "2026-08-01", "2026-08-02", "2026-11-20")
    landing.load()
    remove = Path.unlink

    def unlink(path: Path) -> None:
        if "08-01" in str(path):
            raise PermissionError(13, "read-only")
        remove(path)

    monkeypatch.setattr(Path, "unlink", unlink)

    outcome = _remove(landing)

    assert outcome == OldFiles(EVENTS, 30, deleted=1, held=0, unread=0, failed=1)
    assert _names(landing) == ["web/2026-08-01/a.jsonl", "web/2026-11-20/a.jsonl"]


def test_a_source_that_does_not_exist_stops_it(landing: Landing, tmp_path: Path) -> None:
    _put(landing, "2026-08-01", "2026-11-20")
    landing.load()

    with pytest.raises(UnknownRetentionSourceError, match="nosuch"):
        remove_old_files(landing.location, {EVENTS: 30, "nosuch": 1}, held=NOBODY, now=NOW)

    assert len(_names(landing)) == 2
