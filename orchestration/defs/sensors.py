"""What starts a job when something arrives."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

import dagster as dg

from ingestion import landing_files
from orchestration.company import Company
from orchestration.defs.jobs import refresh


@dg.sensor(job=refresh, minimum_interval_seconds=60)
def new_landing_files(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """Refresh when a landing file is new or changed.

    The run key is a digest: file names may hold personal values and never reach Dagster.
    """
    company = Company.from_environment()
    files = landing_files(company.sources, company.paths.landing)
    if not files:
        return dg.SkipReason("no landing file matches sources.yml yet")
    digest = _digest(files)
    if digest == context.cursor:
        return dg.SkipReason("no new landing file")
    context.update_cursor(digest)
    return dg.RunRequest(run_key=digest)


def _digest(files: Iterable[Path]) -> str:
    facts = sorted(f"{file}|{file.stat().st_size}|{file.stat().st_mtime_ns}" for file in files)
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()


ALL = [new_landing_files]
