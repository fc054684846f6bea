"""Every table of the product in one place: what the packages declare and what dbt builds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import audiences.inventory
import identity.inventory
import ingestion.inventory
import measurement.inventory
import personalization.inventory
import prediction.inventory
import privacy.inventory
from warehouse import Column, Pii, SubjectKey, SubjectKind, Table, TableName, declared


def python_tables() -> tuple[Table, ...]:
    """The tables that Python writes, as their packages declare them."""
    return tuple(
        declared(
            ingestion.inventory.TABLES,
            identity.inventory.TABLES,
            prediction.inventory.TABLES,
            personalization.inventory.TABLES,
            audiences.inventory.TABLES,
            measurement.inventory.TABLES,
            privacy.inventory.TABLES,
        )
    )


def dbt_tables(manifest: Path) -> tuple[Table, ...]:
    """The relations that dbt builds, read from its manifest.

    Views hold no rows of their own; they are declared without subjects.
    """
    nodes = json.loads(manifest.read_text(encoding="utf-8"))["nodes"].values()
    return tuple(_table(node) for node in nodes if node["resource_type"] == "model")


def _table(node: Mapping[str, Any]) -> Table:
    stored = node["config"]["materialized"] != "view"
    subjects = node["config"].get("meta", {}).get("subjects", []) if stored else []
    return Table(
        name=TableName(node["schema"], node["name"]),
        grain=node["description"],
        columns=tuple(_column(column) for column in node["columns"].values()),
        subjects=tuple(
            SubjectKey(SubjectKind(subject["kind"]), tuple(subject["columns"]))
            for subject in subjects
        ),
    )


def _column(column: Mapping[str, Any]) -> Column:
    pii = {**column.get("meta", {}), **column.get("config", {}).get("meta", {})}["pii"]
    return Column(column["name"], column.get("data_type") or "", Pii(pii), column["description"])
