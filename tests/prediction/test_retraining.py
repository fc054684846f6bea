"""What is trained after somebody was erased is what would have been trained without them."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from prediction.boosting import train_boosted
from prediction.files import MODEL, read_state, write_folder
from prediction.states import as_state, from_state
from tests.prediction.conftest import AS_OF, Company, erase, plant_people, predictions
from tests.prediction.test_accounts import plant_accounts
from tests.prediction.test_boosting import USE, examples


def files_of(company: Company, version: str) -> dict[str, bytes]:
    folder = company.artifacts / "models" / "trial" / version
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def plant(company: Company, unit: str) -> str:
    """Some hundreds that suffice to train; the id of somebody, of an account the first of two."""
    if unit == "person":
        return plant_people(company, 480, seed=3, rate=4).ids[7]
    accounts = plant_accounts(company, 700, seed=3, rate=2)
    return accounts.people.ids[np.flatnonzero(np.bincount(accounts.of)[accounts.of] == 2)[0]]


def age(company: Company) -> None:
    """What was scored yesterday."""
    for table in ("propensity_scores", "account_scores", "account_score_members"):
        company.warehouse.execute(f"update prediction.{table} set as_of = as_of - interval 1 day")


@pytest.mark.parametrize("unit", ["person", "account"])
def test_a_training_after_an_erasure_equals_one_without_the_person_byte_for_byte(
    company: Company, tmp_path: Path, unit: str
) -> None:
    """Of an account it is one of two members, so that the account and its score stay."""
    config, person = predictions(unit=unit), plant(company, unit)
    before = company.predict(config)
    age(company)
    erase(company, person)
    never = company.copy(tmp_path / "never")
    for table in (*never.contents(), "model_changes"):
        never.warehouse.execute(f"delete from prediction.{table}")

    company.predict(config, retrain=True)
    without = never.predict(config)

    (version, *_) = [v.model_version for v in without.decisions if v.path]
    assert version not in {found.model_version for found in before.decisions}
    assert files_of(company, version) == files_of(never, version)
    for table in ("propensity_scores", "account_scores", "account_score_members"):
        fresh = f"select * from prediction.{table} where as_of = '{AS_OF}' order by all"
        assert company.rows(fresh) == never.rows(fresh)


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
