"""How Dagster sees the dbt project: keys are ``schema/model``, groups are layers."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DbtProject

from orchestration.errors import DbtProjectError
from settings import Paths

PROJECT_DIR = Path(__file__).resolve().parent.parent / "dbt_project"
# A profile shows the last published score and persona, not this run's: these tables are read
# by the marts and written after them, so the edge would close a circle.
READ_BACK = frozenset({("prediction", "propensity_scores"), ("prediction", "persona_members")})
# What a fresh checkout, or a home that never ran, must be able to say about pii of dbt assets.
PII_ORDER = ("sensitive", "identifier", "personal", "pseudonymous", "none")


class LayeredTranslator(DagsterDbtTranslator):
    """Name assets ``schema/model`` and group them by dbt layer."""

    def get_asset_spec(
        self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None
    ) -> dg.AssetSpec:
        """Build one asset spec from one dbt node."""
        node = self.get_resource_props(manifest, unique_id)
        spec = super().get_asset_spec(manifest, unique_id, project)
        return spec.replace_attributes(
            key=_key(node),
            group_name=node["fqn"][1] if node["resource_type"] == "model" else node["schema"],
            owners=["team:profiles"],
            kinds={"dbt", "duckdb"},
            tags={"cdp/pii": _pii(node)},
            deps=[dep for dep in spec.deps if tuple(dep.asset_key.path) not in READ_BACK],
        )


def project() -> DbtProject:
    """The dbt project of this checkout, with its manifest up to date.

    The manifest is parsed again only when a file of the project is newer than it.

    Raises:
        DbtProjectError: dbt cannot parse the project.
    """
    found = DbtProject(project_dir=PROJECT_DIR)
    if _is_stale(found.manifest_path):
        _parse()
    return found


def environment(paths: Paths) -> dict[str, str]:
    """The variables that dbt's profile reads."""
    return {"CANDOR_WAREHOUSE": str(paths.warehouse)}


def _is_stale(manifest: Path) -> bool:
    if not manifest.exists():
        return True
    made = manifest.stat().st_mtime
    sources = (p for p in PROJECT_DIR.rglob("*") if p.suffix in {".sql", ".yml", ".md"})
    return any(p.stat().st_mtime > made for p in sources if "target" not in p.parts)


def _parse() -> None:
    dbt = Path(sys.executable).with_name("dbt")
    command = [str(dbt), "parse", "--project-dir", str(PROJECT_DIR)]
    command += ["--profiles-dir", str(PROJECT_DIR), "--log-path", str(PROJECT_DIR / "target")]
    quiet = {"DO_NOT_TRACK": "1", "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}
    paths = environment(Paths.resolve(os.environ))
    done = subprocess.run(  # noqa: S603 - our own command, no shell
        command, env={**paths, **os.environ, **quiet}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise DbtProjectError(PROJECT_DIR, done.stdout[-2000:])


def _key(node: Mapping[str, Any]) -> dg.AssetKey:
    return dg.AssetKey([node["schema"], node.get("identifier") or node["name"]])


def _pii(node: Mapping[str, Any]) -> str:
    classes = {_column_pii(column) for column in node.get("columns", {}).values()}
    strongest = next((pii for pii in PII_ORDER if pii in classes), "none")
    return {"personal": "direct", "identifier": "direct", "sensitive": "direct"}.get(
        strongest, strongest
    )


def _column_pii(column: Mapping[str, Any]) -> str:
    meta = {**column.get("meta", {}), **column.get("config", {}).get("meta", {})}
    return str(meta.get("pii", "none"))
