"""Each mistake gives one clear message, an exit code other than 0, and leaves nothing behind."""

from __future__ import annotations

import multiprocessing
import shutil
import subprocess
import sys
from collections.abc import Callable
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from orchestration.cli.exits import BUSY, exit_code
from orchestration.cli.output import print_rows
from orchestration.run_lock import hold_run_lock
from tests.command_line import Answer
from tests.conftest import ROOT
from warehouse import DuckDBWarehouse, WarehouseBusyError

pytestmark = pytest.mark.warehouse

Candor = Callable[..., Answer]

SOURCES = """\
sources:
  contacts:
    kind: person_records
    files: contacts.csv
    id: Id
    map: {email: Email}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration that is all good but names a file that a test must write."""
    folder = tmp_path / "config"
    folder.mkdir()
    (folder / "sources.yml").write_text(SOURCES)
    shutil.copyfile(ROOT / "config" / "consent.yml", folder / "consent.yml")
    return folder


@pytest.fixture
def landing(tmp_path: Path) -> Path:
    folder = tmp_path / "landing"
    folder.mkdir()
    return folder


def test_all_configuration_files_are_told_together(
    candor: Candor, config: Path, tmp_path: Path
) -> None:
    (config / "sources.yml").write_text(SOURCES.replace("files:", "flies:"))
    (config / "retention.yml").write_text("evnts: 1\n")
    (config / "identity.yml").write_text("- a\n")

    answer = candor("run", "--config", config, "--home", tmp_path / "home")

    assert answer.code == 3
    assert [answer.err.count(f"{name}.yml cannot be used") for name in
            ("sources", "retention", "identity")] == [1, 1, 1]  # fmt: skip
    assert not (tmp_path / "home").exists()


def test_a_source_that_is_trusted_and_not_there_is_refused(
    candor: Candor, config: Path, tmp_path: Path
) -> None:
    (config / "survivorship.yml").write_text("source_priority: [contcts]\n")

    answer = candor("run", "--config", config, "--home", tmp_path / "home")

    assert answer.code == 3
    assert "did you mean 'contacts'?" in answer.err


def test_an_unknown_key_is_named_with_its_line_and_what_is_allowed(
    candor: Candor, config: Path, tmp_path: Path
) -> None:
    (config / "sources.yml").write_text(SOURCES.replace("files:", "flies:"))

    answer = candor("run", "--config", config, "--home", tmp_path / "home")

    assert answer.code == 3
    assert "line 4" in answer.err
    assert "did you mean 'files'" in answer.err
    assert not (tmp_path / "home" / "warehouse.duckdb").exists()


def test_a_missing_configuration_says_how_to_make_one(candor: Candor, tmp_path: Path) -> None:
    answer = candor("run", "--config", tmp_path / "nowhere", "--home", tmp_path / "home")

    assert answer.code == 3
    assert answer.err.count("candor init") == 1


def test_a_missing_file_names_the_source_and_the_folder(
    candor: Candor, config: Path, landing: Path, tmp_path: Path
) -> None:
    answer = _run(candor, config, landing, tmp_path)
    nowhere = _run(candor, config, tmp_path / "typo", tmp_path)

    assert (answer.code, nowhere.code) == (3, 3)
    assert "source 'contacts': no file matches 'contacts.csv'" in answer.err
    assert "optional: true" in answer.err
    assert f"there is no landing folder {tmp_path / 'typo'}" in nowhere.err
    assert not (tmp_path / "home").exists()  # told before anything begins


def test_a_wrong_column_is_named_with_those_that_are_there(
    candor: Candor, config: Path, landing: Path, tmp_path: Path
) -> None:
    (landing / "contacts.csv").write_text("Id,Mail\n1,a@b.example\n")

    answer = _run(candor, config, landing, tmp_path)

    assert answer.code == 3
    assert "no column 'Email'; the file has Id, Mail" in answer.err
    assert _rows(tmp_path) == 0


def test_a_file_that_is_none_of_its_kind_is_set_aside_and_said(
    candor: Candor, config: Path, landing: Path, tmp_path: Path
) -> None:
    (config / "sources.yml").write_text(SOURCES.replace("contacts.csv", "contacts.parquet"))
    (landing / "contacts.parquet").write_bytes(b"this is no Parquet file")

    answer = _run(candor, config, landing, tmp_path)

    assert answer.code == 1
    assert "contacts.parquet cannot be read: repair or remove it" in answer.err
    assert _rows(tmp_path) == 0


def test_an_empty_source_is_named_before_anything_is_computed_from_it(
    candor: Candor, config: Path, landing: Path, tmp_path: Path
) -> None:
    (landing / "contacts.csv").write_text("Id,Email\n")

    answer = _run(candor, config, landing, tmp_path)

    assert answer.code == 3
    assert "source 'contacts': the files hold no row" in answer.err
    assert "ingestion.errors" not in answer.err
    assert _rows(tmp_path) == 0


def test_a_home_in_use_is_refused_with_the_name_of_its_holder(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    context = multiprocessing.get_context("spawn")
    held, done = context.Event(), context.Event()
    holder = context.Process(target=_hold, args=(tmp_path / "home", held, done))
    holder.start()
    try:
        assert held.wait(30)
        with (
            pytest.raises(WarehouseBusyError, match=f"process {holder.pid}") as refused,
            hold_run_lock(tmp_path / "home", wait_s=0.2),
        ):
            pass
    finally:
        done.set()
        holder.join()

    assert exit_code(refused.value) == BUSY


def test_a_python_that_is_too_old_or_too_new_is_refused_by_make(tmp_path: Path) -> None:
    """The Makefile's own check runs, in an interpreter that says that it is 3.9."""
    old = 'import sys; sys.version_info = (3, 9, 1); sys.version = "3.9.1"; exec(sys.argv[1])'
    fake = tmp_path / "python3.9"
    fake.write_text(f"#!/bin/sh\nexec {sys.executable} -c '{old}' \"$2\"\n")
    fake.chmod(0o755)
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copyfile(ROOT / name, tmp_path / name)

    done = subprocess.run(
        ["make", "install", f"PYTHON={fake}"], cwd=tmp_path, capture_output=True, text=True, check=False
    )  # fmt: skip

    assert done.returncode != 0
    assert f"needs Python 3.11, 3.12 or 3.13; {fake} is 3.9.1" in done.stderr
    assert not (tmp_path / ".venv").exists()


def _run(candor: Candor, config: Path, landing: Path, tmp_path: Path) -> Answer:
    return candor("run", "--config", config, "--home", tmp_path / "home", "--landing", landing)


def _rows(tmp_path: Path) -> int:
    with DuckDBWarehouse.open(tmp_path / "home" / "warehouse.duckdb") as warehouse:
        return int(warehouse.scalar("select count(*) from raw.person_records"))


def _hold(home: Path, held: Event, done: Event) -> None:
    with hold_run_lock(home):
        held.set()
        done.wait(60)


def test_an_unknown_job_is_answered_with_those_that_are_there(
    candor: Candor, config: Path, landing: Path, tmp_path: Path
) -> None:
    answer = candor("run", "--job", "nosuch", "--config", config, "--home", tmp_path / "home")

    assert answer.code == 3
    assert "no job 'nosuch'; jobs: " in answer.err
    assert "refresh" in answer.err


def test_values_are_printed_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows("Files", [{"file": "crm[final].csv [/old]"}])

    assert "crm[final].csv [/old]" in capsys.readouterr().out


def test_a_home_that_is_not_there_is_not_made_by_looking_at_it(
    candor: Candor, tmp_path: Path
) -> None:
    answer = candor("status", "--home", tmp_path / "typo")

    assert answer.code == 3
    assert "no data home" in answer.err
    assert not (tmp_path / "typo").exists()
