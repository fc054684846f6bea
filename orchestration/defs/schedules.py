"""When jobs start by themselves. All are stopped until a person switches them on in the UI."""

import dagster as dg

from orchestration.defs.jobs import refresh, retrain
from orchestration.defs.privacy_ops import enforce_retention, run_privacy_requests

# Early in the morning in UTC: yesterday is complete, and nobody waits for the warehouse.
nightly_refresh = dg.ScheduleDefinition(
    name="nightly_refresh", job=refresh, cron_schedule="0 4 * * *", execution_timezone="UTC",
    description="Refresh everything every night.",
)  # fmt: skip
nightly_retention = dg.ScheduleDefinition(
    name="nightly_retention", job=enforce_retention, cron_schedule="30 3 * * *",
    execution_timezone="UTC", description="Delete what is older than retention.yml allows.",
)  # fmt: skip
nightly_privacy_requests = dg.ScheduleDefinition(
    name="nightly_privacy_requests", job=run_privacy_requests, cron_schedule="0 2 * * *",
    execution_timezone="UTC",
    description="Carry out requests that wait, and go on with those that were blocked.",
)  # fmt: skip
monthly_retraining = dg.ScheduleDefinition(
    name="monthly_retraining", job=retrain, cron_schedule="0 6 1 * *", execution_timezone="UTC",
    description="Train models and personas anew on the first of the month.",
)  # fmt: skip

ALL = [nightly_refresh, nightly_retention, nightly_privacy_requests, monthly_retraining]
