"""The dbt project, run in this process on a warehouse of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner, dbtRunnerResult
from dbt.contracts.graph.manifest import Manifest

from warehouse import DuckDBWarehouse, TableName
from warehouse.names import quoted

PROJECT = Path(__file__).resolve().parents[2] / "dbt_project"
WITHOUT_UNIT_TESTS = ("--exclude-resource-type", "unit_test")

Row = Mapping[str, Any]


def moment(text: str) -> datetime:
    """A UTC moment without a zone, as the warehouse stores it."""
    return datetime.fromisoformat(text)


def declared_sources() -> Iterator[tuple[TableName, Sequence[Mapping[str, Any]]]]:
    """Each table that the project reads and does not build, with its declared columns."""
    for file in sorted(PROJECT.rglob("*__sources.yml")):
        for source in yaml.safe_load(file.read_text())["sources"]:
            for table in source["tables"]:
                yield TableName(source["name"], table["name"]), table["columns"]


@dataclass(frozen=True, slots=True)
class Project:
    """A parsed project; parsing takes seconds, so it is done once."""

    manifest: Manifest

    def company(self, folder: Path) -> Company:
        """A company with empty tables, in a folder of its own."""
        company = Company(self.manifest, folder)
        company.create_tables()
        return company


@dataclass(frozen=True, slots=True)
class Company:
    """One company's warehouse."""

    manifest: Manifest
    folder: Path

    @property
    def path(self) -> Path:
        return self.folder / "warehouse.duckdb"

    def create_tables(self) -> None:
        with self._open() as warehouse:
            for table, columns in declared_sources():
                listed = ", ".join(f"{quoted(c['name'])} {c['data_type']}" for c in columns)
                warehouse.execute(f"create schema if not exists {quoted(table.schema)}")
                warehouse.execute(f"create table {table.sql} ({listed})")

    def add(self, table: str, *rows: Row) -> None:
        """Append rows; what a row does not say is null."""
        schema, name = table.split(".")
        columns = sorted({column for row in rows for column in row})
        filled = [{column: row.get(column) for column in columns} for row in rows]
        with self._open() as warehouse:
            warehouse.append(TableName(schema, name), pa.Table.from_pylist(filled))

    def execute(self, sql: str) -> None:
        with self._open() as warehouse:
            warehouse.execute(sql)

    def read(self, sql: str) -> list[dict[str, Any]]:
        with self._open() as warehouse:
            return warehouse.read(sql).to_pylist()

    def table(self, sql: str) -> pa.Table:
        with self._open() as warehouse:
            return warehouse.read(sql)

    def build(self, *arguments: str) -> dbtRunnerResult:
        """Run dbt build, data tests included; unit tests judge the SQL, not a company."""
        return run_dbt(self, "build", *WITHOUT_UNIT_TESTS, *arguments)

    @contextmanager
    def _open(self) -> Iterator[DuckDBWarehouse]:
        with DuckDBWarehouse.open(self.path) as warehouse:
            yield warehouse


def parse(folder: Path) -> Manifest:
    """Read the project once.

    The parser knows the database by the name of its file, which is why all companies share it.
    """
    with _environment(folder / "warehouse.duckdb", folder / "target"):
        result = dbtRunner().invoke(["parse", "--no-partial-parse", "--no-write-json", "--quiet"])
    assert result.success, result.exception
    assert isinstance(result.result, Manifest)
    return result.result


def run_dbt(company: Company, *arguments: str) -> dbtRunnerResult:
    """Run one dbt command and let go of the file."""
    with _environment(company.path, company.folder / "target"):
        try:
            return dbtRunner(manifest=company.manifest).invoke([*arguments, "--quiet"])
        finally:
            DuckDBConnectionManager.close_all_connections()


def failures(result: dbtRunnerResult) -> list[str]:
    """What did not go well, by name and reason."""
    if result.exception is not None:
        return [str(result.exception)]
    good = {"success", "pass", "no-op"}
    return [f"{run.node.name}: {run.message}" for run in result.result if run.status not in good]


@contextmanager
def _environment(warehouse: Path, target: Path) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CANDOR_WAREHOUSE", str(warehouse))
        patch.setenv("DBT_PROJECT_DIR", str(PROJECT))
        patch.setenv("DBT_PROFILES_DIR", str(PROJECT))
        patch.setenv("DBT_TARGET_PATH", str(target))
        patch.setenv("DBT_LOG_PATH", str(target / "logs"))
        patch.setenv("DO_NOT_TRACK", "1")
        patch.setenv("DBT_SEND_ANONYMOUS_USAGE_STATS", "false")
        yield
