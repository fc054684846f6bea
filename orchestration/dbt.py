"""How Dagster sees the dbt project: keys are ``schema/model``, groups are layers, tests are checks.

A build runs in this process (`manifest.run_dbt`); what it did becomes Dagster's events here.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DbtProject

from orchestration.errors import DbtBuildError
from orchestration.manifest import ParsedProject, Workplace, load_manifest, run_dbt

# A profile shows the last published score and persona, not this run's: these tables are read
# by the marts and written after them, so the edge would close a circle.
READ_BACK = frozenset({("prediction", "propensity_scores"), ("prediction", "persona_members")})
# Strongest first: an asset is tagged with the strongest class among its columns.
PII_TAGS = {
    "sensitive": "direct",
    "identifier": "direct",
    "personal": "direct",
    "pseudonymous": "pseudonymous",
}
# Exactly what is named. Unit tests judge the SQL, not the data: they belong to `make test`.
BUILD = (
    *("build", "--indirect-selection", "empty", "--exclude-resource-type", "unit_test"),
    "--no-write-json",
)
DbtEvent = dg.MaterializeResult | dg.AssetCheckResult  # type: ignore[type-arg]


class LayeredTranslator(DagsterDbtTranslator):
    """Name assets ``schema/model``, group them by dbt layer, and let tests say their claim."""

    def get_asset_spec(
        self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None
    ) -> dg.AssetSpec:
        """Build one asset spec from one dbt node."""
        node = self.get_resource_props(manifest, unique_id)
        spec = super().get_asset_spec(manifest, unique_id, project)
        return spec.replace_attributes(
            key=key_of(node),
            description=node["description"],
            group_name=node["fqn"][1] if node["resource_type"] == "model" else node["schema"],
            owners=["team:profiles"],
            kinds={"dbt", "duckdb"},
            tags={"cdp/pii": _pii(node)},
            deps=[dep for dep in spec.deps if tuple(dep.asset_key.path) not in READ_BACK],
        )

    def get_asset_check_spec(
        self,
        asset_spec: dg.AssetSpec,
        manifest: Mapping[str, Any],
        unique_id: str,
        project: DbtProject | None,
    ) -> dg.AssetCheckSpec | None:
        """Build one check from one dbt test; what fails with severity error stops what follows."""
        spec = super().get_asset_check_spec(asset_spec, manifest, unique_id, project)
        if spec is None:
            return None
        return dg.AssetCheckSpec(
            name=spec.name,
            asset=spec.asset_key,
            description=_claim(self.get_resource_props(manifest, unique_id)),
            additional_deps=[dep.asset_key for dep in spec.additional_deps],
            blocking=spec.blocking,
            metadata=spec.metadata,
        )


@dataclass(frozen=True, slots=True)
class Build:
    """One dbt build: of what, on which warehouse, leaving its files where.

    Attributes:
        parsed: The project.
        warehouse: The DuckDB file, not open anywhere.
        target: Folder in the data home for compiled models and dbt's log.
        assets: The assets wanted.
        checks: The checks wanted.
        variables: dbt variables that differ from the project's own.
    """

    parsed: ParsedProject
    warehouse: Path
    target: Path
    assets: Collection[dg.AssetKey]
    checks: Collection[dg.AssetCheckKey]
    variables: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BuildOutcome:
    """What dbt did, node by node.

    Attributes:
        wanted: What was asked for.
        results: dbt's result of each model and test that it came to.
        succeeded: Whether dbt itself was content.
    """

    wanted: Build
    results: Sequence[Any]
    succeeded: bool

    @property
    def stored(self) -> tuple[dg.AssetKey, ...]:
        """The tables that were built; views hold no rows of their own."""
        return tuple(
            _model_key(result.node)
            for result in self.results
            if _is_built(result) and result.node.config.materialized != "view"
        )

    @property
    def failed(self) -> tuple[str, ...]:
        """Names of the models and tests that failed, not of those left out because of them."""
        bad = {"error", "fail", "runtime error", "partial success"}
        return tuple(str(result.node.name) for result in self.results if result.status in bad)

    def events(self, counts: Mapping[dg.AssetKey, int]) -> Iterator[DbtEvent]:
        """Say what came of each wanted model and test.

        Args:
            counts: Rows of each stored table.
        """
        checks = {key.name: key for key in self.wanted.checks}
        for result in self.results:
            if _is_built(result):
                yield _built(result, counts)
            elif result.node.name in checks and result.status != "skipped":
                yield _checked(result, checks[result.node.name])

    def raise_on_failure(self) -> None:
        """Stop the run where a model or test failed.

        Raises:
            DbtBuildError: Says which, and where dbt's log is.
        """
        if self.failed or not self.succeeded:
            raise DbtBuildError(self.failed, self.wanted.target / "dbt.log")


def build(wanted: Build) -> BuildOutcome:
    """Build models and run their tests; dbt leaves out what stands on a failed one.

    Files of the build before are removed: they would say nothing of this one.
    """
    shutil.rmtree(wanted.target, ignore_errors=True)
    manifest = load_manifest(wanted.parsed)
    selected = _selected(wanted, manifest)
    done = run_dbt(
        [*BUILD, "--vars", json.dumps(dict(wanted.variables)), "--select", *selected],
        Workplace(wanted.parsed.project, wanted.warehouse, wanted.target),
        manifest=manifest,
    )
    return BuildOutcome(wanted, tuple(done.result or ()), succeeded=bool(done.success))


def key_of(node: Mapping[str, Any]) -> dg.AssetKey:
    """The asset key of a model or source: as the warehouse names it."""
    return dg.AssetKey([node["schema"], node.get("identifier") or node["name"]])


def _selected(wanted: Build, manifest: Any) -> Sequence[str]:
    """The wanted models and tests by their full names, so that nothing else is chosen."""
    tests = {key.name for key in wanted.checks}
    models = {tuple(key.path) for key in wanted.assets}
    return sorted(
        ".".join(node.fqn)
        for node in manifest.nodes.values()
        if node.name in tests or (node.schema, node.name) in models
    )


def _is_built(result: Any) -> bool:
    return bool(result.node.resource_type == "model" and result.status == "success")


def _model_key(node: Any) -> dg.AssetKey:
    return dg.AssetKey([node.schema, node.name])


def _built(result: Any, counts: Mapping[dg.AssetKey, int]) -> DbtEvent:
    key = _model_key(result.node)
    rows = {"dagster/row_count": counts[key]} if key in counts else {}
    seconds = round(result.execution_time, 2)
    return dg.MaterializeResult(asset_key=key, metadata={"seconds": seconds, **rows})


def _checked(result: Any, check: dg.AssetCheckKey) -> DbtEvent:
    severities = dg.AssetCheckSeverity
    return dg.AssetCheckResult(
        asset_key=check.asset_key,
        check_name=check.name,
        passed=result.status == "pass",
        severity=severities.WARN if result.status == "warn" else severities.ERROR,
        metadata={"rows_that_break_it": result.failures or 0},
    )


def _claim(node: Mapping[str, Any]) -> str:
    """What a test says in words: its description, its own claim, or the comment on its SQL."""
    if node.get("description"):
        return str(node["description"])
    generic = node.get("test_metadata")
    if generic:
        return _generic_claim(generic["name"], generic["kwargs"])
    first = str(node.get("raw_code", "")).lstrip().split("\n", 1)[0]
    return first.removeprefix("--").strip()


def _generic_claim(name: str, kwargs: Mapping[str, Any]) -> str:
    column = kwargs.get("column_name")
    claims = {
        "unique": lambda: f"No {column} occurs twice.",
        "not_null": lambda: f"{column} is never null.",
        "is_unique_together": lambda: f"No {', '.join(kwargs['columns'])} occur twice together.",
        "accepted_values": lambda: f"{column} is one of {', '.join(map(str, kwargs['values']))}.",
        "relationships": lambda: f"Every {column} is a {kwargs['field']} of {_referred(kwargs)}.",
    }
    return claims[name]() if name in claims else f"{name} of {column or 'the table'}."


def _referred(kwargs: Mapping[str, Any]) -> str:
    """``ref('accounts')`` as a person says it: accounts."""
    return str(kwargs["to"]).split("'")[-2]


def _pii(node: Mapping[str, Any]) -> str:
    classes = {_column_pii(column) for column in node.get("columns", {}).values()}
    return next((tag for pii, tag in PII_TAGS.items() if pii in classes), "none")


def _column_pii(column: Mapping[str, Any]) -> str:
    meta = {**column.get("meta", {}), **column.get("config", {}).get("meta", {})}
    return str(meta.get("pii", "none"))
