"""What is trained after somebody was erased is what would have been trained without them."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from prediction.boosting import train_boosted
from prediction.files import MODEL, read_state, write_folder
from prediction.states import as_state, from_state
from tests.prediction.conftest import Company, People, ScoreReport, erase, predictions
from tests.prediction.test_boosting import USE, examples

CONFIG = predictions()


def files_of(company: Company, version: str) -> dict[str, bytes]:
    folder = company.artifacts / "models" / "trial" / version
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_a_training_after_an_erasure_equals_one_without_the_person_byte_for_byte(
    planted: tuple[Company, People, ScoreReport], published: Company, tmp_path: Path
) -> None:
    erase(published, "p00007")
    never = published.copy(tmp_path / "never")
    for table in ("models", "model_changes", "drift", "propensity_scores"):
        never.warehouse.execute(f"delete from prediction.{table}")

    after = published.predict(CONFIG, retrain=True)
    without = never.predict(CONFIG)

    version = without.answering.model_version
    assert after.answering.model_version == version != planted[2].answering.model_version
    assert files_of(published, version) == files_of(never, version)
    assert published.contents()["propensity_scores"] == never.contents()["propensity_scores"]


def test_a_model_file_holds_neither_the_time_nor_an_address(tmp_path: Path) -> None:
    model = train_boosted(examples(800, seed=1), use=USE, seed=5)
    write_folder(tmp_path / "now", as_state(model), {})
    written = (tmp_path / "now" / MODEL).read_bytes()

    time.sleep(2.1)  # the clock of an archive ticks every two seconds
    again = from_state(read_state(tmp_path / "now"))
    write_folder(tmp_path / "later", as_state(again), {})

    assert (tmp_path / "later" / MODEL).read_bytes() == written
    fresh = examples(50, seed=2).values
    np.testing.assert_array_equal(again.predict(fresh), model.predict(fresh))
