from __future__ import annotations

import multiprocessing
import resource
import signal
import stat
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from tests.conftest import ROOT
from warehouse import (
    Column,
    CorruptWarehouseError,
    DuckDBWarehouse,
    EngineError,
    InvalidNameError,
    Pii,
    Table,
    TableName,
    UnknownColumnError,
    WarehouseBusyError,
    hold_lock,
    without_values,
)
from warehouse.errors import _ABOUT_STATEMENTS

THINGS = Table(
    TableName("raw", "things"),
    grain="One row per thing.",
    columns=(
        Column("thing_id", "VARCHAR", Pii.NONE, "its id"),
        Column("size", "BIGINT", Pii.NONE, "in pieces; null when unknown"),
    ),
    key=("thing_id",),
)


@pytest.fixture
def warehouse() -> DuckDBWarehouse:
    made = DuckDBWarehouse.in_memory()
    made.create_missing([THINGS])
    return made


def test_rows_are_matched_by_column_name_not_by_order(warehouse: DuckDBWarehouse) -> None:
    warehouse.append(THINGS.name, pa.table({"size": [3], "thing_id": ["a"]}))

    assert warehouse.read("from raw.things").to_pylist() == [{"thing_id": "a", "size": 3}]


def test_a_column_that_rows_lack_becomes_null(warehouse: DuckDBWarehouse) -> None:
    warehouse.append(THINGS.name, "select 'a' as thing_id")

    assert warehouse.scalar("select size from raw.things") is None


def test_an_undeclared_column_is_refused_by_name(warehouse: DuckDBWarehouse) -> None:
    with pytest.raises(UnknownColumnError, match="colour"):
        warehouse.append(THINGS.name, pa.table({"thing_id": ["a"], "colour": ["red"]}))


def test_replace_may_read_the_table_that_it_replaces(warehouse: DuckDBWarehouse) -> None:
    warehouse.append(THINGS.name, pa.table({"thing_id": ["a", "b"], "size": [1, 2]}))

    count = warehouse.replace(
        THINGS.name, "select thing_id, size + $more as size from raw.things", {"more": 10}
    )

    assert count == 2
    assert warehouse.read("select size from raw.things order by 1")["size"].to_pylist() == [11, 12]


def test_replace_where_leaves_other_rows_alone(warehouse: DuckDBWarehouse) -> None:
    warehouse.append(THINGS.name, pa.table({"thing_id": ["a", "b"], "size": [1, 2]}))

    warehouse.replace_where(
        THINGS.name, "thing_id = $which", pa.table({"thing_id": ["c"]}), {"which": "a"}
    )

    assert warehouse.read("select thing_id from raw.things order by 1")["thing_id"].to_pylist() == [
        "b",
        "c",
    ]


def test_a_failed_replace_leaves_the_old_rows(warehouse: DuckDBWarehouse) -> None:
    warehouse.append(THINGS.name, pa.table({"thing_id": ["a"], "size": [1]}))

    with pytest.raises(UnknownColumnError):
        warehouse.replace(THINGS.name, "select 1 as colour")

    assert warehouse.scalar("select count(*) from raw.things") == 1


def test_an_inner_transaction_goes_when_the_outer_one_fails(warehouse: DuckDBWarehouse) -> None:
    def fail_after_writing() -> None:
        with warehouse.transaction():
            with warehouse.transaction():
                warehouse.append(THINGS.name, pa.table({"thing_id": ["a"]}))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_after_writing()

    assert warehouse.scalar("select count(*) from raw.things") == 0


def test_a_column_added_to_a_declaration_is_added_to_the_table(warehouse: DuckDBWarehouse) -> None:
    wider = Table(
        THINGS.name, THINGS.grain, (*THINGS.columns, Column("note", "VARCHAR", Pii.NONE, "a note"))
    )

    warehouse.create_missing([wider])

    assert "note" in warehouse.columns()["column_name"].to_pylist()


def test_a_name_with_quotes_cannot_break_out() -> None:
    assert TableName("raw", 'x"; drop table y; --').sql == '"raw"."x""; drop table y; --"'


@pytest.mark.parametrize("text", ["profiles", "a.b.c", ".x", "x."])
def test_a_name_that_is_not_schema_and_table_is_refused(text: str) -> None:
    with pytest.raises(InvalidNameError, match=r"schema\.table"):
        TableName.parse(text)


def test_deleted_text_stays_in_the_file_until_compaction(tmp_path: Path) -> None:
    path = tmp_path / "home" / "warehouse.duckdb"
    needle = b"needle_17_"
    with DuckDBWarehouse.open(path) as warehouse:
        warehouse.create_missing([THINGS])
        rows = "select 'needle_' || i || '_' as thing_id, i as size from range(20) t(i)"
        warehouse.append(THINGS.name, rows)
        warehouse.execute("checkpoint")
        warehouse.execute("delete from raw.things where size = 17")
        warehouse.execute("checkpoint")
        before = path.read_bytes()

        warehouse.compact()

        assert warehouse.scalar("select count(*) from raw.things") == 19
    assert needle in before
    assert needle not in path.read_bytes()


def test_the_database_file_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"

    with DuckDBWarehouse.open(path):
        pass

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    path.write_text("hello" * 5_000)

    with (
        pytest.raises(CorruptWarehouseError, match=r"warehouse\.duckdb"),
        DuckDBWarehouse.open(path),
    ):
        pass


def _another_process() -> ProcessPoolExecutor:
    """One that ends by being told to: workers of the test run, and what they start, ignore SIGTERM."""
    return ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))


def test_a_second_process_is_told_who_holds_the_warehouse(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    with hold_lock(path):
        pid = multiprocessing.current_process().pid
        with _another_process() as other:
            message = other.submit(_try_to_open, path).result()

    assert f"process {pid}" in message


def test_a_second_process_waits_for_the_first_to_end(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    with _another_process() as other:
        other.submit(len, []).result()  # the process is up before the clock runs
        with DuckDBWarehouse.open(path):
            waiting = other.submit(_try_to_open, path, 30.0)
            time.sleep(0.5)
            assert not waiting.done()
        assert waiting.result(30) == "opened"


def test_the_lock_is_taken_again_by_the_process_that_holds_it(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"

    with hold_lock(path), hold_lock(path):
        pass

    with hold_lock(path, wait_s=0):
        pass


def test_another_program_may_work_on_the_file_while_the_lock_is_held(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    with DuckDBWarehouse.open(path) as warehouse:
        warehouse.create_missing([THINGS])
    work = "import duckdb, sys; duckdb.connect(sys.argv[1]).execute('insert into raw.things values (1, 2)')"

    with hold_lock(path):
        subprocess.run([sys.executable, "-c", work, str(path)], check=True)

    with DuckDBWarehouse.open(path) as warehouse:
        assert warehouse.scalar("select count(*) from raw.things") == 1


def test_a_program_that_ignores_the_lock_is_reported_as_busy_not_as_corrupt(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    work = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('up', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", work, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(WarehouseBusyError), DuckDBWarehouse.open(path):
            pass
        other.communicate(b"")


def test_compaction_keeps_views_that_name_the_database(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    with DuckDBWarehouse.open(path) as warehouse:
        warehouse.create_missing([THINGS])
        warehouse.execute("insert into raw.things values ('a', 1)")
        warehouse.execute("create schema staging")
        warehouse.execute("create view staging.b as select * from warehouse.raw.things")
        warehouse.execute("create view staging.a as select * from warehouse.staging.b")

        warehouse.compact()

        assert warehouse.read("from staging.a").to_pylist() == [{"thing_id": "a", "size": 1}]
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_compaction_that_fails_leaves_no_copy_and_may_be_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "warehouse.duckdb"
    with DuckDBWarehouse.open(path) as warehouse:
        warehouse.create_missing([THINGS])
        warehouse.execute("insert into raw.things values ('a', 1)")
        with monkeypatch.context() as patched:
            patched.setattr(warehouse, "execute", _failing(warehouse.execute, "copy from database"))
            with pytest.raises(duckdb.Error):
                warehouse.compact()
        left = sorted(place.name for place in tmp_path.iterdir() if "compacting" in place.name)

        warehouse.compact()

        assert left == []
        assert warehouse.scalar("select count(*) from raw.things") == 1


@pytest.mark.parametrize(
    "sql",
    [
        "select cast($value as integer)", "select cast($value as timestamp)",
        "select json_extract($value, '$.a')", "select strptime($value, '%Y')",
        "select regexp_matches('a', '(' || $value)", "insert into raw.people values ($value)",
        "select cast(cast(regexp_replace($value, '[^0-9]', '', 'g') as bigint) as smallint)",
    ],
)  # fmt: skip
@pytest.mark.parametrize("value", ["ann.lee@maple.example", "+12065557870"])
def test_an_error_of_the_engine_repeats_no_value(sql: str, value: str) -> None:
    """Neither in its words nor in those of what caused it: Dagster keeps both."""
    warehouse = DuckDBWarehouse.in_memory()
    warehouse.execute("create schema raw")
    warehouse.execute("create table raw.people (email varchar primary key)")
    warehouse.execute("insert into raw.people values ($value)", {"value": value})
    try:
        warehouse.read(sql, {"value": value})
    except EngineError as error:
        told = "".join(traceback.format_exception(error))
        assert value not in told
        assert value[-10:] not in told


def test_an_error_about_a_statement_is_told() -> None:
    with pytest.raises(EngineError, match=r"CatalogException.*Table with name nope does not exist"):
        DuckDBWarehouse.in_memory().execute("select * from nope")


@pytest.mark.parametrize(
    "sql",
    [
        "select * from nope where 'Ann Smith' = 'ann@x.example'", "select nam from t where x = 'Ann Smith'",
        "selec 'Ann Smith'", "select 'Ann Smith", 'select "Ann Smith" from t', "select cast('Ann Smith' as nope)",
        "select length(2065557870, 'Ann \"the\" Smith')", 'select "Ann ""the"" Smith" from t',
        'create table "Ann Smith"(a int); create table "Ann Smith"(a int)', "pragma nope('Ann Smith')",
        "select nope('Ann Smith', 2065557870)",
    ],
)  # fmt: skip
def test_an_error_about_a_statement_repeats_no_value_of_it(sql: str) -> None:
    warehouse = DuckDBWarehouse.in_memory()
    warehouse.execute("create table t (x varchar)")

    with pytest.raises(EngineError) as refused:
        warehouse.execute(sql)

    told = str(refused.value)
    assert [value for value in ("Ann", "Smith", "ann@", "2065557870") if value in told] == []


@pytest.mark.parametrize("kind", sorted(_ABOUT_STATEMENTS | {"TransactionException"}))
@pytest.mark.parametrize(
    "said",
    [
        'Failed to commit: PRIMARY KEY violation: duplicate key "ann@x.example"',
        'Failed to commit: duplicate key "email: say "Ann" Smith, n: 3"', "near 'Ann\nSmith'\n\nLINE 1: Ann",
        "no such thing: ann@x.example", "no such number: +1 206 555-7870", "near \"Ann Smith",
    ],
)  # fmt: skip
def test_no_kind_of_error_repeats_what_it_quotes(kind: str, said: str) -> None:
    refused = getattr(duckdb, kind, type(kind, (Exception,), {}))(f"Some Error: {said}")

    told = str(EngineError.of(refused))
    assert [value for value in ("Ann", "Smith", "ann@", "555", "7870") if value in told] == []
    assert kind in told


def _failing(execute: Callable[[str], None], statement: str) -> Callable[[str], None]:
    """The same, but a statement of this beginning is carried out and then fails."""

    def run(sql: str) -> None:
        execute(sql)
        if sql.startswith(statement):
            raise duckdb.IOException("the disk is full")

    return run


def test_what_a_killed_compaction_left_goes_when_the_warehouse_opens(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    leftovers = [tmp_path / "warehouse.compacting", tmp_path / "warehouse.compacting.wal"]
    for leftover in leftovers:
        leftover.write_text("rows of somebody who was erased since")
    spill = tmp_path / "warehouse.duckdb.tmp"
    spill.mkdir()
    (spill / "block").write_text("rows")

    with DuckDBWarehouse.open(path):
        pass

    assert [place for place in (*leftovers, spill) if place.exists()] == []


def test_the_folder_of_the_database_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    with DuckDBWarehouse.open(tmp_path / "home" / "warehouse.duckdb"):
        pass

    assert stat.S_IMODE((tmp_path / "home").stat().st_mode) == 0o700


def test_times_with_a_zone_mean_utc_whatever_the_machine_says(warehouse: DuckDBWarehouse) -> None:
    asked = "select '2026-07-01T10:00:00+02:00'::timestamptz::timestamp::varchar"

    assert warehouse.scalar(asked) == "2026-07-01 08:00:00"


def _try_to_open(path: Path, wait_s: float = 0.1) -> str:
    try:
        with DuckDBWarehouse.open(path, wait_s=wait_s):
            return "opened"
    except WarehouseBusyError as error:
        return str(error)


def test_the_engine_holds_less_for_a_while_and_then_as_much_as_before(
    warehouse: DuckDBWarehouse,
) -> None:
    limit = "select current_setting('memory_limit')"
    before = warehouse.scalar(limit)
    for _ in range(3):
        with warehouse.within_memory("1 GiB"):
            assert warehouse.scalar(limit) == "1.0 GiB"
            with warehouse.within_memory("2 GiB"):
                assert warehouse.scalar(limit) == "1.0 GiB"
    assert warehouse.scalar(limit) == before


def test_groups_are_found_by_their_number_unless_they_are_too_many(
    warehouse: DuckDBWarehouse,
) -> None:
    warehouse.execute("set threads = 2")
    asked = "explain select hash(n) % 300000 as rest, sum(n) from range(9) as made(n) group by rest"
    found = []
    for count in (300_000, 300_000_000):
        with warehouse.with_numbered_groups(count):
            found.append("PERFECT" in str(warehouse.read(asked).to_pylist()).upper())
    found.append("PERFECT" in str(warehouse.read(asked).to_pylist()).upper())

    assert found == [True, False, False]


def test_what_is_committed_between_rare_checkpoints_outlives_a_kill(tmp_path: Path) -> None:
    file = tmp_path / "w.duckdb"
    act = f"""
import os, signal
from pathlib import Path
from warehouse import DuckDBWarehouse
with DuckDBWarehouse.open(Path({str(file)!r})) as warehouse:
    usual = warehouse.scalar("select current_setting('checkpoint_threshold')")
    with warehouse.with_rare_checkpoints():
        assert warehouse.scalar("select current_setting('checkpoint_threshold')") != usual
    assert warehouse.scalar("select current_setting('checkpoint_threshold')") == usual
    with warehouse.with_rare_checkpoints():
        warehouse.execute("create table t as select range as n from range(1000)")
        os.kill(os.getpid(), signal.SIGKILL)
"""
    killed = subprocess.run([sys.executable, "-c", act], check=False, cwd=ROOT)

    assert killed.returncode == -signal.SIGKILL
    with DuckDBWarehouse.open(file) as warehouse:
        assert warehouse.scalar("select count(*) from t") == 1000


def test_whoever_writes_in_this_process_is_noticed(tmp_path: Path) -> None:
    file = tmp_path / "warehouse.duckdb"
    with DuckDBWarehouse.open(file) as warehouse, DuckDBWarehouse.open(file) as other:
        warehouse.create_missing([THINGS])
        before = warehouse.last_write()

        warehouse.read(f"select * from {THINGS.name.sql}")
        assert warehouse.last_write() is before

        other.append(THINGS.name, pa.table({"thing_id": ["a"]}))
        assert warehouse.last_write() is not before


def test_the_engine_writes_no_encrypted_file_without_a_download(tmp_path: Path) -> None:
    """Once this fails, the engine can: decide ADR 0030 anew."""
    with duckdb.connect() as connection:
        connection.execute("set autoinstall_known_extensions = false")

        with pytest.raises(duckdb.Error, match="read-only crypto module"):
            connection.execute(f"attach '{tmp_path / 'w.duckdb'}' as w (encryption_key 'a key')")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("Failure in test t (models/t.yml)\n  Got 1 result", None),
        ("Error in model m\n  Conversion Error: Could not convert string 'a@b.example' to INT32\n  LINE 1",
         "Error in model m\n  Conversion Error: Could not convert string"),
        ("Error in model m\n  Binder Error: no column a in 'x' LINE 1: select 'a@b.example'",
         "Error in model m\n  Binder Error: no column a in ..."),
    ],
)  # fmt: skip
def test_a_text_that_repeats_the_engine_is_told_without_values(said: str, told: str | None) -> None:
    assert without_values(said) == (told or said)


FILL = "insert into raw.rows select range::varchar || repeat(uuid()::varchar, 9) from range(10000)"


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def _fill_and_compact(path: Path) -> None:
    with DuckDBWarehouse.open(path) as warehouse:
        warehouse.execute(FILL)
        warehouse.compact()


def test_a_full_disk_costs_no_row_that_was_committed(tmp_path: Path) -> None:
    """Files may grow no further than so; then the disk is as it was before, and all goes on."""
    path = tmp_path / "warehouse.duckdb"
    with DuckDBWarehouse.open(path) as warehouse:
        warehouse.execute("create schema raw; create table raw.rows (value varchar)")
        warehouse.execute(FILL)
        warehouse.execute("checkpoint")
    size = path.stat().st_size

    for more in (0, 1 << 19, 1 << 20):
        with files_of_at_most(size + more), pytest.raises(EngineError):
            _fill_and_compact(path)
        with DuckDBWarehouse.open(path) as warehouse:
            rows = warehouse.scalar("select count(*) from raw.rows")
            assert rows % 10_000 == 0 < rows

    with DuckDBWarehouse.open(path) as warehouse:
        warehouse.execute(FILL)
        assert warehouse.scalar("select count(*) from raw.rows") == rows + 10_000
