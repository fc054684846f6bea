from __future__ import annotations

import stat
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pytest

from orchestration.export import export_table
from warehouse import DuckDBWarehouse


@pytest.fixture
def warehouse() -> DuckDBWarehouse:
    made = DuckDBWarehouse.in_memory()
    made.execute("create schema marts")
    made.execute("create table marts.profiles as select 'p1' as person_id")
    return made


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_an_export_is_its_owners_alone(
    warehouse: DuckDBWarehouse, tmp_path: Path, suffix: str
) -> None:
    out = tmp_path / f"profiles{suffix}"

    rows = export_table(warehouse, "marts.profiles", out)

    assert rows == 1
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [out]


def test_an_export_that_fails_leaves_nothing_and_was_private(
    warehouse: DuckDBWarehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    modes: list[int] = []

    def fail_midway(rows: pa.Table, path: Path) -> None:
        with path.open("w") as file:
            file.write("person_id")
        modes.append(stat.S_IMODE(path.stat().st_mode))
        raise OSError("the disk is full")

    monkeypatch.setattr(pyarrow.csv, "write_csv", fail_midway)

    with pytest.raises(OSError, match="the disk is full"):
        export_table(warehouse, "marts.profiles", tmp_path / "profiles.csv")

    assert modes == [0o600]
    assert list(tmp_path.iterdir()) == []
