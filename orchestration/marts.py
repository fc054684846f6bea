"""Build some marts outside a full run, with all that they are built from."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

import dagster as dg

from orchestration.company import Company
from orchestration.dbt import Build, build
from orchestration.manifest import parsed_project


def build_marts(company: Company, names: Collection[str], *, target: str) -> None:
    """Build the named marts from the persons that there are; the warehouse must not be open.

    Args:
        company: Whose.
        names: The marts.
        target: Name of the folder for dbt's files in the data home.

    Raises:
        DbtBuildError: A model cannot be built.
    """
    parsed = parsed_project(company.paths)
    nodes = json.loads(parsed.manifest.read_text(encoding="utf-8"))["nodes"]
    wanted = Build(
        parsed=parsed,
        warehouse=company.paths.warehouse,
        target=company.paths.dbt / target,
        assets=_needed(nodes, names),
        checks=(),
        variables=company.profile_variables,
    )
    with company.lend_warehouse_file():
        build(wanted).raise_on_failure()


def _needed(nodes: Mapping[str, Any], names: Collection[str]) -> frozenset[dg.AssetKey]:
    """The named marts, and all that these are built from."""
    waiting = [
        name for name, node in nodes.items() if node["schema"] == "marts" and node["name"] in names
    ]
    found: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in nodes and name not in found:
            found.add(name)
            waiting += nodes[name]["depends_on"]["nodes"]
    return frozenset(dg.AssetKey([nodes[name]["schema"], nodes[name]["name"]]) for name in found)
