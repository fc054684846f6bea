"""The one code location: what Dagster knows of Candor."""

import warnings

import dagster as dg

# dagster-dbt asks for sqlglot's old extra; sqlglot 29 works without it and says so at import.
warnings.filterwarnings("ignore", message=r"sqlglot\[rs\] is deprecated")

# Dagster passes this parameter to itself when it copies a sensor.
warnings.filterwarnings(
    "ignore", message="Parameter `owners` of initializer", category=dg.BetaWarning
)

from orchestration.defs import (  # noqa: E402 - after the filter above
    choose,
    decide,
    ingest,
    jobs,
    mail,
    predict,
    privacy_ops,
    profiles,
    publish,
    pull,
    readiness,
    resolve,
    schedules,
    search,
    sensors,
)
from orchestration.resources import CandorResource  # noqa: E402 - as above

PARTS = [
    pull,
    ingest,
    resolve,
    profiles,
    predict,
    choose,
    decide,
    mail,
    search,
    readiness,
    publish,
    privacy_ops,
]

defs = dg.Definitions(
    assets=[*dg.load_assets_from_modules(PARTS), *privacy_ops.RECORDED],
    asset_checks=dg.load_asset_checks_from_modules(PARTS),
    jobs=jobs.ALL,
    schedules=schedules.ALL,
    sensors=sensors.ALL,
    # DuckDB has one writer: every step of a run works in the run's own process.
    executor=dg.in_process_executor,
    resources={"candor": CandorResource()},
)
