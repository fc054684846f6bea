"""What each person's searches may be reranked by."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from orchestration.company import known_until
from orchestration.defs.choose import READ_BY_RECOMMENDATIONS
from orchestration.progress import announce
from orchestration.resources import CandorResource
from orchestration.specs import asset_key, table_specs
from orchestration.unexpected import in_own_words
from personalization import write_search_profiles
from personalization.inventory import DRAW_UNITS
from personalization.inventory_search import SEARCH_PROFILES, SEARCH_WEIGHTS

READ_BY_SEARCH = [
    *READ_BY_RECOMMENDATIONS,
    dg.AssetKey(["marts", "events"]),
    asset_key(DRAW_UNITS),
]
SEARCH_TABLES = (SEARCH_PROFILES, SEARCH_WEIGHTS)


@dg.multi_asset(
    specs=table_specs(SEARCH_TABLES, deps=READ_BY_SEARCH),
    name="profile_searchers",
    can_subset=False,
)
@in_own_words
def profile_searchers(
    context: dg.AssetExecutionContext, candor: CandorResource
) -> Iterator[dg.MaterializeResult[Any]]:
    """Say what each person who granted personalization reads more of than others, and what counts."""
    announce("Profiling searchers")
    with candor.open_warehouse() as warehouse:
        report = write_search_profiles(
            warehouse,
            candor.company.content,
            as_of=known_until(warehouse),
            run_id=context.run.run_id,
            holdout=candor.company.experiments.holdout,
        )
    yield dg.MaterializeResult(
        asset_key=asset_key(SEARCH_PROFILES),
        metadata={"dagster/row_count": report.rows, "persons": report.persons},
    )
    yield dg.MaterializeResult(
        asset_key=asset_key(SEARCH_WEIGHTS),
        metadata={
            "dagster/row_count": len(report.learnt.weights),
            "source": report.learnt.source,
            "clicked_queries": report.learnt.clicked_queries,
            "why": report.learnt.reason,
            **{f"weight of {facet}": weight for facet, weight in report.learnt.weights.items()},
        },
    )


@dg.asset_check(asset=asset_key(SEARCH_PROFILES), blocking=True)
@in_own_words
def everyone_with_a_search_profile_has_agreed(candor: CandorResource) -> dg.AssetCheckResult:
    """Every person with a search profile has granted personalization; affinities are within 0..1."""
    with candor.open_warehouse() as warehouse:
        wrong = warehouse.scalar(
            f"""
            select count(*) from {SEARCH_PROFILES.name.sql} as profiles
            left join (
                select distinct person_id from marts.consent_current
                where purpose = 'personalization' and status = 'granted'
            ) as granted using (person_id)
            where granted.person_id is null or affinity is null or affinity not between 0 and 1
            """
        )
    return dg.AssetCheckResult(passed=wrong == 0, metadata={"wrong_rows": wrong})
