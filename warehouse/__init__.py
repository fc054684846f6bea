"""The engine and its tables; the only package that opens DuckDB."""

from __future__ import annotations

from warehouse.disk import sync_path
from warehouse.duckdb import DuckDBWarehouse
from warehouse.errors import (
    CorruptWarehouseError,
    EngineError,
    InvalidNameError,
    UnknownColumnError,
    WarehouseBusyError,
    WarehouseError,
    without_values,
)
from warehouse.expectations import ExpectationReport, Fact, Suite, Unmet, judge, judge_all
from warehouse.inventory import (
    Column,
    Location,
    Pii,
    SharedLocation,
    SubjectKey,
    SubjectKind,
    Table,
    Trace,
    declared,
)
from warehouse.lock import hold_lock
from warehouse.names import TableName, literal, quoted
from warehouse.patterns import pattern_fault
from warehouse.protocol import Parameters, Warehouse

__all__ = [
    "Column",
    "CorruptWarehouseError",
    "DuckDBWarehouse",
    "EngineError",
    "ExpectationReport",
    "Fact",
    "InvalidNameError",
    "Location",
    "Parameters",
    "Pii",
    "SharedLocation",
    "SubjectKey",
    "SubjectKind",
    "Suite",
    "Table",
    "TableName",
    "Trace",
    "UnknownColumnError",
    "Unmet",
    "Warehouse",
    "WarehouseBusyError",
    "WarehouseError",
    "declared",
    "hold_lock",
    "judge",
    "judge_all",
    "literal",
    "pattern_fault",
    "quoted",
    "sync_path",
    "without_values",
]
