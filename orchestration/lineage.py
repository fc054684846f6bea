"""Which features come from sensitive columns, however many models lie between.

Columns are marked in dbt (``meta.pii: sensitive`` or ``meta.sensitive: true``) or by the package that
writes the table. sqlglot follows what is selected; a condition of a join or a filter is not followed.
What cannot be followed counts as sensitive: unknown is not yes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from orchestration.inventory import python_tables
from warehouse import Pii

Column = tuple[str, str]
FEATURES = "marts.features_as_of"
UNTRACED = "it cannot be traced"


@dataclass(frozen=True)
class Project:
    """A dbt project that was built.

    Attributes:
        nodes: Models and sources of its manifest.
        compiled: Folders that hold the SQL of its models, compiled.
    """

    nodes: tuple[Mapping[str, Any], ...]
    compiled: tuple[Path, ...]
    _origins: dict[Column, frozenset[str]] = field(default_factory=dict)
    _scopes: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, manifest: Path, dbt: Path) -> Project:
        """The project of a manifest, compiled below ``dbt`` by the steps of a run."""
        found = json.loads(manifest.read_text(encoding="utf-8"))
        models = [n for n in found["nodes"].values() if n["resource_type"] == "model"]
        compiled = sorted(dbt.glob("*/compiled/*/models"))
        return cls((*models, *found["sources"].values()), tuple(compiled))

    def sensitive_features(self) -> dict[str, tuple[str, ...]]:
        """Of each feature that comes from sensitive columns, these columns."""
        if not self.sensitive:
            return {}
        traced = {name: self._origins_of((FEATURES, name)) for name in self.columns[FEATURES]}
        return {name: tuple(sorted(origins)) for name, origins in traced.items() if origins}

    @cached_property
    def sensitive(self) -> frozenset[Column]:
        """Every column that is marked."""
        marked = {
            (_relation(node), name)
            for node in self.nodes
            for name, column in node["columns"].items()
            if _is_sensitive(column)
        }
        written = {
            (str(table.name), column.name)
            for table in python_tables()
            for column in table.columns
            if column.pii == Pii.SENSITIVE
        }
        return frozenset(marked | written)

    @cached_property
    def columns(self) -> dict[str, list[str]]:
        """The columns of every relation, by name."""
        described = {_relation(node): list(node["columns"]) for node in self.nodes}
        written = {str(table.name): list(table.column_names) for table in python_tables()}
        return {**described, **written}

    def _origins_of(self, column: Column) -> frozenset[str]:
        if column not in self._origins:
            self._origins[column] = frozenset()  # a circle adds nothing
            own = {".".join(column)} if column in self.sensitive else set()
            self._origins[column] = frozenset(own.union(*self._upstream(column)))
        return self._origins[column]

    def _upstream(self, column: Column) -> Iterator[frozenset[str]]:
        if column[0] not in self._models:
            return  # a source: nothing lies before it
        parents = self._parents(column)
        if parents is None:
            yield frozenset({UNTRACED})
            return
        yield from map(self._origins_of, parents)

    def _parents(self, column: Column) -> frozenset[Column] | None:
        """The columns of other relations that one is made of; None where that cannot be told."""
        from sqlglot import exp  # noqa: PLC0415 - slow to import
        from sqlglot.errors import SqlglotError  # noqa: PLC0415 - as above
        from sqlglot.lineage import lineage  # noqa: PLC0415 - as above

        try:
            scope = self._scope(column[0])
            if scope is None:
                return None
            root = lineage(column[1], scope.expression, scope=scope, dialect="duckdb")
        except (SqlglotError, ValueError):
            return None
        return frozenset(
            (f"{node.source.db}.{node.source.name}", node.name.rsplit(".", 1)[-1].strip('"'))
            for node in root.walk()
            if isinstance(node.source, exp.Table)
        )

    @cached_property
    def _models(self) -> Mapping[str, Mapping[str, Any]]:
        return {_relation(n): n for n in self.nodes if n["resource_type"] == "model"}

    @cached_property
    def _schema(self) -> dict[str, dict[str, dict[str, str]]]:
        found: dict[str, dict[str, dict[str, str]]] = {}
        for relation, names in self.columns.items():
            schema, table = relation.split(".", 1)
            found.setdefault(schema, {})[table] = dict.fromkeys(names, "unknown")
        return found

    def _scope(self, relation: str) -> Any:
        """The query of a model, every column with its table; None where it was not built."""
        if relation not in self._scopes:
            self._scopes[relation] = self._qualified(relation)
        return self._scopes[relation]

    def _qualified(self, relation: str) -> Any:
        import sqlglot  # noqa: PLC0415 - slow to import
        from sqlglot import exp  # noqa: PLC0415 - as above
        from sqlglot.optimizer.qualify import qualify  # noqa: PLC0415 - as above
        from sqlglot.optimizer.scope import build_scope  # noqa: PLC0415 - as above

        path = str(self._models[relation]["original_file_path"]).removeprefix("models/")
        file = next((f / path for f in self.compiled if (f / path).exists()), None)
        if file is None:
            return None
        query = sqlglot.parse_one(file.read_text(encoding="utf-8"), dialect="duckdb")
        for table in query.find_all(exp.Table):
            table.set("catalog", None)  # the name of the database file is nobody's business here
        return build_scope(
            qualify(query, dialect="duckdb", schema=self._schema, validate_qualify_columns=False)
        )


def _relation(node: Mapping[str, Any]) -> str:
    return f"{node['schema']}.{node['name']}"


def _is_sensitive(column: Mapping[str, Any]) -> bool:
    meta = {**column.get("meta", {}), **column.get("config", {}).get("meta", {})}
    return meta.get("pii") == Pii.SENSITIVE or meta.get("sensitive") is True
