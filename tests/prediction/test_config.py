from __future__ import annotations

from pathlib import Path

import pydantic
import pytest

from prediction import PersonasConfig, PredictionsConfig
from settings import ConfigurationError, load_config
from tests.prediction.conftest import TRIAL, predictions

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("folder", ["config", "tests/fernhill/config"])
def test_the_configurations_that_come_along_are_valid(folder: str) -> None:
    models = load_config(ROOT / folder / "predictions.yml", PredictionsConfig).models
    personas = load_config(ROOT / folder / "personas.yml", PersonasConfig)

    assert models["trial"].purpose == "analytics"
    assert personas.purpose == "personalization"


def test_an_unknown_key_is_refused_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "personas.yml"
    file.write_text("purpose: analytics\nfewst: 3\n")

    with pytest.raises(ConfigurationError, match=r"line 2, key 'fewst'.*did you mean 'fewest'"):
        load_config(file, PersonasConfig)


def test_no_model_may_take_the_place_of_the_personas() -> None:
    with pytest.raises(pydantic.ValidationError, match="key of the personas"):
        PredictionsConfig.model_validate({"models": {"personas": TRIAL}})


def test_a_factor_that_tests_nothing_is_refused() -> None:
    with pytest.raises(pydantic.ValidationError, match="at_least or at_most"):
        predictions(rule={"base": 0.1, "factors": [{"feature": "sessions_30d", "times": 2}]})


def test_scores_and_personas_are_for_consenting_persons_unless_one_says_otherwise() -> None:
    assert predictions().models["trial"].scored == "consented"
    assert PersonasConfig().assigned == "consented"
