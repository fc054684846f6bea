"""Compile the project with the Spark adapter, without a Spark: ``python compile_for_spark.py FOLDER``.

The adapter asks for pyspark by name only, and for relations only to learn whether an incremental
model is there already; it is told what the second argument says.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import yaml

PROJECT = Path(__file__).resolve().parents[2] / "dbt_project"
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

    from dbt.cli.main import dbtRunner  # noqa: PLC0415 - after pyspark has its stand-in

    done = dbtRunner().invoke(
        ["compile", "--no-introspect", "--no-populate-cache", "--no-partial-parse", "--quiet",
         "--project-dir", str(PROJECT), "--profiles-dir", str(folder)]
    )  # fmt: skip
    if not done.success:
        sys.exit(str(done.exception or done.result))


def _answer_for_spark(*, is_built: bool) -> None:
    from dbt.adapters.contracts.relation import RelationType  # noqa: PLC0415
    from dbt.adapters.spark.impl import SparkAdapter  # noqa: PLC0415

    def get_relation(self: Any, database: str, schema: str, identifier: str) -> Any:
        if not is_built:
            return None
        table = RelationType.Table
        return self.Relation.create(schema=schema, identifier=identifier, type=table)

    SparkAdapter.get_relation = get_relation
    SparkAdapter.get_columns_in_relation = lambda self, relation: _declared(relation.identifier)


def _declared(model: str) -> list[Any]:
    from dbt.adapters.spark.column import SparkColumn  # noqa: PLC0415

    files = (PROJECT / "models").rglob("*__models.yml")
    models = (one for file in files for one in yaml.safe_load(file.read_text())["models"])
    (columns,) = (one["columns"] for one in models if one["name"] == model)
    return [SparkColumn(one["name"], one.get("data_type", "string")) for one in columns]


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
