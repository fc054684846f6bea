"""What each persona responds to, and what the company is ready for."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from orchestration.company import Company, known_until
from orchestration.defs.choose import READ_BY_RECOMMENDATIONS
from orchestration.progress import announce
from orchestration.resources import CandorResource
from orchestration.specs import asset_key, table_specs
from orchestration.unexpected import in_own_words
from personalization import (
    Plans,
    ReadinessReport,
    readiness_page,
    write_persona_content,
    write_readiness,
)
from personalization.inventory_personas import CONTENT_GAPS, PERSONA_CONTENT
from personalization.inventory_readiness import READINESS

READ_BY_PERSONA_CONTENT = [
    *READ_BY_RECOMMENDATIONS,
    dg.AssetKey(["prediction", "persona_members"]),
]
READ_BY_READINESS = [
    *READ_BY_RECOMMENDATIONS,
    dg.AssetKey(["marts", "events"]),
    dg.AssetKey(["marts", "contact_points"]),
    dg.AssetKey(["identity", "members"]),
    dg.AssetKey(["identity", "links"]),
    dg.AssetKey(["prediction", "models"]),
    dg.AssetKey(["prediction", "personas"]),
    dg.AssetKey(["measurement", "outcomes"]),
    dg.AssetKey(["personalization", "search_weights"]),
    dg.AssetKey(["personalization", "content_gaps"]),
    dg.AssetKey(["personalization", "persona_content"]),
]
PERSONA_TABLES = (PERSONA_CONTENT, CONTENT_GAPS)
# Below the artifacts folder of the data home.
PAGE = "reports/readiness.html"

Results = Iterator[dg.MaterializeResult[Any]]


@dg.multi_asset(
    specs=table_specs(PERSONA_TABLES, deps=READ_BY_PERSONA_CONTENT),
    name="match_personas_with_content",
    can_subset=False,
)
@in_own_words
def match_personas_with_content(
    context: dg.AssetExecutionContext, candor: CandorResource
) -> Results:
    """Say which content each persona responds to, and where there is none for it."""
    announce("Matching personas with content")
    with candor.open_warehouse() as warehouse:
        report = write_persona_content(
            warehouse, as_of=known_until(warehouse), run_id=context.run.run_id
        )
        counts = {
            table: warehouse.scalar(f"select count(*) from {table.name.sql}")
            for table in PERSONA_TABLES
        }
    told = {
        PERSONA_CONTENT: {"personas": report.personas, "surely_read_more": report.more},
        CONTENT_GAPS: {"gaps": report.gaps, "thin": report.thin},
    }
    for table in PERSONA_TABLES:
        yield dg.MaterializeResult(
            asset_key=asset_key(table),
            metadata={"dagster/row_count": counts[table], **told[table]},
        )


@dg.multi_asset(
    specs=table_specs([READINESS], deps=READ_BY_READINESS),
    name="assess_readiness",
    can_subset=False,
)
@in_own_words
def assess_readiness(context: dg.AssetExecutionContext, candor: CandorResource) -> Results:
    """Say for every capability whether rules, a hybrid or a full model is warranted; write the page."""
    announce("Assessing readiness")
    company = candor.company
    with candor.open_warehouse() as warehouse:
        report = write_readiness(
            warehouse,
            plans_of(company),
            as_of=known_until(warehouse),
            run_id=context.run.run_id,
        )
    path = company.paths.artifacts / PAGE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(readiness_page(report), encoding="utf-8")
    yield dg.MaterializeResult(
        asset_key=asset_key(READINESS),
        metadata={
            "dagster/row_count": len(report.capabilities),
            "page": dg.MetadataValue.path(str(path)),
            "start here": ", ".join(
                f"{one.capability} {one.subject}".strip() for one in report.start
            )
            or "nothing yet",
            "levels": dg.MetadataValue.md(_table(report)),
        },
    )


def plans_of(company: Company) -> Plans:
    """What the company has configured."""
    return Plans(company.content, company.predictions, company.experiments)


def _table(report: ReadinessReport) -> str:
    rows = (
        f"| {one.capability} | {one.subject} | {one.level} | {'; '.join(one.missing)} |"
        for one in report.capabilities
    )
    return "\n".join(("| capability | subject | level | missing |", "|---|---|---|---|", *rows))
