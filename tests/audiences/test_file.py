"""The file destination: what it writes is whole, private, harmless and can be read back."""

from __future__ import annotations

import csv
import datetime as dt
import json
import os
import stat
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from audiences import DestinationUnavailableError, compute_memberships
from audiences.sync import OldChanges, Sync, open_destination, remove_old_changes, run_sync
from audiences.sync.config import DestinationsConfig, FileSettings, Identifier
from audiences.sync.destinations import Batch, FileDestination
from audiences.sync.destinations.base import place_of
from audiences.sync.destinations.file import _Folder
from tests.audiences.conftest import EVERYONE, NOW, Company, audience

EMAIL = Identifier(type="email", form="raw")
SYNC = Sync("to_files", "everyone", "files", "mirror", (EMAIL,), ("country", "download_count"))

PLACES = {
    "files": {"kind": "file", "folder": ".", "legal_basis": "a test"},
    "hook": {"kind": "webhook", "url": "https://hooks.example/x", "secret_env": "S", "legal_basis": "a test"},
}  # fmt: skip
CONFIG = DestinationsConfig.model_validate({"destinations": PLACES, "syncs": {}})


def _no_sleep(_seconds: float) -> None:
    raise AssertionError("a file never waits")


def _batch(rows: list[tuple[str, str, Any]], batch_id: str = "b_1") -> Batch:
    ids, operations, values = zip(*rows, strict=True)
    table = pa.table(
        {"row_id": pa.array(ids), "operation": pa.array(operations),
         "payload": pa.nulls(len(rows), pa.string()), "name": pa.array(values, pa.string())}
    )  # fmt: skip
    return Batch(batch_id, "to_files", "everyone", ("name",), table)


def _put(files: FileDestination, rows: list[tuple[str, str, Any]], batch_id: str = "b_1") -> None:
    files.send(files.plan(_batch(rows, batch_id)), sleep=_no_sleep)


def _current(folder: Path) -> list[dict[str, str]]:
    with (folder / "to_files" / "current.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def files(tmp_path: Path) -> FileDestination:
    return FileDestination("files", tmp_path)


def test_the_members_are_mirrored_and_each_change_is_kept(
    files: FileDestination, tmp_path: Path
) -> None:
    _put(files, [("r_1", "add", "Ann"), ("r_2", "add", "Bea")])
    _put(files, [("r_1", "remove", None), ("r_2", "change", "Beate")], "b_2")

    assert _current(tmp_path) == [{"row_id": "r_2", "name": "Beate"}]
    assert sorted(p.name for p in (tmp_path / "to_files" / "deltas").iterdir()) == [
        "b_1.csv",
        "b_2.csv",
    ]


def test_sending_twice_equals_sending_once(files: FileDestination, tmp_path: Path) -> None:
    for _ in range(2):
        _put(files, [("r_1", "add", "Ann"), ("r_2", "add", "Bea")])

    assert [row["row_id"] for row in _current(tmp_path)] == ["r_1", "r_2"]


@pytest.mark.parametrize(
    "value",
    [
        "=cmd|'/c calc'!A0", "+SUM(A1)", "-2+3+cmd", "@SUM(A1)", "\t=1+1", "\r=1+1", "\n=1+1",
        "\uff1d1+1", "\uff0b1+1", "\uff0d1+1", "\uff20SUM(A1)", "'=1+1",
    ],
)  # fmt: skip
def test_what_a_spreadsheet_would_run_is_made_text_and_can_be_read_back(
    files: FileDestination, tmp_path: Path, value: str
) -> None:
    _put(files, [("r_1", "add", value)])

    (row,) = _current(tmp_path)
    assert row["name"] == f"'{value}"
    assert row["name"].removeprefix("'") == value


@pytest.mark.parametrize(
    "value", ["-12.5", "+3", "-1e5", "Ann", "a=b", "O'Hara", 'say "x"', "a\nb"]
)
def test_what_no_spreadsheet_runs_stays_as_it_is(
    files: FileDestination, tmp_path: Path, value: str
) -> None:
    _put(files, [("r_1", "add", value)])
    _put(files, [("r_2", "add", value)], "b_2")

    assert [row["name"] for row in _current(tmp_path)] == [value, value]


def test_escaping_can_be_turned_off_and_the_manifest_says_which(tmp_path: Path) -> None:
    plain = FileDestination("files", tmp_path, neutralises=False)
    _put(plain, [("r_1", "add", "=1+1")])

    manifest = json.loads((tmp_path / "to_files" / "manifest.json").read_text())
    assert _current(tmp_path)[0]["name"] == "=1+1"
    assert (manifest["formulas"], manifest["current"]["rows"]) == ("keep", 1)


def test_files_are_for_their_owner_alone(files: FileDestination, tmp_path: Path) -> None:
    _put(files, [("r_1", "add", "Ann")])

    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {stat.S_IMODE(path.stat().st_mode) for path in written} == {0o600}
    assert stat.S_IMODE((tmp_path / "to_files").stat().st_mode) == 0o700


def test_an_erased_person_is_in_no_file(files: FileDestination, tmp_path: Path) -> None:
    _put(files, [("r_1", "add", "Ann"), ("r_2", "add", "Bea")])
    _put(files, [("r_1", "change", "Anna")], "b_2")

    files.erase(_batch([("r_1", "erase", None)], "b_3"), sleep=_no_sleep)

    text = "".join(path.read_text() for path in tmp_path.rglob("*.*") if path.is_file())
    assert "r_1" not in text
    assert "Ann" not in text
    assert [row["name"] for row in _current(tmp_path)] == ["Bea"]
    assert files.remembers("to_files")


@pytest.mark.parametrize("damage", ["unlink", "edit"])
def test_a_file_that_was_changed_is_noticed(
    files: FileDestination, tmp_path: Path, damage: str
) -> None:
    _put(files, [("r_1", "add", "Ann")])
    current = tmp_path / "to_files" / "current.csv"
    if damage == "unlink":
        current.unlink()
    else:
        current.write_text(current.read_text() + '"r_9","Eve"\n')

    assert not files.remembers("to_files")


class _KilledError(BaseException):
    """The process dies."""


def _kill_after(writes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    left, write = [writes], _Folder.put

    def dying(*args: Any) -> None:
        if not left[0]:
            raise _KilledError
        left[0] -= 1
        write(*args)

    monkeypatch.setattr(_Folder, "put", dying)


@pytest.mark.parametrize("kills", [(0,), (1,), (2,), (2, 0), (2, 1), (2, 2), (2, 2, 1)])
def test_a_kill_between_two_files_loses_nobody(
    files: FileDestination, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kills: tuple[int, ...]
) -> None:
    _put(files, [(f"r_{number}", "add", "Ann") for number in range(5)])
    for number, writes in enumerate(kills):
        rows: list[tuple[str, str, Any]] = [("r_5", "add", "Bea"), (f"r_{number}", "change", "Eve")]
        with monkeypatch.context() as patch:
            _kill_after(writes, patch)
            with pytest.raises(_KilledError):
                _put(files, rows, f"b_2{number}")
        assert files.remembers("to_files")

    _put(files, [("r_6", "add", "Bea")], "b_9")

    assert {f"r_{number}" for number in range(5)} < {row["row_id"] for row in _current(tmp_path)}
    manifest = json.loads((tmp_path / "to_files" / "manifest.json").read_text())
    assert manifest["current"]["rows"] == len(_current(tmp_path))
    assert "pending" not in manifest


@pytest.mark.parametrize("is_erasure", [True, False])
def test_who_is_taken_from_a_file_that_was_changed_leaves_no_valid_manifest(
    files: FileDestination, tmp_path: Path, is_erasure: bool
) -> None:
    _put(files, [("r_1", "add", "Ann"), ("r_2", "add", "Bea")])
    current = tmp_path / "to_files" / "current.csv"
    current.write_text(current.read_text() + '"r_9","Eve"\n')

    if is_erasure:
        files.erase(_batch([("r_1", "erase", None)], "b_2"), sleep=_no_sleep)
    else:
        _put(files, [("r_1", "remove", None)], "b_2")

    assert [row["row_id"] for row in _current(tmp_path)] == ["r_2", "r_9"]
    assert not files.remembers("to_files")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"current": null}', "\\udcff"])
def test_a_manifest_of_somebody_else_is_as_if_none_were_there(
    files: FileDestination, tmp_path: Path, text: str
) -> None:
    _put(files, [("r_1", "add", "Ann")])
    manifest = tmp_path / "to_files" / "manifest.json"
    manifest.write_text(text)

    assert not files.remembers("to_files")
    _put(files, [("r_1", "add", "Ann")], "b_2")
    assert files.remembers("to_files")


def test_a_folder_that_cannot_be_written_is_told_by_its_kind(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file where the folder should be")

    with pytest.raises(DestinationUnavailableError, match=r"NotADirectory|FileExists"):
        _put(FileDestination("files", tmp_path / "taken"), [("r_1", "add", "Ann")])


def test_a_whole_sync_writes_the_members_with_their_traits(
    company: Company, files: FileDestination, tmp_path: Path
) -> None:
    company.person("ann", country="US", download_count=3)
    company.person("bea", country='=HYPERLINK("x")')
    compute_memberships(company.warehouse, [audience(EVERYONE)], run_id="r1", now=NOW)

    run_sync(company.warehouse, SYNC, files, run_id="r1", now=NOW, sleep=_no_sleep)

    found = {row["email"]: (row["country"], row["download_count"]) for row in _current(tmp_path)}
    assert found == {
        "ann@mail.example": ("US", "3"),
        "bea@mail.example": ('\'=HYPERLINK("x")', ""),
    }


def test_a_lost_file_is_written_again_with_everyone(
    company: Company, files: FileDestination, tmp_path: Path
) -> None:
    company.people(3)
    compute_memberships(company.warehouse, [audience(EVERYONE)], run_id="r1", now=NOW)
    for run in ("r1", "r2"):
        run_sync(company.warehouse, SYNC, files, run_id=run, now=NOW, sleep=_no_sleep)
        if run == "r1":
            (tmp_path / "to_files" / "current.csv").unlink()

    assert len(_current(tmp_path)) == 3


def test_changes_are_kept_as_long_as_they_may_and_the_members_stay(
    company: Company, files: FileDestination, tmp_path: Path
) -> None:
    later = [NOW + dt.timedelta(days=30 * number) for number in range(3)]
    for number, now in enumerate(later):
        company.person("held" if number == 1 else f"p{number}")
        compute_memberships(company.warehouse, [audience(EVERYONE)], run_id="r", now=now)
        run_sync(
            company.warehouse, SYNC, files, run_id=f"r{number}", now=now, sleep=_no_sleep
        )  # fmt: skip
    folder = tmp_path / "to_files" / "deltas"
    (folder / "notes.csv").write_text("not ours\n")
    (folder / "b_unknown.csv").write_text("of a batch that is forgotten\n")
    os.utime(folder / "b_unknown.csv", (0, 0))
    (folder / "b_moved.csv").symlink_to(tmp_path / "moved away")
    os.utime(folder / "b_moved.csv", (0, 0), follow_symlinks=False)
    before = _current(tmp_path)

    def enforce(*held: str) -> OldChanges:
        (found,) = remove_old_changes(
            company.warehouse, CONFIG, artifacts=tmp_path, before=later[2], held=held
        )
        return found

    during, after = enforce("held"), enforce()

    assert (during.deleted, during.held, during.failed) == (1, 3, 0)
    assert (after.deleted, after.held) == (3, 0)
    made = {row["batch_id"]: row["created_at"] for row in company.rows("sync.batches")}
    left = sorted(path.stem for path in folder.iterdir() if path.stem in made)
    assert [made[name] for name in left] == later[2:]
    assert (folder / "notes.csv").exists()
    assert _current(tmp_path) == before
    assert files.remembers("to_files")


@pytest.mark.parametrize("call", ["lstat", "unlink"])
@pytest.mark.parametrize(("error", "failed"), [(FileNotFoundError, 0), (PermissionError, 1)])
def test_a_file_of_changes_that_cannot_be_had_ends_nothing(
    company: Company,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    call: str,
    error: type[OSError],
    failed: int,
) -> None:
    folder = tmp_path / "to_files" / "deltas"
    folder.mkdir(parents=True)
    for name in ("b_first", "b_other"):
        (folder / f"{name}.csv").touch()
        os.utime(folder / f"{name}.csv", (0, 0))
    as_ever = getattr(Path, call)

    def broken(path: Path) -> object:
        if path.stem == "b_first":
            raise error
        return as_ever(path)

    monkeypatch.setattr(Path, call, broken)
    (found,) = remove_old_changes(
        company.warehouse, CONFIG, artifacts=tmp_path, before=NOW, held=()
    )

    assert (found.deleted, found.held, found.failed) == (1, 0, failed)


def test_what_a_kill_left_half_written_is_removed_by_an_erasure(
    files: FileDestination, tmp_path: Path
) -> None:
    _put(files, [("r_1", "add", "Ann"), ("r_2", "add", "Bea")])
    for place in (".current.csv.partial", "deltas/.b_1.csv.partial"):
        (tmp_path / "to_files" / place).write_text("row_id,name\nr_1,Ann\n")

    files.erase(_batch([("r_1", "remove", None)], "b_2"), sleep=_no_sleep)

    assert list(tmp_path.rglob("*.partial")) == []


def test_a_data_home_that_is_moved_takes_its_folders_along(tmp_path: Path) -> None:
    def place(home: str, folder: str) -> str | None:
        settings = FileSettings(kind="file", folder=folder, legal_basis="inside the company")
        made = open_destination(
            "files", settings, artifacts=tmp_path / home, environment={}, clock=lambda: NOW
        )
        return place_of(made)

    assert place("here", "out") == place("there", "out")
    assert place("here", "out") != place("here", "elsewhere")
