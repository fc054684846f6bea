from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from orchestration.company import READER_WAIT_S, RUN_WAIT_S, Company
from orchestration.progress import listening
from orchestration.resources import CandorResource
from orchestration.setup import write_configuration
from settings import Paths
from tests.conftest import ROOT
from warehouse import WarehouseBusyError

HOLD = """
import pathlib, sys
from warehouse import hold_lock
with hold_lock(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.readline()
"""


def _company(home: Path, wait_s: float) -> Company:
    return Company(Paths.resolve({}, config=ROOT / "config", home=home), wait_s)


def _holding(company: Company) -> subprocess.Popen[str]:
    """Another process that holds the warehouse until it is told to let go."""
    company.paths.make_home()
    command = [sys.executable, "-c", HOLD, str(company.paths.warehouse)]
    other = subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout is not None
    assert other.stdout.readline() == "held\n"
    return other


def test_whoever_waits_for_the_warehouse_is_told_for_whom(tmp_path: Path) -> None:
    company = _company(tmp_path / "home", 60)
    said: list[str] = []
    with _holding(company) as other:

        def listen(step: str, _share: float | None) -> None:
            said.append(step)
            assert other.stdin is not None
            other.stdin.close()  # now it lets go

        with listening(listen), company.open_warehouse() as warehouse:
            assert warehouse.scalar("select 1") == 1

    assert len(said) == 1
    assert said[0].startswith(f"Waiting up to 60 s for process {other.pid} ")


def test_the_wait_for_the_warehouse_ends(tmp_path: Path) -> None:
    company = _company(tmp_path / "home", 0.2)
    with _holding(company) as other:
        with pytest.raises(WarehouseBusyError), company.lend_warehouse_file():
            pass
        other.communicate("")


def test_a_run_waits_longer_than_a_reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANDOR_HOME", str(tmp_path / "home"))

    with CandorResource().yield_for_execution(dg.build_init_resource_context()) as resource:
        assert resource.company.wait_s == RUN_WAIT_S

    assert Company.from_environment().wait_s == READER_WAIT_S


def test_a_new_configuration_names_nothing_that_only_the_sample_company_has(tmp_path: Path) -> None:
    write_configuration(tmp_path / "config")
    company = Company(Paths.resolve({}, config=tmp_path / "config"))

    company.check_configuration()

    assert not company.consent.customer_id_sources
    assert not company.consent.request_files
    assert "# request_files:" in (tmp_path / "config" / "consent.yml").read_text()
