"""What is wrong with a trait is said by name, before anything is built."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from dbt.contracts.graph.manifest import Manifest

from tests.dbt_project.project import Company, Project, failures, run_dbt

pytestmark = pytest.mark.warehouse

TRAIT = "model.candor.int_persons__sized"
Change = Callable[[Any], None]


def test_profiles_reads_every_trait(project: Project) -> None:
    nodes = project.manifest.nodes
    traits = {name for name, node in nodes.items() if "trait" in node.tags}

    assert TRAIT in traits
    assert traits <= set(nodes["model.candor.profiles"].depends_on.nodes)


def _without(name: str) -> Change:
    def change(node: Any) -> None:
        setattr(node.columns["company_size"], name, None if name == "data_type" else "")

    return change


def _classified(pii: str | None) -> Change:
    def change(node: Any) -> None:
        node.columns["company_size"].config.meta = {} if pii is None else {"pii": pii}

    return change


def _moved(node: Any) -> None:
    node.original_file_path = "models/marts/int_persons__sized.sql"


def _renamed(node: Any) -> None:
    node.columns["company_size"].name = "industry"
    node.columns["industry"] = node.columns.pop("company_size")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param(_without("data_type"), "company_size has no data_type in the yml", id="type"),
        pytest.param(_without("description"), "company_size has no description", id="description"),
        pytest.param(_classified(None), "company_size needs config.meta.pii", id="no class"),
        pytest.param(
            _classified("identifier"), "identifiers stand in contact_points", id="identifier"
        ),
        pytest.param(_renamed, "industry is one of profiles already", id="a name that is taken"),
        pytest.param(_moved, "move its file to models/traits/", id="folder"),
        pytest.param(
            lambda node: node.columns.pop("person_id"), "its yml declares no person_id", id="person"
        ),
    ],
)
def test_what_is_wrong_with_a_trait_is_said(
    project: Project, empty: Company, change: Change, said: str
) -> None:
    manifest = _changed(project.manifest, change)

    done = run_dbt(Company(manifest, empty.folder), "compile", "--select", "profiles")

    (problem,) = failures(done)
    assert "trait int_persons__sized: " in problem
    assert said in " ".join(problem.split())


def test_a_trait_that_lacks_a_declared_column_stops_the_build(
    project: Project, empty: Company, tmp_path: Path
) -> None:
    def change(node: Any) -> None:
        node.raw_code = node.raw_code.replace("as company_size", "as size_of_company")

    manifest = _changed(project.manifest, change)

    shutil.copyfile(empty.path, tmp_path / empty.path.name)
    done = Company(manifest, tmp_path).build("--select", "int_persons__sized", "profiles")

    assert any("company_size" in problem for problem in failures(done))


def _changed(manifest: Manifest, change: Change) -> Manifest:
    """The parsed project as if the yml of one trait said something else."""
    changed = copy.deepcopy(manifest)
    change(changed.nodes[TRAIT])
    changed.build_flat_graph()
    changed.rebuild_source_lookup()  # a copy of dbt-core 1.11 has another one in its place
    return changed
