"""Which columns a source has, and what changed since the last pull; names and types, no values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from warehouse import Warehouse

Columns = Mapping[str, str]

# A column that held nothing but nulls.
UNKNOWN = "unknown"

_NUMBERS = frozenset({"BIGINT", "DOUBLE", "HUGEINT", "UBIGINT", "UHUGEINT"})
_KINDS = {"BOOLEAN": "boolean", "JSON": "mixed", "NULL": UNKNOWN, "VARCHAR": "text"}


@dataclass(frozen=True, slots=True)
class ColumnChanges:
    """What a pull found different from the one before, by name.

    Attributes:
        added: Columns that were not there.
        gone: Columns that are there no more.
        retyped: Columns of another type.
        missing: Columns that the source maps and that this pull did not find.
    """

    added: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    retyped: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


def compare_columns(before: Columns | None, now: Columns, wanted: frozenset[str]) -> ColumnChanges:
    """Tell what changed; a type that is not known on one side is no change.

    Args:
        before: Columns of the last pull that brought rows; None before the first.
        now: Columns of this pull.
        wanted: Columns that the source maps.
    """
    missing = tuple(sorted(name for name in wanted if not _is_there(name, now)))
    if before is None:
        return ColumnChanges(missing=missing)
    return ColumnChanges(
        added=tuple(sorted(now.keys() - before.keys())),
        gone=tuple(sorted(before.keys() - now.keys())),
        retyped=tuple(
            sorted(
                name
                for name in now.keys() & before.keys()
                if UNKNOWN not in {now[name], before[name]} and now[name] != before[name]
            )
        ),
        missing=missing,
    )


def remember_columns(before: Columns | None, now: Columns) -> Columns:
    """The columns to compare the next pull with: those of now, with types that were known once."""
    known = before or {}
    return {name: known.get(name, kind) if kind == UNKNOWN else kind for name, kind in now.items()}


def merge_columns(one: Columns, other: Columns) -> Columns:
    """The columns of two parts of one pull."""
    merged = dict(one)
    for name, kind in other.items():
        known = merged.get(name, UNKNOWN)
        merged[name] = kind if known in {UNKNOWN, kind} else known if kind == UNKNOWN else "mixed"
    return merged


def document_columns(warehouse: Warehouse, documents: pa.Table) -> Columns:
    """The columns of JSON documents: fields, and fields of objects in them with a dotted name."""
    with warehouse.view("candor_documents", documents):
        structure = warehouse.scalar(
            "select json_group_structure(document::json)::varchar from candor_documents"
        )
    found = json.loads(structure) if structure else {}
    return _flattened(found) if isinstance(found, dict) else {}


def _flattened(structure: Mapping[str, Any]) -> Columns:
    """One level of nesting is part of the name; what lies deeper is an object."""
    columns: dict[str, str] = {}
    for name, kind in structure.items():
        if isinstance(kind, dict):
            columns |= {f"{name}.{inner}": _kind(of) for inner, of in kind.items()}
        else:
            columns[name] = _kind(kind)
    return columns


def _kind(structure: Any) -> str:
    if isinstance(structure, dict):
        return "object"
    if isinstance(structure, list):
        return "list"
    return "number" if structure in _NUMBERS else _KINDS.get(structure, "text")


def _is_there(wanted: str, columns: Columns) -> bool:
    """Whether a mapped name is a column, or a path into one that holds an object."""
    parts = wanted.split(".")
    prefixes = {".".join(parts[:count]) for count in range(1, len(parts) + 1)}
    return wanted in columns or any(columns.get(name) in _HOLDING for name in prefixes)


_HOLDING = frozenset({"JSON", "JSONB", "mixed", "object", UNKNOWN})
