"""What pages are decided from, and what was decided."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from orchestration.company import known_until, utc_now
from orchestration.progress import announce
from orchestration.resources import CandorResource
from orchestration.serving import artefact_path, decision_log, serving_secret
from orchestration.specs import asset_key, table_specs
from orchestration.unexpected import in_own_words
from personalization import (
    load_decisions,
    publish_artefact,
    write_draw_units,
    write_policy_values,
)
from personalization.inventory import (
    CONTEXT_LISTS,
    DECISIONS,
    DRAW_UNITS,
    POLICY_VALUES,
    RECOMMENDATIONS,
    VARIANT_POLICIES,
)

ARTEFACT = dg.AssetKey(["personalization", "serving_artefact"])
LOADED = "every_logged_line_is_a_decision"
READ_BY_ARTEFACT = [
    asset_key(RECOMMENDATIONS),
    asset_key(CONTEXT_LISTS),
    asset_key(VARIANT_POLICIES),
    asset_key(DRAW_UNITS),
    dg.AssetKey(["marts", "profiles"]),
    dg.AssetKey(["marts", "consent_current"]),
    dg.AssetKey(["marts", "content_engagement"]),
    dg.AssetKey(["identity", "devices"]),
    dg.AssetKey(["identity", "members"]),
    dg.AssetKey(["staging", "stg_raw__person_records"]),
]


READ_BY_VALUES = [
    asset_key(DECISIONS),
    dg.AssetKey(["marts", "events"]),
    dg.AssetKey(["marts", "current_person"]),
]


# Lines of persons who are no longer there are not loaded.
READ_BY_DECISIONS = [dg.AssetKey(["marts", "current_person"])]
# Mailings of the runs before are read too; those of this run are drawn by what is written here.
READ_BY_DRAWS = [
    asset_key(DECISIONS),
    dg.AssetKey(["marts", "current_person"]),
    dg.AssetKey(["marts", "consent_current"]),
    dg.AssetKey(["identity", "devices"]),
    dg.AssetKey(["identity", "members"]),
    dg.AssetKey(["identity", "accounts"]),
]


@dg.multi_asset(
    specs=table_specs([DECISIONS], deps=READ_BY_DECISIONS),
    name="load_logged_decisions",
    can_subset=False,
    check_specs=[
        dg.AssetCheckSpec(
            LOADED,
            asset=asset_key(DECISIONS),
            description="Every line that was logged is a decision; others are kept in a file.",
        )
    ],
)
@in_own_words
def load_logged_decisions(
    context: dg.AssetExecutionContext, candor: CandorResource
) -> Iterator[dg.MaterializeResult[Any]]:
    """Load what was decided for pages since the last run."""
    announce("Loading decisions")
    with candor.open_warehouse() as warehouse:
        log = decision_log(candor.company.paths)
        report = load_decisions(warehouse, log, run_id=context.run.run_id)
        rows = warehouse.scalar(f"select count(*) from {DECISIONS.name.sql}")
    check = dg.AssetCheckResult(
        check_name=LOADED,
        asset_key=asset_key(DECISIONS),
        passed=report.unreadable == 0,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"lines_unreadable": report.unreadable},
    )
    yield dg.MaterializeResult(
        asset_key=asset_key(DECISIONS),
        metadata={
            "dagster/row_count": rows,
            "lines": report.lines,
            "decisions_loaded": report.loaded,
            "decisions_known": report.known,
            "lines_unreadable": report.unreadable,
        },
        check_results=[check],
    )


@dg.multi_asset(
    specs=table_specs([DRAW_UNITS], deps=READ_BY_DRAWS), name="keep_arms", can_subset=False
)
@in_own_words
def keep_arms(
    context: dg.AssetExecutionContext, candor: CandorResource
) -> Iterator[dg.MaterializeResult[Any]]:
    """Say by which earlier id merged persons are drawn, so that no merge changes an arm."""
    announce("Keeping arms")
    company = candor.company
    with candor.open_warehouse() as warehouse:
        rows = write_draw_units(
            warehouse,
            company.experiments,
            secret=serving_secret(company.paths),
            run_id=context.run.run_id,
        )
    yield dg.MaterializeResult(
        asset_key=asset_key(DRAW_UNITS), metadata={"dagster/row_count": rows}
    )


@dg.multi_asset(
    specs=table_specs([POLICY_VALUES], deps=READ_BY_VALUES), name="judge_policies", can_subset=False
)
@in_own_words
def judge_policies(
    context: dg.AssetExecutionContext, candor: CandorResource
) -> Iterator[dg.MaterializeResult[Any]]:
    """Say what other policies would have earned, from what was logged."""
    announce("Judging policies")
    with candor.open_warehouse() as warehouse:
        rows = write_policy_values(
            warehouse,
            candor.company.experiments,
            now=known_until(warehouse),
            run_id=context.run.run_id,
        )
        refused = warehouse.scalar(
            f"select count(*) from {POLICY_VALUES.name.sql} where refusal is not null"
        )
    yield dg.MaterializeResult(
        asset_key=asset_key(POLICY_VALUES),
        metadata={"dagster/row_count": rows, "refused": refused},
    )


@dg.asset(
    key=ARTEFACT,
    deps=READ_BY_ARTEFACT,
    group_name="personalization",
    kinds={"python", "sqlite"},
    owners=["team:personalization"],
    tags={"cdp/pii": "pseudonymous"},
)
@in_own_words
def serving_artefact(candor: CandorResource) -> dg.MaterializeResult[None]:
    """The file that pages are decided from. One row per person who granted personalization.

    It replaces the former one whole; ids are person ids and keyed hashes.
    """
    announce("Publishing decisions")
    company = candor.company
    with candor.open_warehouse() as warehouse:
        report = publish_artefact(
            warehouse,
            artefact_path(company.paths),
            company.content,
            company.experiments,
            secret=serving_secret(company.paths),
            as_of=known_until(warehouse),
            now=utc_now(),
        )
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": report.persons,
            "keyed_ids": report.keys,
            "slots": report.slots,
            "version": report.version,
        }
    )
