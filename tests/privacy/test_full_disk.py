"""The disk is full at the n-th thing that is asked of it: what was there can be read, and work goes on."""

from __future__ import annotations

import contextlib
import itertools
import shutil
from pathlib import Path

import pytest

from privacy.storage import write_private
from tests.full_disk import full_disk
from tests.privacy.company import ANN, PEOPLE, Company
from warehouse import DuckDBWarehouse


def test_a_private_file_is_the_old_one_or_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "signing.json"
    write_private(path, b"old " * 500)

    for n in itertools.count(1):
        with full_disk(n) as disk, contextlib.suppress(OSError):
            write_private(path, b"new " * 500)
        assert path.read_bytes() in {b"old " * 500, b"new " * 500}
        assert list(path.parent.iterdir()) == [path]  # half of a new one may name somebody
        if not disk.has_refused:
            break

    assert n > 4
    assert path.read_bytes() == b"new " * 500


# From a fresh company each: the full trial asks until nothing is refused any more.
MOMENTS = {"sample": (5, 28, 10_000), "full": range(1, 10_001)}


def test_an_erasure_goes_on_wherever_the_disk_was_full(
    founded: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    ends = []
    for n in MOMENTS[request.config.getoption("--trials")]:
        home = tmp_path / str(n)
        shutil.copytree(founded, home)
        with DuckDBWarehouse.open(home / "warehouse.duckdb") as warehouse:
            company = Company(warehouse, home)
            company.ask(("email", ANN, "raw"))
            with full_disk(n) as disk, contextlib.suppress(OSError):
                blocked = company.erase().blocked
                assert not blocked or "No space left on device" in str(blocked)
        # As the next run: a warehouse whose copy could not take its place is closed for good.
        with DuckDBWarehouse.open(home / "warehouse.duckdb") as warehouse:
            company = Company(warehouse, home)
            company.erase()
            assert len(company.rows("privacy.receipts")) == 1
            ends.append({table: company.rows(table) for table in PEOPLE})
        shutil.rmtree(home)
        if not disk.has_refused:
            break

    assert not disk.has_refused
    assert len(ends) > 1
    assert all(end == ends[-1] for end in ends)
