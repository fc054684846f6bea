"""Every relation and column must be declared before anybody may be erased."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from privacy.inventory import INVENTORY
from warehouse import Pii, Table, Warehouse

# A stored column of these must come with keys by which a person's rows are found.
_TELLING = (Pii.IDENTIFIER, Pii.SENSITIVE)


def unclassified(warehouse: Warehouse, tables: Sequence[Table]) -> tuple[str, ...]:
    """Say what the warehouse holds that no declaration covers.

    Args:
        warehouse: The engine.
        tables: Every declared table, those that dbt builds included.

    Returns:
        One sentence for each undeclared relation, undeclared column, and stored table that
        holds direct identifiers without saying whose.
    """
    with warehouse.view("candor_declared", _declared(tables)):
        undeclared = warehouse.read(_UNDECLARED)
    there = set(
        warehouse.read(
            "select table_schema || '.' || table_name as name from information_schema.tables "
            "where table_catalog = current_database() and table_type = 'BASE TABLE'"
        )["name"].to_pylist()
    )
    keyless = [
        f"{table.name} holds direct identifiers and declares no key by which to find a person"
        for table in tables
        if str(table.name) in there
        and not table.subjects
        and any(column.pii in _TELLING for column in table.columns)
    ]
    return tuple([f"{name} is not declared" for name in undeclared["name"].to_pylist()] + keyless)


def write_inventory(warehouse: Warehouse, tables: Sequence[Table]) -> int:
    """Put the declarations in place of ``privacy.inventory``; return the number of columns."""
    return warehouse.replace(INVENTORY.name, _declared(tables))


def _declared(tables: Sequence[Table]) -> pa.Table:
    rows = [
        {
            "table_schema": table.name.schema,
            "table_name": table.name.name,
            "column_name": column.name,
            "pii": str(column.pii),
            "subject_kinds": _kinds(table, column.name),
            "aged_by": table.aged_by,
            "description": column.description,
        }
        for table in tables
        for column in table.columns
    ]
    schema = pa.schema([(name, pa.string()) for name in INVENTORY.column_names])
    return pa.Table.from_pylist(rows, schema=schema)


def _kinds(table: Table, column: str) -> str:
    return ", ".join(sorted({str(key.kind) for key in table.subjects if column in key.columns}))


_UNDECLARED = """
    with stored as (
        select table_schema, table_name, column_name
        from information_schema.columns where table_catalog = current_database()
    ),
    tables as (select distinct table_schema, table_name, true as is_declared from candor_declared)
    select distinct stored.table_schema || '.' || stored.table_name
        || case when tables.is_declared then '.' || stored.column_name else '' end as name
    from stored
    anti join candor_declared as declared using (table_schema, table_name, column_name)
    left join tables using (table_schema, table_name)
    order by name
"""
