"""The disk is full at the n-th thing that is asked of it: what was there can be read, and work goes on."""

from __future__ import annotations

import contextlib
import itertools
import shutil
from pathlib import Path

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
        if not disk.has_refused:
            break

    assert n > 4
    assert path.read_bytes() == b"new " * 500


def test_an_erasure_goes_on_wherever_the_disk_was_full(
    company: Company, founded: Path, tmp_path: Path
) -> None:
    company.ask(("email", ANN, "raw"))
    stopped = 0

    for n in (1, 2, 3, 5, 8, 13, 21, 34, 55, 89):
        with full_disk(n) as disk, contextlib.suppress(OSError):
            blocked = company.erase().blocked
            assert not blocked or "No space left on device" in str(blocked)
        if not disk.has_refused:
            break
        stopped += 1

    assert not disk.has_refused
    assert stopped > 4
    assert len(company.rows("privacy.receipts")) == 1
    shutil.copytree(founded, tmp_path / "undisturbed")
    with DuckDBWarehouse.open(tmp_path / "undisturbed" / "warehouse.duckdb") as warehouse:
        undisturbed = Company(warehouse, tmp_path / "undisturbed")
        undisturbed.ask(("email", ANN, "raw"))
        undisturbed.erase()
        for table in PEOPLE:
            assert company.rows(table) == undisturbed.rows(table)
