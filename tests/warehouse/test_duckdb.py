from __future__ import annotations

import multiprocessing
import stat
from pathlib import Path

import pyarrow as pa
import pytest

from warehouse import (
    Column,
    CorruptWarehouseError,
    DuckDBWarehouse,
    InvalidNameError,
    Pii,
    Table,
    TableName,
    UnknownColumnError,
    WarehouseBusyError,
    hold_lock,
)

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
    with pytest.raises(InvalidNameError, match="schema.table"):
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

    with pytest.raises(CorruptWarehouseError, match="warehouse.duckdb"), DuckDBWarehouse.open(path):
        pass


def test_a_second_process_is_told_who_holds_the_warehouse(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    with hold_lock(path):
        pid = multiprocessing.current_process().pid
        context = multiprocessing.get_context("spawn")
        with context.Pool(1) as pool:
            message = pool.apply(_try_to_open, (path,))

    assert f"process {pid}" in message


def _try_to_open(path: Path) -> str:
    try:
        with DuckDBWarehouse.open(path, wait_s=0.1):
            return "opened"
    except WarehouseBusyError as error:
        return str(error)
