from __future__ import annotations

from pathlib import Path

import pytest

from measurement import ExperimentsConfig
from settings import ConfigurationError, load_config
from tests.conftest import ROOT

GOOD = """
experiments:
  hero:
    exposure: {event: Experiment Viewed}
    baseline: control
    held_out: holdout
    shares: {control: 0.5, b: 0.5}
    metrics:
      demo: {event: Demo Requested, within_days: 14}
    segments:
      - name: near
        when:
          - {trait: country, is: US}
"""


def load(folder: Path, text: str) -> ExperimentsConfig:
    path = folder / "experiments.yml"
    path.write_text(text, encoding="utf-8")
    return load_config(path, ExperimentsConfig)


def test_the_example_is_read(tmp_path: Path) -> None:
    config = load(tmp_path, GOOD)

    assert config.experiments["hero"].exposure.arm_property == "variation_id"


@pytest.mark.parametrize(
    ("good", "bad", "said"),
    [
        pytest.param("b: 0.5}", "b: 0.4}", "add up to 1", id="shares"),
        pytest.param("held_out: holdout", "held_out: control", "different arms", id="arms"),
        pytest.param("name: near", "name: global", "everybody together", id="global"),
        pytest.param("is: US", "iss: US", "did you mean 'is'", id="unknown-test"),
        pytest.param("trait: country, is: US", "colour: red", "trait or record", id="condition"),
        pytest.param(", is: US", "", "write at least one of", id="no-test"),
        pytest.param("within_days: 14", "within_days: 0", "line 9", id="line"),
        pytest.param("{event: Experiment Viewed}", "{event: E, arm_property: a'b}", "arm_property",
                     id="property"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place(tmp_path: Path, good: str, bad: str, said: str) -> None:
    assert good in GOOD

    with pytest.raises(ConfigurationError, match=said):
        load(tmp_path, GOOD.replace(good, bad))


@pytest.mark.parametrize("folder", ["config", "tests/fernhill/config"])
def test_the_shipped_files_are_good(folder: str) -> None:
    assert load_config(ROOT / folder / "experiments.yml", ExperimentsConfig).experiments
