"""APIs and databases become landing files."""

import os
from collections.abc import Iterator, Sequence

import dagster as dg

from ingestion.pull import PullReport, pull_sources
from orchestration.company import utc_now
from orchestration.progress import announce
from orchestration.resources import CandorResource
from orchestration.unexpected import in_own_words

PULLED_FILES = dg.AssetKey(["landing", "pulled_files"])
PULLED = "every_source_could_be_pulled"


@dg.asset(
    key=PULLED_FILES,
    group_name="raw",
    kinds={"python", "dlt"},
    owners=["team:raw"],
    tags={"cdp/pii": "direct"},
    check_specs=[
        dg.AssetCheckSpec(
            PULLED,
            asset=PULLED_FILES,
            description="Every API and database gave what is new; the other sources are loaded.",
        )
    ],
)
@in_own_words
def pulled_files(candor: CandorResource) -> Iterator[dg.MaterializeResult[None]]:
    """Files that sources with `pull` brought into the landing folder. One row per record read.

    Rows that were landed before may come again; loading drops them. Nothing is done where no
    source is pulled.
    """
    company = candor.company
    reports = pull_sources(
        company.sources,
        company.paths.landing,
        company.paths.home,
        now=utc_now(),
        environ=os.environ,
    )
    failures = [report.failure for report in reports if report.failure is not None]
    for failure in failures:
        announce(f"Not pulled: {failure}")
    check = dg.AssetCheckResult(
        check_name=PULLED, passed=not failures, metadata={"not_pulled": failures}
    )
    yield dg.MaterializeResult(metadata=_counts(reports), check_results=[check])


def _counts(reports: Sequence[PullReport]) -> dict[str, int | list[str]]:
    """Counts, and names of columns; no value of a row."""
    return {
        "sources": len(reports),
        "rows": sum(report.rows for report in reports),
        "files": sum(len(report.files) for report in reports),
        "columns_added": _named(reports, "added"),
        "columns_gone": _named(reports, "gone"),
        "columns_retyped": _named(reports, "retyped"),
        "columns_missing": _named(reports, "missing"),
    }


def _named(reports: Sequence[PullReport], change: str) -> list[str]:
    return [
        f"{report.source}: {column}"
        for report in reports
        for column in getattr(report.changes, change)
    ]
