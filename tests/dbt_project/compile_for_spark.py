"""Compile the project with the Spark adapter, without a Spark: ``python compile_for_spark.py FOLDER``.

The adapter asks for pyspark by name only, and for relations only to learn whether an incremental
model is there already; it is told what the second argument says. What a model asks the engine while it
is compiled is answered so that every branch of an increment is written. Hooks, which dbt renders as
it runs, are compiled too, each in place of its model, into the folder ``hooks``.
"""

from __future__ import annotations

import os
import sys
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import yaml

PROJECT = Path(__file__).resolve().parents[2] / "dbt_project"
TRAITS = {file.stem for file in (PROJECT / "models" / "traits").glob("*.sql")}
PROFILE = """
candor:
  target: spark
  outputs:
    spark: {type: spark, method: session, host: none, schema: marts, threads: 1}
"""


def main(folder: Path, state: str) -> None:
    sys.modules["pyspark"] = ModuleType("pyspark")
    _answer_for_spark(is_built=state == "built")
    folder.mkdir(parents=True)
    (folder / "profiles.yml").write_text(PROFILE)
    os.environ.update(DBT_TARGET_PATH=str(folder), DBT_LOG_PATH=str(folder / "logs"))

    manifest = _invoke(None, "parse", folder)
    _invoke(manifest, "compile", folder)
    _put_hooks_in_place_of_models(manifest)
    models = ("--select", "resource_type:model", "--indirect-selection", "empty")
    _invoke(manifest, "compile", folder / "hooks", *models)


def _invoke(manifest: Any, command: str, folder: Path, *arguments: str) -> Any:
    from dbt.cli.main import dbtRunner  # noqa: PLC0415 - after pyspark has its stand-in

    compiling = ("--no-introspect", "--no-populate-cache") if command == "compile" else ()
    done = dbtRunner(manifest=manifest).invoke(
        [command, *compiling, *arguments, "--no-partial-parse", "--quiet", "--project-dir",
         str(PROJECT), "--profiles-dir", os.environ["DBT_TARGET_PATH"], "--target-path", str(folder)]
    )  # fmt: skip
    if not done.success:
        sys.exit(str(done.exception or done.result))
    return done.result


def _put_hooks_in_place_of_models(manifest: Any) -> None:
    """Make the hooks the code of their model; a model without one says nothing."""
    for node in manifest.nodes.values():
        if node.resource_type == "model":
            hooks = [hook.sql for hook in (*node.config.pre_hook, *node.config.post_hook)]
            node.raw_code = ";\n".join(hooks) or "{# No hook. #}"
            node.compiled, node.compiled_code, node.extra_ctes_injected = False, None, False


def _answer_for_spark(*, is_built: bool) -> None:
    from dbt.adapters.contracts.relation import RelationType  # noqa: PLC0415
    from dbt.adapters.spark.impl import SparkAdapter  # noqa: PLC0415

    def get_relation(self: Any, database: str, schema: str, identifier: str) -> Any:
        if not is_built:
            return None
        table = RelationType.Table
        return self.Relation.create(schema=schema, identifier=identifier, type=table)

    SparkAdapter.get_relation = get_relation
    SparkAdapter.execute = _answer
    SparkAdapter.get_columns_in_relation = lambda self, relation: _declared(relation.identifier)


# Nothing is amiss, one load and one node differ, and what follows may follow.
ANSWERS = {"surprises": 0, "dateless_count": 0, "since": "2026-01-01"}


def _answer(self: Any, sql: str, *_: Any, **__: Any) -> Any:
    import agate  # noqa: PLC0415
    import sqlglot  # noqa: PLC0415
    from dbt.adapters.contracts.connection import AdapterResponse  # noqa: PLC0415

    names = sqlglot.parse_one(sql, dialect="spark").named_selects
    row = [ANSWERS.get(name, 1) for name in names]
    return AdapterResponse("OK"), agate.Table([row], names)


def _declared(model: str) -> list[Any]:
    from dbt.adapters.spark.column import SparkColumn  # noqa: PLC0415

    models = (one for one in _declarations() if _has_columns(one, model))
    columns = [column for one in models for column in one["columns"]]
    types = {one["name"]: one.get("data_type", "string") for one in columns}
    return [SparkColumn(name, data_type) for name, data_type in types.items()]


@cache
def _declarations() -> list[Any]:
    """What every model declares; read once, as many models ask."""
    files = (PROJECT / "models").rglob("*__models.yml")
    return [one for file in files for one in yaml.safe_load(file.read_text())["models"]]


def _has_columns(declared: Any, model: str) -> bool:
    """Whether a model has what this one declares: profiles have what traits declare too."""
    name = declared["name"]
    return name == model or (model == "profiles" and name in TRAITS)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
