"""The dbt project in two phases: what identity reads, and what reads identity."""

import os
from collections.abc import Iterator

import dagster as dg
from dagster_dbt import DbtCliResource, dbt_assets

from orchestration import dbt
from orchestration.progress import announce
from orchestration.resources import CandorResource

PROJECT = dbt.project()
TRANSLATOR = dbt.LayeredTranslator()
# Unit tests judge the SQL, not the data: they run in `make test`, not on every refresh.
BUILD = ["build", "--exclude-resource-type", "unit_test"]


@dbt_assets(
    manifest=PROJECT.manifest_path,
    project=PROJECT,
    select="tag:before_identity",
    name="prepare_records",
    dagster_dbt_translator=TRANSLATOR,
)
def prepare_records(
    context: dg.AssetExecutionContext, dbt_cli: DbtCliResource, candor: CandorResource
):
    """Stage raw tables: latest versions, trimmed, typed."""
    announce("Staging records and events")
    yield from _build(context, dbt_cli, candor)


@dbt_assets(
    manifest=PROJECT.manifest_path,
    project=PROJECT,
    select="tag:after_identity",
    name="unify_profiles",
    dagster_dbt_translator=TRANSLATOR,
)
def unify_profiles(
    context: dg.AssetExecutionContext, dbt_cli: DbtCliResource, candor: CandorResource
):
    """Build profiles, events, sessions, consent and features from who is who."""
    announce("Building profiles")
    yield from _build(context, dbt_cli, candor)


def _build(
    context: dg.AssetExecutionContext, dbt_cli: DbtCliResource, candor: CandorResource
) -> Iterator[object]:
    """Hand the warehouse file to dbt; every invocation leaves its files in the data home."""
    paths = candor.company.paths
    os.environ.update(dbt.environment(paths))
    target = paths.dbt / context.run.run_id / context.op.name
    with candor.lend_warehouse_file():
        yield from dbt_cli.cli(BUILD, context=context, target_path=target).stream()
