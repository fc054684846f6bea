"""What starts a job when something arrives."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

import dagster as dg

from ingestion import landing_files
from orchestration.company import Company
from orchestration.defs.jobs import TRAINING_OPS, refresh, retrain
from orchestration.defs.predict import ASKS_FOR_TRAINING
from orchestration.defs.privacy_ops import run_privacy_requests
from orchestration.privacy_parts import requests_fingerprint
from orchestration.specs import asset_key
from orchestration.unexpected import in_own_words
from prediction.inventory import DRIFT


@dg.sensor(
    job=refresh,
    minimum_interval_seconds=60,
    description="Starts `refresh` when a landing file is new or changed.",
)
@in_own_words
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


@dg.sensor(
    job=run_privacy_requests,
    minimum_interval_seconds=60,
    description="Starts `run_privacy_requests` when a request comes into the drop folder or a "
    "landing file.",
)
@in_own_words
def new_privacy_requests(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """Carry out requests when one comes into the drop folder or a landing file that holds some."""
    digest = requests_fingerprint(Company.from_environment())
    if digest is None:
        return dg.SkipReason("no request waits")
    if digest == context.cursor:
        return dg.SkipReason("no new request")
    context.update_cursor(digest)
    return dg.RunRequest(run_key=digest)


@dg.asset_sensor(
    asset_key=asset_key(DRIFT),
    job=retrain,
    minimum_interval_seconds=60,
    description="Starts `retrain` when a run has seen that a model drifts.",
)
@in_own_words
def drifting_models(
    _context: dg.SensorEvaluationContext, asset_event: dg.EventLogEntry
) -> dg.RunRequest | dg.SkipReason:
    """Train anew what drifts, as soon as a run has seen it; its cool-down is over by then.

    What asks for it stands in the metadata of the table: a sensor that opened the warehouse would
    stand in the way of runs. The run decides by the same rule, so nothing is trained twice.
    """
    written = asset_event.asset_materialization
    value = written.metadata.get(ASKS_FOR_TRAINING) if written else None
    if value is None or not value.value:
        return dg.SkipReason("no model drifts so that it must be trained anew")
    config = {"ops": {op: {"config": {"retrain": False}} for op in TRAINING_OPS}}
    return dg.RunRequest(run_key=f"{asset_event.run_id} {value.value}", run_config=config)


def _digest(files: Iterable[Path]) -> str:
    facts = sorted(f"{file}|{file.stat().st_size}|{file.stat().st_mtime_ns}" for file in files)
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()


ALL = [new_landing_files, new_privacy_requests, drifting_models]
