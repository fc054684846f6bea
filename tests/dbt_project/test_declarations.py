"""What the project says of its tables, which erasure and the table reference rely on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from dbt.artifacts.resources.types import NodeType

from tests.conftest import ROOT
from tests.dbt_project.project import Company, Project
from warehouse import Pii, SubjectKind

pytestmark = pytest.mark.warehouse


def models(project: Project, schema: str | None = None) -> Iterator[Mapping[str, Any]]:
    for node in project.manifest.nodes.values():
        if node.resource_type == NodeType.Model and schema in {None, node.schema}:
            yield node.to_dict()


def described(project: Project) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every column of every model and source, under a name that says where it is."""
    sources = (source.to_dict() for source in project.manifest.sources.values())
    for node in (*models(project), *sources):
        for column in node["columns"].values():
            yield f"{node['schema']}.{node['name']}.{column['name']}", column


def test_every_mart_has_an_enforced_contract(project: Project) -> None:
    assert [m["name"] for m in models(project, "marts") if not m["contract"]["enforced"]] == []


def test_every_column_is_described(project: Project) -> None:
    assert [name for name, column in described(project) if not column["description"]] == []


def test_every_column_says_what_it_tells_of_a_person(project: Project) -> None:
    known = {str(pii) for pii in Pii}

    assert [name for name, column in described(project) if _pii(column) not in known] == []


def test_only_contact_points_hold_direct_identifiers(project: Project) -> None:
    holders = {
        mart["name"]
        for mart in models(project, "marts")
        if any(_pii(column) == "identifier" for column in mart["columns"].values())
    }

    assert holders == {"contact_points"}


def test_every_mart_says_how_a_person_is_found_in_it(project: Project) -> None:
    kinds = {str(kind) for kind in SubjectKind}

    for mart in models(project, "marts"):
        for subject in mart["config"]["meta"]["subjects"]:
            assert subject["kind"] in kinds
            assert set(subject["columns"]) <= set(mart["columns"])


def test_a_mart_without_subjects_has_no_person_in_it(project: Project) -> None:
    silent = {m["name"]: m for m in models(project, "marts") if not m["config"]["meta"]["subjects"]}

    assert set(silent) == {"accounts", "content_items"}
    assert all("person_id" not in mart["columns"] for mart in silent.values())


@pytest.mark.parametrize("package", ["audiences", "measurement", "personalization", "prediction"])
def test_what_a_package_reads_of_the_marts_is_an_exposure(project: Project, package: str) -> None:
    code = "".join(path.read_text() for path in (ROOT / package).rglob("*.py"))
    named = set(re.findall(r"""marts(?:\.|", ")([a-z_]+)""", code))
    marts = {mart["name"] for mart in models(project, "marts")}

    exposed = {
        parent.rsplit(".", 1)[-1]
        for exposure in project.manifest.exposures.values()
        if exposure.owner.name == package
        for parent in exposure.depends_on.nodes
    }
    assert named & marts <= exposed
    assert exposed


def test_every_model_says_its_grain(project: Project) -> None:
    assert [m["name"] for m in models(project) if "One row per" not in m["description"]] == []


def test_every_model_belongs_to_one_of_the_two_calls(project: Project) -> None:
    calls = {"before_identity", "after_identity"}

    assert [m["name"] for m in models(project) if len(calls & set(m["config"]["tags"])) != 1] == []


def test_what_is_built_before_identity_does_not_read_identity(project: Project) -> None:
    graph = project.manifest
    early = [m for m in models(project) if "before_identity" in m["config"]["tags"]]
    read = {parent for model in early for parent in model["depends_on"]["nodes"]}

    late = {
        parent
        for parent in read
        if parent.startswith(("source.candor.identity", "source.candor.prediction"))
        or (parent in graph.nodes and "after_identity" in graph.nodes[parent].config.tags)
    }
    assert late == set()


def test_only_staging_reads_raw_tables(project: Project) -> None:
    readers = {
        model["schema"]
        for model in models(project)
        for parent in model["depends_on"]["nodes"]
        if parent.startswith("source.candor.raw.") and not parent.endswith(".as_of")
    }

    assert readers == {"staging"}


def test_what_is_described_is_what_is_built(project: Project, empty: Company) -> None:
    built: dict[str, list[str]] = {}
    for row in empty.read(
        "select table_schema || '.' || table_name as relation, column_name "
        "from information_schema.columns order by relation, ordinal_position"
    ):
        built.setdefault(row["relation"], []).append(row["column_name"])

    for model in models(project):
        assert _described(project, model) == set(built[f"{model['schema']}.{model['name']}"])


def _described(project: Project, model: Mapping[str, Any]) -> set[str]:
    """What the yml says a model has; a profile has the columns of every trait too."""
    traits = [trait for trait in models(project) if "trait" in trait["tags"]]
    joined = traits if model["name"] == "profiles" else []
    return {name for part in (model, *joined) for name in part["columns"]}


def _pii(column: Mapping[str, Any]) -> str:
    return str(column["config"]["meta"].get("pii"))
