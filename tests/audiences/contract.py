"""The marts as dbt promises them, for tests of whoever reads them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from ruamel.yaml import YAML

import identity.inventory
import ingestion.inventory
import personalization.inventory
import prediction.inventory
from warehouse import DuckDBWarehouse, Table

MODELS = Path(__file__).parents[2] / "dbt_project" / "models"
TYPES = {"string": "varchar", "timestamp": "timestamp"}


def promised() -> dict[str, dict[str, str]]:
    """Of each mart, its columns and their types, as the contract says."""
    files = sorted((MODELS / "marts").glob("_*__models.yml"))
    marts = {name: dict(columns) for file in files for name, columns in _models(file)}
    for file in sorted((MODELS / "traits").glob("_*__models.yml")):
        for _, columns in _models(file):
            marts["profiles"].update(columns)
    return marts


def empty_company() -> DuckDBWarehouse:
    """Every table that a first run has, with no row in any of them."""
    warehouse = DuckDBWarehouse.in_memory()
    for tables in (ingestion.inventory.TABLES, identity.inventory.TABLES):
        warehouse.create_missing(tables)
    warehouse.create_missing(prediction.inventory.TABLES)
    warehouse.create_missing(personalization.inventory.TABLES)
    create_marts(warehouse)
    return warehouse


def create_marts(warehouse: DuckDBWarehouse) -> None:
    """What dbt builds of nothing."""
    warehouse.execute("create schema marts")
    for name, columns in promised().items():
        listed = ", ".join(f'"{column}" {kind}' for column, kind in columns.items())
        warehouse.execute(f"create table marts.{name} ({listed})")
    warehouse.execute("create schema staging")
    warehouse.execute(
        "create view staging.stg_raw__person_records as select * from raw.person_records"
    )


def declared(table: Table) -> dict[str, str]:
    """The columns of a table that Python declares, and their types."""
    return {column.name: column.type.lower() for column in table.columns}


def _models(file: Path) -> Iterator[tuple[str, Mapping[str, str]]]:
    for model in YAML(typ="safe").load(file)["models"]:
        yield (
            model["name"],
            {
                c["name"]: TYPES.get(c["data_type"], c["data_type"])
                for c in model["columns"]
                if "data_type" in c
            },
        )
