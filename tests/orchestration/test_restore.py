"""What a backup refuses, and what a home that is being restored refuses."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest

from orchestration.company import Company
from orchestration.erasure import add_hold, release_hold
from orchestration.errors import RestoreUnfinishedError
from orchestration.restore import finish_restore, restore_backup
from orchestration.restore_mark import (
    refuse_erased_persons,
    refuse_unfinished_restore,
    write_mark,
)
from privacy import PersonalNoteError
from settings import Paths
from tests.command_line import Answer
from tests.conftest import ROOT

Candor = Callable[..., Answer]
BACKUP = "20261129T030000Z"


@pytest.fixture
def folders(tmp_path: Path) -> list[str]:
    """A configuration with backups, and a home that nothing ran in yet."""
    _configure(tmp_path, tmp_path / "backups")
    return ["--config", str(tmp_path / "config"), "--home", str(tmp_path / "home")]


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths.resolve({}, config=tmp_path / "config", home=tmp_path / "home")


def _configure(folder: Path, backups: Path) -> None:
    shutil.copytree(ROOT / "config", folder / "config")
    with (folder / "config" / "retention.yml").open("a") as stream:
        stream.write(f"\nbackups: {{folder: {backups}}}\n")


@pytest.fixture
def kept(candor: Candor, folders: list[str], paths: Paths) -> str:
    """The name of a backup of an empty warehouse with keys."""
    with Company(paths).open_warehouse():
        pass
    made = candor("backup", "create", *folders)
    assert made.code == 0, made.err
    (backup,) = json.loads(candor("backup", "list", "--json", *folders).out)
    return str(backup["name"])


def test_without_a_folder_it_says_where_to_name_one(candor: Candor, tmp_path: Path) -> None:
    refused = candor("backup", "list", "--home", tmp_path)

    assert refused.code == 3
    assert "backups: {folder:" in refused.err


def test_a_folder_inside_the_home_is_refused(candor: Candor, paths: Paths, tmp_path: Path) -> None:
    _configure(tmp_path, paths.home / "backups")
    refused = candor("backup", "list", "--config", paths.config, "--home", paths.home)

    assert refused.code == 3
    assert "lies inside" in refused.err


def test_a_relative_folder_is_refused(candor: Candor, paths: Paths, tmp_path: Path) -> None:
    _configure(tmp_path, Path("backups"))
    refused = candor("backup", "list", "--config", paths.config, "--home", paths.home)

    assert refused.code == 3
    assert "not absolute" in refused.err


def test_a_folder_that_cannot_be_made_or_written_is_named(
    candor: Candor, paths: Paths, tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    _configure(tmp_path, disk / "backups")
    with Company(paths).open_warehouse():
        pass
    given = ("backup", "create", "--config", paths.config, "--home", paths.home)
    unmounted = candor(*given)
    disk.mkdir()
    (disk / "backups").write_text("a file in the way")
    in_the_way = candor(*given)

    assert (unmounted.code, in_the_way.code) == (1, 1)
    for refused in (unmounted, in_the_way):
        assert f"the folder of backups {disk / 'backups'}" in refused.err
        assert "cannot be made" in refused.err


def test_a_home_in_use_is_not_overwritten(candor: Candor, folders: list[str], kept: str) -> None:
    refused = candor("backup", "restore", kept, *folders)

    assert refused.code == 3
    assert "holds a warehouse" in refused.err


def test_without_keys_nothing_is_restored(
    candor: Candor, folders: list[str], paths: Paths, kept: str
) -> None:
    shutil.rmtree(paths.home)
    refused = candor("backup", "restore", kept, *folders)

    assert refused.code == 3
    assert "holds no keys" in refused.err
    assert not paths.warehouse.exists()


def test_without_a_log_nothing_is_restored(
    candor: Candor, folders: list[str], paths: Paths, kept: str
) -> None:
    paths.warehouse.unlink()
    (paths.home.parent / "backups" / "erasures.json").unlink()
    refused = candor("backup", "restore", kept, *folders)

    assert refused.code == 1
    assert "nothing was restored" in refused.err
    assert not paths.warehouse.exists()


def test_a_broken_backup_lets_nothing_run_until_another_is_restored(
    candor: Candor, folders: list[str], paths: Paths, kept: str
) -> None:
    paths.warehouse.unlink()
    (paths.home.parent / "backups" / kept / "home" / "warehouse.duckdb").write_bytes(b"")
    broken = candor("backup", "restore", kept, *folders)
    run = candor("privacy", "retention", *folders)

    assert "missing or were changed" in broken.err
    assert run.code == 3
    assert not paths.warehouse.exists()


def test_an_unknown_backup_names_those_that_are_there(
    candor: Candor, folders: list[str], kept: str
) -> None:
    refused = candor("backup", "restore", BACKUP, *folders)

    assert refused.code == 3
    assert kept in refused.err


def test_an_interrupted_restore_begins_anew(
    candor: Candor, folders: list[str], paths: Paths, kept: str
) -> None:
    (paths.home / "restore.json").write_text(json.dumps({"backup": kept, "request_ids": None}))
    before = candor("backup", "create", *folders)
    done = candor("backup", "restore", kept, *folders)

    assert (before.code, done.code) == (3, 0), done.err
    assert "0 erasures" in done.out
    assert json.loads((paths.home / "restore.json").read_text())["request_ids"] == []


def test_who_decides_is_not_kept_by_an_address(paths: Paths, folders: list[str]) -> None:
    by = "a@maple.example"
    for act in (
        lambda: restore_backup(paths, BACKUP, by=by),
        lambda: add_hold(paths, [], reason="case 7", until_at=None, by=by),
        lambda: release_hold(paths, "hold-1", reason="case 7", by=by),
    ):
        with pytest.raises(PersonalNoteError, match="--by"):
            act()
    assert not paths.home.exists()


def test_a_home_with_erased_persons_opens_for_nothing_else(paths: Paths) -> None:
    paths.make_home()
    mark = paths.home / "restore.json"
    mark.write_text(json.dumps({"backup": BACKUP, "request_ids": None}))
    finish_restore(Company(paths))

    with pytest.raises(RestoreUnfinishedError, match=BACKUP):
        refuse_unfinished_restore(paths)


@pytest.mark.parametrize("job", ["refresh", "publish_audiences", "run_privacy_requests", None])
@pytest.mark.parametrize("ids", [None, ["one"], []], ids=["copying", "erasing", "to be refreshed"])
def test_what_may_run_before_a_restore_is_over(
    paths: Paths, ids: list[str] | None, job: str | None
) -> None:
    paths.make_home()
    write_mark(paths, BACKUP, ids)
    allowed = {"run_privacy_requests": ids is not None, "refresh": ids == []}
    with nullcontext() if allowed.get(str(job)) else pytest.raises(RestoreUnfinishedError):
        refuse_unfinished_restore(paths, job=job)
    with nullcontext() if ids == [] else pytest.raises(RestoreUnfinishedError):
        refuse_erased_persons(paths)


def test_no_run_begins_in_such_a_home(candor: Candor, folders: list[str], paths: Paths) -> None:
    paths.make_home()
    (paths.home / "restore.json").write_text(json.dumps({"backup": BACKUP, "request_ids": None}))
    refused = candor("privacy", "retention", *folders)

    assert refused.code == 3
    assert BACKUP in refused.err
