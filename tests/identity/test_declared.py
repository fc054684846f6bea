"""What the package declares agrees with what others read, and with what is documented."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest
import yaml

import identity
from identity import IdentityConfig
from identity.inventory import TABLES
from settings import load_config
from tests.conftest import ROOT
from warehouse import Pii, Table

SOURCES = ROOT / "dbt_project/models/intermediate/resolved/_identity__sources.yml"
ENGINE_TYPES = {"string": "VARCHAR", "boolean": "BOOLEAN", "timestamp": "TIMESTAMP"}
NAMES = {table.name.name: table for table in TABLES}


@pytest.mark.parametrize(
    "read", yaml.safe_load(SOURCES.read_text())["sources"][0]["tables"], ids=lambda t: t["name"]
)
def test_dbt_reads_the_tables_as_they_are_declared(read: dict) -> None:
    declared = {column.name: column for column in NAMES[read["name"]].columns}

    for column in read["columns"]:
        assert declared[column["name"]].type == ENGINE_TYPES[column["data_type"]], column["name"]
        assert declared[column["name"]].pii == column["config"]["meta"]["pii"], column["name"]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name.name)
def test_every_table_that_names_somebody_says_how_to_find_them(table: Table) -> None:
    speaks_of_persons = any(column.pii is not Pii.NONE for column in table.columns)

    assert table.grain.startswith("One row per ")
    assert bool(table.subjects) == speaks_of_persons


@pytest.mark.parametrize("folder", ["config", "tests/fernhill/config"])
def test_the_configuration_files_say_the_defaults(folder: str) -> None:
    written = load_config(Path(ROOT / folder / "identity.yml"), IdentityConfig)

    assert written == IdentityConfig()


def test_all_is_what_is_public() -> None:
    public = {
        name for name, value in vars(identity).items()
        if not name.startswith("_") and not inspect.ismodule(value) and name != "annotations"
    }  # fmt: skip

    assert public == set(identity.__all__)
