"""The jobs that people and schedules start."""

from typing import Any

import dagster as dg

from orchestration.defs.days import drop_day, redo_day, restore_day
from orchestration.defs.privacy_ops import (
    enforce_retention,
    no_task_at_a_destination_is_overdue,
    run_privacy_requests,
)

PUBLISHING = dg.AssetSelection.groups("audiences", "sync")
MODELS = dg.AssetSelection.groups("prediction")
TRAINING_OPS = ("predict", "group_readers")

refresh = dg.define_asset_job(
    "refresh",
    # Its asset is written by another job, so nothing else would run the check.
    selection=dg.AssetSelection.all()
    | dg.AssetSelection.checks(no_task_at_a_destination_is_overdue),
    description="Everything, from new landing files to sent audiences. Nothing new: nothing sent.",
)
publish_audiences = dg.define_asset_job(
    "publish_audiences",
    selection=PUBLISHING,
    description="Compute audiences from the profiles as they are, and send the difference.",
)
retrain = dg.define_asset_job(
    "retrain",
    selection=MODELS | dg.AssetSelection.assets(["marts", "features_as_of"]),
    config={"ops": {op: {"config": {"retrain": True}} for op in TRAINING_OPS}},
    description="Train models and personas anew; a model that fails its gates is not published.",
)

ALL: list[Any] = [  # Dagster names the type of unresolved jobs in a private module only
    refresh,
    publish_audiences,
    retrain,
    run_privacy_requests,
    enforce_retention,
    redo_day,
    drop_day,
    restore_day,
]
