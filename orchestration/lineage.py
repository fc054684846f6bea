"""Which features come from sensitive columns, however many models lie between.

Columns are marked in dbt (``meta.pii: sensitive`` or ``meta.sensitive: true``) or by the package that
writes the table. sqlglot follows what is selected; a condition of a join or a filter is not followed.
What cannot be followed counts as sensitive, unknown is not yes: whole rows, PIVOT and UNPIVOT, snapshots,
and columns of relations that nobody describes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from orchestration.inventory import python_tables
from warehouse import Pii

Column = tuple[str, str]
FEATURES, PROFILES = "marts.features_as_of", "marts.profiles"
UNTRACED = "what cannot be traced"
UNBUILT = "what is not compiled in this data home: `candor run` does that"
SEED, MADE_BY_SQL = "seed", ("model", "snapshot")


@dataclass(frozen=True)
class Project:
    """A dbt project that was built.

    Attributes:
        nodes: Models, seeds, snapshots and sources of its manifest.
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
        kinds = (*MADE_BY_SQL, SEED)
        models = [n for n in found["nodes"].values() if n["resource_type"] in kinds]
        compiled = sorted(dbt.glob("*/compiled/*/models"))
        return cls((*models, *found["sources"].values()), tuple(compiled))

    def sensitive_columns(
        self, names: Iterable[str] | None = None, *, relation: str = FEATURES
    ) -> dict[str, tuple[str, ...]]:
        """Of each column of a relation that comes from sensitive columns, these columns.

        Args:
            names: Which columns; all that are described where it is not given.
            relation: Schema and table; the features where it is not given.
        """
        if not self.sensitive:
            return {}
        wanted = self.columns[relation] if names is None else names
        traced = {name: self._origins_of((relation, name)) for name in wanted}
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

    def described(self, relation: str) -> frozenset[str]:
        """Names of the columns of a relation; a profile has those of every trait too (ADR 0015)."""
        traits = (node for node in self._models.values() if "trait" in node.get("tags", ()))
        joined = (name for node in traits for name in node["columns"])
        own = self.columns.get(relation, [])
        return frozenset(own).union(joined if relation == PROFILES else ())

    @property
    def history_columns(self) -> frozenset[str]:
        """The traits whose changes are kept, as the macro ``history_columns`` of dbt finds them."""
        return frozenset(
            name
            for node in self._models.values()
            if _relation(node) == PROFILES or "trait" in node.get("tags", ())
            for name, column in node["columns"].items()
            if name != "person_id"
            and _meta(column).get("history", column.get("data_type") in ("string", "boolean"))
        )

    def _origins_of(self, column: Column) -> frozenset[str]:
        if column not in self._origins:
            self._origins[column] = frozenset()  # a circle adds nothing
            own = {".".join(column)} if column in self.sensitive else set()
            self._origins[column] = frozenset(own.union(*self._upstream(column)))
        return self._origins[column]

    def _upstream(self, column: Column) -> Iterator[frozenset[str]]:
        if column[0] not in self._models:
            return  # a source: nothing lies before it
        if self._compiled(column[0]) is None:
            yield frozenset({UNBUILT})
            return
        parents = self._parents(column)
        if parents is None:
            yield frozenset({UNTRACED})
            return
        yield from map(self._origins_of, parents)

    def _parents(self, column: Column) -> frozenset[Column] | None:
        """The columns of other relations that one is made of; None where that cannot be told."""
        from sqlglot.lineage import lineage  # noqa: PLC0415 - slow to import

        try:
            scope = self._scope(column[0])
            if scope is None:
                return None
            # Two copies of the query for each column were a quarter of the time.
            root = lineage(
                column[1],
                scope.expression,
                scope=scope,
                dialect="duckdb",
                copy=False,
                trim_selects=False,
            )
            parents = frozenset(_leaves(root))
        except Exception:  # noqa: BLE001 - sqlglot raises more than its own; none may let one pass
            return None
        return parents if all(map(self._is_known, parents)) else None

    def _is_known(self, column: Column) -> bool:
        """Whether it is described, or made by SQL that can be looked into."""
        return column[0] in self._models or column[1] in self.columns.get(column[0], ())

    @cached_property
    def _models(self) -> Mapping[str, Mapping[str, Any]]:
        return {_relation(n): n for n in self.nodes if n["resource_type"] in MADE_BY_SQL}

    @cached_property
    def _schema(self) -> Any:
        """Names as sqlglot wants them: made once, as it takes longer than the query of a model."""
        from sqlglot.schema import MappingSchema  # noqa: PLC0415 - slow to import

        found: dict[str, dict[str, dict[str, str]]] = {}
        for relation, names in self.columns.items():
            schema, table = relation.split(".", 1)
            found.setdefault(schema, {})[table] = dict.fromkeys(names, "unknown")
        return MappingSchema(found, dialect="duckdb")

    def _compiled(self, relation: str) -> Path | None:
        """The compiled SQL of a model; None where it was not built."""
        path = str(self._models[relation]["original_file_path"]).removeprefix("models/")
        return next((f / path for f in self.compiled if (f / path).exists()), None)

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

        file = self._compiled(relation)
        if file is None:
            return None
        query = sqlglot.parse_one(file.read_text(encoding="utf-8"), dialect="duckdb")
        if query.find(exp.Pivot):
            return None  # its columns are named by values
        for table in query.find_all(exp.Table):
            table.set("catalog", None)  # the name of the database file is nobody's business here
        return build_scope(
            qualify(query, dialect="duckdb", schema=self._schema, validate_qualify_columns=False)
        )


def _leaves(root: Any) -> Iterator[Column]:
    """The columns of relations that a column is made of.

    Raises:
        ValueError: One cannot be told.
    """
    from sqlglot import exp  # noqa: PLC0415 - slow to import

    for node in root.walk():
        if isinstance(node.source, exp.Table) and not node.name.endswith("*"):
            yield f"{node.source.db}.{node.source.name}", node.name.rsplit(".", 1)[-1].strip('"')
        elif not node.downstream and any(map(_is_open, node.expression.walk())):
            raise ValueError(node.name)


def _is_open(part: Any) -> bool:
    """Whether a part of an expression that leads nowhere is more than a constant or ``count(*)``."""
    from sqlglot import exp  # noqa: PLC0415 - slow to import

    if isinstance(part, exp.Star):
        return not isinstance(part.parent, exp.Count)
    return isinstance(part, exp.Column | exp.Placeholder | exp.Table)


def _relation(node: Mapping[str, Any]) -> str:
    return f"{node['schema']}.{node['name']}"


def _meta(column: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**column.get("meta", {}), **column.get("config", {}).get("meta", {})}


def _is_sensitive(column: Mapping[str, Any]) -> bool:
    meta = _meta(column)
    return meta.get("pii") == Pii.SENSITIVE or meta.get("sensitive") is True
