"""The test company in a fresh folder."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.privacy.company import Company, found_company
from warehouse import DuckDBWarehouse


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of the company, made once: copying it takes a tenth of the time."""
    home = tmp_path_factory.mktemp("founded") / "home"
    home.mkdir()
    with DuckDBWarehouse.open(home / "warehouse.duckdb") as warehouse:
        found_company(home, warehouse)
    return home


@pytest.fixture
def company(founded: Path, tmp_path: Path) -> Iterator[Company]:
    home = tmp_path / "home"
    shutil.copytree(founded, home)
    with DuckDBWarehouse.open(home / "warehouse.duckdb") as warehouse:
        yield Company(warehouse, home)
