"""What lies in a file of rows beside its rows, told from what is of them."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from privacy import verify
from privacy.bytescan import ByteScanner
from privacy.needles import Needles
from privacy.scan_files import FileScanner
from privacy.stored_rows import take_out_deleted, warehouse_contents
from privacy.verify import ScanReport, scan_home
from warehouse import DuckDBWarehouse

VALUE = "margaret.hale@river.example"


def _rows_file(path: Path, rows: Sequence[Sequence[str]]) -> None:
    """Rows in a file whose bytes do not say where a value ends."""
    if path.suffix == ".parquet":
        columns = {
            f"c{number}": list(column) for number, column in enumerate(zip(*rows, strict=True))
        }
        pq.write_table(pa.table(columns), path, compression="none")
        return
    if path.suffix == ".duckdb":
        with DuckDBWarehouse.open(path) as stored:
            stored.execute("create table t (a varchar, b varchar, c varchar)")
            for row in rows:
                stored.execute(f"insert into t values {tuple(row)}")
            stored.compact()
        return
    with closing(sqlite3.connect(path)) as stored:
        stored.execute("pragma secure_delete = off")
        stored.execute("create table t (a text, b text unique, c text)")
        stored.executemany("insert into t values (?, ?, ?)", rows)
        stored.commit()


def _hits(path: Path, value: str, *others: str) -> int:
    scanner = ByteScanner.of(Needles(frozenset({value}), frozenset(others)))
    return FileScanner(scanner).scan(path, path.parent).hits


def test_a_longer_address_that_nobody_knows_is_none_in_the_file_that_stores_it(
    tmp_path: Path,
) -> None:
    """Bytes of rows do not say where a value ends; a copy of the rows alone has the same."""
    longer = f"anna{VALUE}"
    rows = [("Ben", longer, "x"), ("Zoe", f"{VALUE}.uk", "retail"), ("z", "z", f"to {VALUE}.uk.")]
    for name in ("rows.parquet", "rows.sqlite", "rows.duckdb", "w.duckdb"):
        _rows_file(tmp_path / name, rows)
        assert VALUE.encode() in (tmp_path / name).read_bytes()
        assert (_hits(tmp_path / name, VALUE), _hits(tmp_path / name, longer) > 0) == (0, True)
    with DuckDBWarehouse.open(tmp_path / "w.duckdb") as warehouse:
        needles = Needles(frozenset({VALUE}))
        report = scan_home(warehouse, [tmp_path], needles, warehouse_file=tmp_path / "w.duckdb")

    assert report.is_clean, report


def test_what_lies_in_the_warehouse_beside_its_rows_is_a_trace(tmp_path: Path) -> None:
    _rows_file(tmp_path / "w.duckdb", [("Ben", f"anna{VALUE}", "x")])
    with (tmp_path / "w.duckdb").open("ab") as stream:
        stream.write(f"Mary Jo{VALUE}retail".encode())
    with DuckDBWarehouse.open(tmp_path / "w.duckdb") as warehouse:
        needles = Needles(frozenset({VALUE}))
        report = scan_home(warehouse, [tmp_path], needles, warehouse_file=tmp_path / "w.duckdb")

    assert [trace.rows for trace in report.traces] == [1]


@pytest.mark.parametrize(
    ("value", "live", "gone"),
    [
        ("ann@river.co", ("Ben", "ann@river.com", "x"), ("Ann", "ann@river.co", "marketing")),
        ("ann@river.com", ("Ben", "joann@river.com", "x"), ("Mary Jo", "ann@river.com", "retail")),
    ],
)  # fmt: skip
def test_what_was_deleted_is_a_trace_beside_a_longer_address_in_the_rows(
    tmp_path: Path, value: str, live: Sequence[str], gone: Sequence[str]
) -> None:
    _rows_file(tmp_path / "rows.sqlite", [live, gone, ("z", "z", "z")])
    with closing(sqlite3.connect(tmp_path / "rows.sqlite")) as stored:
        stored.execute("delete from t where b = ?", (value,))
        stored.commit()
        before = [_hits(tmp_path / "rows.sqlite", value, *others) for others in ((), (live[1],))]
        stored.execute("vacuum")

    assert (min(before) > 0, _hits(tmp_path / "rows.sqlite", value)) == (True, 0)


@pytest.mark.parametrize(
    ("is_ours", "is_deleted", "is_in_the_log"),
    [(True, True, True), (True, True, False), (True, False, True), (False, True, True)],
)
def test_what_was_deleted_goes_from_a_database_of_ours_alone(
    tmp_path: Path,
    is_ours: bool,
    is_deleted: bool,
    is_in_the_log: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As Dagster's are: written ahead in a log, open in this process, and read by nobody just now.

    While a row holds it the file is not laid out anew: that would make others wait, for nothing.
    """
    laid_out: list[Path] = []
    monkeypatch.setattr(
        verify, "take_out_deleted", lambda path: laid_out.append(path) or take_out_deleted(path)
    )
    home, path = tmp_path, tmp_path / "dagster" / "runs.db"
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as dagster:
        dagster.execute("pragma journal_mode = wal")
        dagster.execute("select * from sqlite_master").fetchall()  # has it open from now on
        _rows_file(path, [("Ben", VALUE, "x"), ("z", "z", "z")])
        assert dagster.execute("select count(*) from t").fetchall() == [(2,)]
        if is_deleted:
            dagster.execute("pragma secure_delete = off")
            dagster.execute("delete from t where b = ?", (VALUE,))
            dagster.commit()
        if not is_in_the_log:
            dagster.execute("pragma wal_checkpoint(truncate)")
        report = scan_home(
            DuckDBWarehouse.in_memory(), [home], Needles(frozenset({VALUE})),
            warehouse_file=None, databases=[path.parent] if is_ours else [],
        )  # fmt: skip
        left = dagster.execute("select count(*) from t").fetchall()

    # A log of ours was taken in, so that the trace is in the file itself now.
    named_log = any("db-wal" in trace.location for trace in report.traces)
    assert named_log == (is_in_the_log and not is_ours)
    assert report.is_clean == bool(laid_out) == (is_ours and is_deleted), report
    assert left == [(1 if is_deleted else 2,)]


@pytest.mark.parametrize("linked", ["runs.db", "dagster"])
def test_a_database_that_is_only_linked_among_ours_stays_as_it_is(
    tmp_path: Path, linked: str
) -> None:
    ours, others = tmp_path / "home" / "dagster", tmp_path / "elsewhere"
    for folder in (ours, others):
        folder.mkdir(parents=True)
        if linked != "dagster" or folder == others:
            _with_deleted(folder / "runs.db")
    (others / "runs.db-wal").write_bytes(VALUE.encode())
    link = ours / ("more" if linked == "dagster" else linked)
    link.unlink(missing_ok=True)
    link.symlink_to(others if linked == "dagster" else others / linked)
    before = {path: path.read_bytes() for path in others.iterdir()}

    report = _search(ours)

    assert (report.is_clean, {path: path.read_bytes() for path in others.iterdir()}) == (
        False, before,
    )  # fmt: skip


@pytest.mark.parametrize("does", ["begin immediate", "begin"])
def test_a_database_that_could_not_be_laid_out_anew_says_why(
    tmp_path: Path, does: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While another process writes, and while one reads as of before."""
    monkeypatch.setattr("privacy.stored_rows._LOCK_WAIT_S", 0)
    path = tmp_path / "dagster" / "runs.db"
    path.parent.mkdir()
    _with_deleted(path)
    with closing(sqlite3.connect(path)) as other:
        other.execute(does)
        other.execute("select * from t").fetchall()
        report = _search(path.parent)

    (reason,) = report.reasons
    assert "could not be taken out (another process is at work in it): " in reason


def _with_deleted(path: Path) -> None:
    _rows_file(path, [("Ben", VALUE, "x"), ("z", "z", "z")])
    with closing(sqlite3.connect(path)) as stored:
        stored.execute("pragma journal_mode = wal")
        stored.execute("pragma secure_delete = off")
        stored.execute("delete from t where b = ?", (VALUE,))
        stored.commit()


def _search(databases: Path) -> ScanReport:
    return scan_home(
        DuckDBWarehouse.in_memory(), [databases.parent], Needles(frozenset({VALUE})),
        warehouse_file=None, databases=[databases],
    )  # fmt: skip


def test_what_is_declared_of_tables_is_searched_as_their_rows_are() -> None:
    """A copy of the rows has it as well; a length in front of it may look like a letter."""
    warehouse = DuckDBWarehouse.in_memory()
    warehouse.execute("create table t (a varchar)")
    warehouse.execute(f"comment on column t.a is '{VALUE}'")
    warehouse.execute(f"create view v as select * from t where a <> '{VALUE}'")
    warehouse.execute(f"create type kinds as enum ('{VALUE}')")
    warehouse.execute(f"create macro m(a) as a = '{VALUE}'")

    found = [
        ByteScanner.of(Needles(frozenset({VALUE}))).count(content)
        for _, content in warehouse_contents(warehouse)
    ]

    assert [hits for hits in found if hits] == [1, 1, 1, 1]
