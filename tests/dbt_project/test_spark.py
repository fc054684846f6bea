"""The same project compiles for Spark, and what comes out is SQL that Spark knows."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp

from tests.conftest import ROOT
from tests.dbt_project.project import PROJECT

pytestmark = pytest.mark.warehouse

SCRIPT = Path(__file__).with_name("compile_for_spark.py")
# Functions of Spark that sqlglot has no class for; any other name it does not know is a mistake.
SPARKS_OWN = {"assert_true", "try_url_decode", "xxhash64"}
HOOK = "hook of "


@pytest.fixture(scope="module", params=["missing", "built"])
def compiled(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """The SQL of each model, where incremental tables are missing and where they are built."""
    if importlib.util.find_spec("dbt.adapters.spark") is None:
        if os.environ.get("CI"):
            pytest.fail("dbt-spark must be installed in CI: it is one of the tools of extra dev")
        pytest.skip("dbt-spark is not installed: run make install")
    folder = tmp_path_factory.mktemp("spark") / request.param
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(folder), request.param],
        capture_output=True, text=True, check=False, cwd=ROOT,
        env={**os.environ, "DO_NOT_TRACK": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return {
        prefix + file.stem: file.read_text()
        for prefix, place in {"": folder, HOOK: folder / "hooks"}.items()
        for file in (place / "compiled" / "candor" / "models").rglob("*.sql")
    }


def test_every_model_compiles(compiled: dict[str, str]) -> None:
    models = {file.stem for file in (PROJECT / "models").rglob("*.sql")}

    assert models - compiled.keys() == set()


def test_every_function_is_one_that_spark_has(compiled: dict[str, str]) -> None:
    unknown = {
        (name, call.name)
        for name, sql in compiled.items()
        if sql.strip()
        for statement in sqlglot.parse(sql, dialect="spark")
        if statement
        for call in statement.find_all(exp.Anonymous)
        if call.name.lower() not in SPARKS_OWN
    }

    assert unknown == set()


def test_a_table_that_is_there_is_only_added_to(
    compiled: dict[str, str], request: pytest.FixtureRequest
) -> None:
    is_built = "built" in request.node.callspec.id

    following = ("sessions", "content_engagement", "int_persons__active", "int_persons__channelled",
                 "int_persons__tallied")  # fmt: skip
    assert [("int_events__changed" in compiled[name]) for name in following] == [is_built] * len(
        following
    )
    assert ("as built" in compiled["int_person_fields__survived"]) == is_built
    assert ("as stored" in compiled["profiles"]) == is_built


def test_rows_are_deleted_as_open_delta_can(
    compiled: dict[str, str], request: pytest.FixtureRequest
) -> None:
    is_built = "built" in request.node.callspec.id
    models = {HOOK + file.stem for file in (PROJECT / "models").rglob("*.sql")}
    hooks = [sql for name, sql in compiled.items() if name in models and sql.strip()]

    statements = [one for sql in hooks for one in sqlglot.parse(sql, dialect="spark") if one]
    assert len(statements) == (11 if is_built else 0)
    assert all(isinstance(statement, exp.Merge) for statement in statements)
