"""Every table of the product in one place: what the packages declare and what dbt builds."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
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

PROFILES = "profiles"
TRAIT = "trait"


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

    Views hold no rows of their own; they are declared without subjects. A profile has the columns
    of every trait too (ADR 0015).
    """
    return tuple(_table(model) for model in _models(manifest))


def dbt_columns(manifest: Path) -> Mapping[TableName, tuple[str, ...]]:
    """The names of the columns of every such relation, whatever else is declared of them or not."""
    return {
        TableName(model["schema"], model["name"]): tuple(
            column["name"] for column in model["columns"].values()
        )
        for model in _models(manifest)
    }


def dbt_types(manifest: Path) -> Mapping[TableName, Mapping[str, str]]:
    """The same columns with the types that they are declared with; empty where none is."""
    return {
        TableName(model["schema"], model["name"]): {
            column["name"]: column.get("data_type") or "" for column in model["columns"].values()
        }
        for model in _models(manifest)
    }


def dbt_views(manifest: Path) -> frozenset[str]:
    """The relations of dbt that hold no rows of their own, as schema.table."""
    return frozenset(
        f"{model['schema']}.{model['name']}"
        for model in _models(manifest)
        if model["config"]["materialized"] == "view"
    )


def _models(manifest: Path) -> Iterator[Mapping[str, Any]]:
    nodes = json.loads(manifest.read_text(encoding="utf-8"))["nodes"].values()
    models = [node for node in nodes if node["resource_type"] == "model"]
    traits = [trait for trait in models if TRAIT in trait["tags"]]
    return (_with_traits(model, traits) if model["name"] == PROFILES else model for model in models)


def _with_traits(
    profiles: Mapping[str, Any], traits: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Profiles, with the columns of the traits after its own, in the order of the table."""
    ordered = sorted(traits, key=lambda trait: str(trait["name"]))
    added = [trait["columns"] for trait in ordered]
    joined = {name: column for columns in added for name, column in columns.items()}
    own = profiles["columns"]
    return {**profiles, "columns": {**own, **{n: c for n, c in joined.items() if n not in own}}}


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
