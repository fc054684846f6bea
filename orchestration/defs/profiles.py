"""The dbt project in two phases: what identity reads, and what reads identity."""

from collections.abc import Iterator

import dagster as dg
from dagster_dbt import dbt_assets

from orchestration.dbt import Build, DbtEvent, LayeredTranslator, build
from orchestration.manifest import parsed_project
from orchestration.progress import announce
from orchestration.resources import CandorResource
from orchestration.restore_mark import remove_mark
from orchestration.unexpected import in_own_words
from warehouse import TableName

PARSED = parsed_project()
TRANSLATOR = LayeredTranslator()


@dbt_assets(
    manifest=PARSED.manifest,
    select="tag:before_identity",
    name="prepare_records",
    dagster_dbt_translator=TRANSLATOR,
)
@in_own_words
def prepare_records(
    context: dg.AssetExecutionContext, candor: CandorResource
) -> Iterator[DbtEvent]:
    """Stage raw tables: latest versions, trimmed, typed."""
    announce("Staging records and events")
    yield from _build(context, candor)


@dbt_assets(
    manifest=PARSED.manifest,
    select="tag:after_identity",
    name="unify_profiles",
    dagster_dbt_translator=TRANSLATOR,
)
@in_own_words
def unify_profiles(context: dg.AssetExecutionContext, candor: CandorResource) -> Iterator[DbtEvent]:
    """Build profiles, events, sessions, consent and features from who is who."""
    announce("Building profiles")
    yield from _build(context, candor)
    if not context.is_subset:
        remove_mark(candor.company.paths)


def _build(context: dg.AssetExecutionContext, candor: CandorResource) -> Iterator[DbtEvent]:
    """Let dbt have the warehouse file; its files stay in the data home, those of the last build."""
    paths = candor.company.paths
    wanted = Build(
        parsed=PARSED,
        warehouse=paths.warehouse,
        target=paths.dbt / context.assets_def.op.name,
        assets=context.selected_asset_keys,
        checks=context.selected_asset_check_keys,
        variables=candor.company.profile_variables,
    )
    with candor.lend_warehouse_file():
        outcome = build(wanted)
    with candor.open_warehouse() as warehouse:
        counts = {
            key: int(warehouse.scalar(f"select count(*) from {TableName(*key.path).sql}"))
            for key in outcome.stored
        }
    yield from outcome.events(counts)
    outcome.raise_on_failure()
