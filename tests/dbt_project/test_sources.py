"""What dbt believes about the tables that Python writes."""

from __future__ import annotations

import importlib

from tests.dbt_project.project import declared_sources
from warehouse import Column, TableName

ENGINE_TYPES = {"string": "VARCHAR"}


def written_by_python() -> dict[TableName, dict[str, Column]]:
    found: dict[TableName, dict[str, Column]] = {}
    for package in ("ingestion", "identity", "prediction", "privacy"):
        inventory = importlib.import_module(f"{package}.inventory")
        for table in inventory.TABLES:
            found[table.name] = {column.name: column for column in table.columns}
    return found


def test_every_column_that_dbt_reads_is_written_with_its_type_and_class() -> None:
    written = written_by_python()

    wrong = [
        f"{table}.{column['name']}"
        for table, columns in declared_sources()
        for column in columns
        if not _agrees(column, written.get(table, {}).get(column["name"]))
    ]

    assert wrong == []


def _agrees(declared: dict, written: Column | None) -> bool:
    if written is None:
        return False
    wanted = ENGINE_TYPES.get(declared["data_type"], declared["data_type"]).upper()
    return (wanted, declared["config"]["meta"]["pii"]) == (written.type.upper(), str(written.pii))
