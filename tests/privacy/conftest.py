"""The test company in a fresh folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.privacy.company import Company, found_company
from warehouse import DuckDBWarehouse


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Company]:
    home = tmp_path / "home"
    home.mkdir()
    with DuckDBWarehouse.open(home / "warehouse.duckdb") as warehouse:
        yield found_company(home, warehouse)
