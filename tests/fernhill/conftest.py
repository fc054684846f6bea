"""One full run on Fernhill's files, which all tests of this folder share."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.command_line import run_candor
from tests.conftest import ROOT
from warehouse import DuckDBWarehouse

# As every secret that the company could need stands in the environment of its run.
SECRET = "sk-canary-0815"
SECRETS = ("CANDOR_WEBHOOK_SECRET", "HUBSPOT_TOKEN", "SF_CLIENT_SECRET", "DATABASE_URL")


@dataclass(frozen=True, slots=True)
class Run:
    """What ``candor run --json`` said."""

    home: Path
    outcome: dict[str, object]


@pytest.fixture(scope="session")
def fernhill(shared_data: Path) -> Path:
    return shared_data / "fernhill"


@pytest.fixture(scope="session")
def run(fernhill: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    home = tmp_path_factory.mktemp("fernhill") / "home"
    config = ROOT / "tests" / "fernhill" / "config"
    with pytest.MonkeyPatch.context() as environment:
        for name in SECRETS:
            environment.setenv(name, SECRET)
        output = run_candor(
            "run", "--json", "--config", str(config), "--home", str(home),
            "--landing", str(fernhill),
        )  # fmt: skip
    return Run(home, json.loads(output))


@pytest.fixture
def warehouse(run: Run) -> Iterator[DuckDBWarehouse]:
    with DuckDBWarehouse.open(run.home / "warehouse.duckdb") as opened:
        yield opened
