"""Write one table to a file, whole or not at all."""

from __future__ import annotations

import difflib
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from orchestration.errors import FileInTheWayError, UnknownTableError, UnsupportedFormatError
from warehouse import TableName, Warehouse


def export_table(warehouse: Warehouse, table: str, out: Path) -> int:
    """Write every row of a table, in the order of its columns, and return how many.

    Raises:
        UnknownTableError: The warehouse has no such table.
        UnsupportedFormatError: The suffix is neither .csv nor .parquet.
    """
    if out.suffix not in {".csv", ".parquet"}:
        raise UnsupportedFormatError(out)
    name = _known(warehouse, table)
    rows = warehouse.read(f"select * from {name.sql} order by all")
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = out.with_name(f".{out.name}.partial")
    partial.unlink(missing_ok=True)
    partial.touch(mode=0o600)
    try:
        _write(rows, partial, out.suffix)
        partial.replace(out)
    finally:
        partial.unlink(missing_ok=True)
    return int(rows.num_rows)


def write_new_csv(rows: pa.Table, out: Path) -> None:
    """Write rows into a new file that only its owner may read.

    Raises:
        FileInTheWayError: There is a file of this name.
    """
    try:
        out.touch(mode=0o600, exist_ok=False)
    except FileExistsError as error:
        raise FileInTheWayError(out) from error
    pyarrow.csv.write_csv(rows, out)


def _known(warehouse: Warehouse, table: str) -> TableName:
    columns = warehouse.columns().select(["table_schema", "table_name"]).to_pylist()
    names = {f"{row['table_schema']}.{row['table_name']}" for row in columns}
    if table not in names:
        close = tuple(difflib.get_close_matches(table, sorted(names), n=3))
        raise UnknownTableError(table, close)
    return TableName.parse(table)


def _write(rows: pa.Table, path: Path, suffix: str) -> None:
    if suffix == ".csv":
        pyarrow.csv.write_csv(rows, path)
    else:
        pyarrow.parquet.write_table(rows, path)
