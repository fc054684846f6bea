from __future__ import annotations

from collections.abc import Iterator

import dagster as dg
import pytest

from orchestration.defs.predict import ASKS_FOR_TRAINING
from orchestration.defs.sensors import drifting_models
from orchestration.specs import asset_key
from prediction.inventory import DRIFT


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as found:
        yield found


def ask(instance: dg.DagsterInstance, models: str) -> list[dg.RunRequest]:
    """What the sensor wants after a run said that these models ask for training."""
    instance.report_runless_asset_event(
        dg.AssetMaterialization(asset_key(DRIFT), metadata={ASKS_FOR_TRAINING: models})
    )
    context = dg.build_sensor_context(instance=instance)
    return list(drifting_models.evaluate_tick(context).run_requests or ())


def test_a_model_that_drifts_starts_the_training_which_decides_for_itself(
    instance: dg.DagsterInstance,
) -> None:
    (request,) = ask(instance, "trial")

    assert request.run_config["ops"]["predict"]["config"] == {"retrain": False}
    assert "trial" in str(request.run_key)


def test_nothing_is_started_where_nothing_drifts(instance: dg.DagsterInstance) -> None:
    assert ask(instance, "") == []
